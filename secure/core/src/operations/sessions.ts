/**
 * What the host carries between clients and their sessions.
 * Spec: docs/protocol/05-sessions.md.
 *
 * @module
 */
import { equalBytes } from '../../../../shared/crypto/src/index.ts'
import { encodeAnswer, encodeRefusal } from '../../../../shared/tee-abi/src/index.ts'
import type { FactsOutcome } from '../facts/ledger-facts.ts'
import type { Facts } from '../facts/queries.ts'
import { organizationFacts, type PendingFinish } from '../sessions/index.ts'
import type { Context, Handlers } from './handlers.ts'

export function sessionOperations({ lifecycle, answers }: Context): Handlers<'hello' | 'finish' | 'record'> {
  return {
    hello: ({ hello, conn }) => {
      const { vault } = lifecycle.provisioned()
      return { reply: vault.sessions.hello(hello, conn, vault.now()) }
    },

    /** §5.6: the ledger says whether the client is still known; the answer waits for it. */
    finish: ({ id, finish }) => {
      const { vault } = lifecycle.provisioned()
      const pending = vault.sessions.finish(finish, vault.now())
      const settle = (outcome: FactsOutcome): void => {
        answers.answerLater('finish', id, outcome, (facts) => {
          const known = organizationFacts(facts.organization(pending.mspId))
          return { record: vault.sessions.completeFinish(pending, known, vault.now()).record }
        })
      }
      const needs = { organizations: [pending.mspId] }
      vault.facts.request(needs, vault.now().monotonicMs, (outcome) => {
        // Who registered a moment ago is not in what is remembered.
        if ('code' in outcome || isKnownIn(outcome.facts, pending)) settle(outcome)
        else vault.facts.request({ ...needs, fresh: true }, vault.now().monotonicMs, settle)
      })
      return undefined
    },

    record: ({ id, record }) => {
      lifecycle.provisioned().requests.take(record, (answer) => {
        answers.release('record', () => {
          const sealed = answer()
          return 'code' in sealed ? encodeRefusal(id, sealed.code) : encodeAnswer('record', id, sealed)
        })
      })
      return undefined
    },
  }
}

/** Whether these facts show the participant of a finish, with the key of its certificate. */
function isKnownIn(facts: Facts, { mspId, credential }: PendingFinish): boolean {
  const policy = facts.findOrganization(mspId)
  const participant = policy && organizationFacts(policy).findParticipant(credential.participant)
  return participant !== undefined && equalBytes(participant.publicKey, credential.participantKey)
}
