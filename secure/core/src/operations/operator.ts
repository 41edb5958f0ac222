/**
 * What the operator of the server asks for: its configuration, its certificates, backups, its end.
 * Spec: docs/protocol/02-registration.md §2.7, §2.10; 10-tee-abi.md §10.2.
 *
 * @module
 */
import { decodeConfigurationUpdate } from '../../../../shared/ledger-model/src/index.ts'
import { encodeAnswer, encodeRefusal } from '../../../../shared/tee-abi/src/index.ts'
import { StorageError, TrustedApplicationError } from '../errors.ts'
import { updatedConfiguration, type Configuration } from '../keys/configuration.ts'
import { codeOf } from './answers.ts'
import type { Context, Handlers } from './handlers.ts'

type Operations =
  | 'provision'
  | 'configuration'
  | 'reconfigure'
  | 'certificate'
  | 'next-identity'
  | 'take-identity'
  | 'exchange-sealing'
  | 'anchor-now'
  | 'backup'
  | 'stop'

export function operatorOperations({ lifecycle, answers }: Context): Handlers<Operations> {
  return {
    provision: ({ config }) => {
      const { vault } = lifecycle.provision(config)
      const { attestationKey } = lifecycle.installation
      const { digest: configDigest } = vault.configuration
      return { configDigest, identityKey: vault.identity.publicKey, ...attestationKey }
    },

    configuration: () => ({ config: lifecycle.provisioned().vault.configuration.encoded }),

    /** §2.7: only signatures by certificates that are not revoked count; the answer waits for the ledger. */
    reconfigure: ({ id, update: encoded }) => {
      const served = lifecycle.provisioned()
      const { vault } = served
      const update = decodeConfigurationUpdate(encoded)
      const { monotonicMs, unixMs } = vault.now()
      // First without the ledger: only what is signed well is worth a question.
      updatedConfiguration(vault.crypto, vault.configuration, update, unixMs, () => false)
      const organizations = update.signatures.map(({ mspId }) => mspId)
      vault.facts.request({ organizations, fresh: true }, monotonicMs, (outcome) => {
        let next: Configuration
        try {
          if ('code' in outcome) throw new TrustedApplicationError(outcome.code)
          const { facts } = outcome
          // Again: another one may have been taken since.
          next = updatedConfiguration(vault.crypto, vault.configuration, update, facts.timeMs, (mspId, serialHex) => {
            return facts.findOrganization(mspId)?.revokedSerials.includes(serialHex) === true
          })
        } catch (error) {
          const code = codeOf(error)
          answers.release('reconfigure', () => encodeRefusal(id, code))
          return
        }
        // What fails from here on has written and ends the application.
        served.reconfigure(next)
        answers.answer('reconfigure', id, { configDigest: next.digest, sequence: next.sequence })
      })
      return undefined
    },

    certificate: ({ cert }) => {
      lifecycle.provisioned().certificate.install(cert)
      return {}
    },

    'next-identity': () => lifecycle.provisioned().certificate.prepareNext(),

    'take-identity': ({ cert }) => {
      lifecycle.provisioned().certificate.certifyNext(cert)
      return {}
    },

    'exchange-sealing': () => ({ generation: lifecycle.provisioned().resealing.begin() }),

    'anchor-now': () => {
      const { vault } = lifecycle.provisioned()
      return { epoch: vault.anchor.request(vault.now().monotonicMs) }
    },

    backup: ({ id, name }) => {
      const { vault } = lifecycle.provisioned()
      // A backup is of durable rows: it is made when the round is.
      answers.release('backup', () => {
        try {
          vault.store.database.backup(name)
        } catch (error) {
          // The copy could not be made; the store itself is as good as before.
          if (error instanceof StorageError) return encodeRefusal(id, error.code)
          throw error
        }
        return encodeAnswer('backup', id, { name, checkpoint: vault.checkpoints.current().text })
      })
      return undefined
    },

    stop: ({ id }) => {
      answers.release('stop', () => {
        lifecycle.stop()
        return encodeAnswer('stop', id, {})
      })
      return undefined
    },
  }
}
