/**
 * What the host of new hardware carries to and from the hospitals that give their shares of a lost server's key.
 * Spec: docs/protocol/12-recovery-shares.md §12.4, §12.5.
 *
 * @module
 */
import { encodeAnswer } from '../../../../shared/tee-abi/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Restoring } from '../recovery/restoring.ts'
import { pairNeeds } from '../replica/approval.ts'
import { refusingCopies } from './copies.ts'
import type { Context, Handlers } from './handlers.ts'

type Operations = 'restore-prepare' | 'restore-hello' | 'restore-finish' | 'restore-record' | 'restore-open'

export function restoreOperations({ lifecycle, answers }: Context): Handlers<Operations> {
  const { installation } = lifecycle
  return {
    'restore-prepare': ({ config }) => {
      const { key } = lifecycle.restore(config)
      return { key, instance: installation.instance.digest, ...installation.attestationKey }
    },

    'restore-hello': ({ hello, conn }) => ({ reply: restoring(lifecycle).hello(hello, conn, installation.now()) }),

    /** §12.5: the ledger says which hospital gives a share, and with which key the server signs; the answer waits for it. */
    'restore-finish': ({ id, finish }) => {
      const restored = restoring(lifecycle)
      const pending = restored.finish(finish, installation.now())
      const { monotonicMs } = installation.now()
      restored.facts.request(pairNeeds(restored.configuration), monotonicMs, (outcome) => {
        answers.answerLater('restore-finish', id, outcome, (facts) => ({
          record: restored.completeFinish(pending, facts, installation.now()),
        }))
      })
      return undefined
    },

    'restore-record': ({ id, record }) => {
      const answer = restoring(lifecycle).record(record, installation.now())
      answers.release('restore-record', () => encodeAnswer('restore-record', id, { record: answer() }))
      return undefined
    },

    'restore-open': () => {
      lifecycle.restored(refusingCopies(() => restoring(lifecycle).open()))
      return {}
    },
  }
}

/** @throws {TrustedApplicationError} `TEE_ALREADY_PROVISIONED`: this has its store. */
function restoring(lifecycle: Lifecycle): Restoring {
  if (lifecycle.restoring === undefined) throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
  return lifecycle.restoring
}
