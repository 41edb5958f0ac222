/**
 * What the host of a replica asks of it: to follow another server, and to take its store over.
 * Spec: docs/protocol/11-replica.md §11.3 to §11.7.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { approvedSuccession } from '../../../../shared/ledger-model/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Facts } from '../facts/queries.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { pairNeeds } from '../replica/approval.ts'
import type { Replica } from '../replica/replica.ts'
import { refusingCopies } from './copies.ts'
import type { Context, Handlers } from './handlers.ts'

type Operations =
  'follow-prepare' | 'follow-hello' | 'follow-reply' | 'follow-record' | 'follow-close' | 'follow-open' | 'promote'

export function followOperations({ lifecycle, answers }: Context): Handlers<Operations> {
  const { installation } = lifecycle
  return {
    'follow-prepare': ({ config }) => {
      const { key } = lifecycle.follow(config)
      return { key, instance: installation.instance.digest, ...installation.attestationKey }
    },

    'follow-hello': () => ({ hello: following(lifecycle).hello() }),

    /** §11.3: the ledger says which server this follows. */
    'follow-reply': ({ id, reply }) => {
      const replica = following(lifecycle)
      replica.facts.request(pairNeeds(replica.configuration), installation.now().monotonicMs, (outcome) => {
        answers.answerLater('follow-reply', id, outcome, (facts) => ({ finish: replica.reply(reply, facts) }))
      })
      return undefined
    },

    'follow-record': ({ record }) => {
      const next = following(lifecycle).take(record, installation.now())
      return next === undefined ? {} : { record: next }
    },

    'follow-close': () => {
      following(lifecycle).close()
      return {}
    },

    'follow-open': () => refusingCopies(() => ({ position: following(lifecycle).open().position })),

    promote: ({ id }) => {
      const replica = following(lifecycle)
      if (replica.reached === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
      const needs = { checkpointOf: replica.configuration.serverRef }
      replica.facts.request(needs, installation.now().monotonicMs, (outcome) => {
        answers.answerLater('promote', id, outcome, (facts) => {
          checkMayTakeOver(replica, installation.instance.digest, facts)
          lifecycle.promoted(replica.promote())
          return {}
        })
      })
      return undefined
    },
  }
}

/**
 * §11.7: only when the organisations have named this instance, and only if the copy has what the ledger vouches for; or
 * what they agreed on. It follows on when not.
 * @throws {TrustedApplicationError} `STORE_NOT_HELD`, `REPLICA_BEHIND`
 */
function checkMayTakeOver(replica: Replica, instance: Uint8Array, { succession, checkpoint }: Facts): void {
  const voters = replica.configuration.organizations.map(({ mspId }) => mspId)
  const named = succession && approvedSuccession(succession, voters)
  if (named?.instance !== encodeHex(instance)) throw new TrustedApplicationError('STORE_NOT_HELD')
  const isBehind = checkpoint !== undefined && checkpoint.size > (replica.reached?.size ?? 0)
  if (isBehind && named.from === undefined) throw new TrustedApplicationError('REPLICA_BEHIND')
}

/** @throws {TrustedApplicationError} `REPLICA_UNKNOWN`: this is none. */
function following({ replica }: Lifecycle): Replica {
  if (replica === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
  return replica
}
