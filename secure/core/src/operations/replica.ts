/**
 * What the host of a served store carries to and from the replica that follows it.
 * Spec: docs/protocol/11-replica.md §11.3 to §11.6.
 *
 * @module
 */
import { encodeAnswer, encodeRefusal } from '../../../../shared/tee-abi/src/index.ts'
import { checkOffersReplicas } from '../recovery/pairing.ts'
import { pairNeeds } from '../replica/approval.ts'
import type { Context, Handlers } from './handlers.ts'

type Operations = 'replica-mode' | 'replica-hello' | 'replica-finish' | 'replica-record'

export function replicaOperations({ lifecycle, answers }: Context): Handlers<Operations> {
  return {
    'replica-mode': ({ mode, key }) => {
      const { vault, leader } = lifecycle.provisioned()
      // §11.3: a replica is of the same kind of TEE, so here there is none to keep changes for.
      if (mode !== 'off') checkOffersReplicas(lifecycle.installation.ports.database)
      leader.setMode(mode, key)
      return { position: vault.store.position }
    },

    'replica-hello': ({ hello }) => {
      const { vault, leader } = lifecycle.provisioned()
      return { reply: leader.hello(hello, vault.now()) }
    },

    /** §11.3: the ledger says which replica may have the key; the answer waits for it. */
    'replica-finish': ({ id, finish }) => {
      const { vault, leader } = lifecycle.provisioned()
      const pending = leader.finish(finish, vault.now())
      vault.facts.request(pairNeeds(vault.configuration, pending.instance), vault.now().monotonicMs, (outcome) => {
        answers.answerLater('replica-finish', id, outcome, (facts) => ({
          record: leader.completeFinish(pending, facts, vault.now()),
        }))
      })
      return undefined
    },

    'replica-record': ({ id, record }) => {
      const { vault, leader } = lifecycle.provisioned()
      leader.record(record, vault.now(), (sealed) => {
        answers.release('replica-record', () => {
          const answer = sealed()
          return 'code' in answer ? encodeRefusal(id, answer.code) : encodeAnswer('replica-record', id, answer)
        })
      })
      return undefined
    },
  }
}
