/**
 * Votes for who holds a record server's store. Spec: docs/protocol/07-ledger.md §7.16.
 *
 * Each organisation has a key of its own for each server, so that votes do not conflict. How many are enough, and which
 * term follows, is not decided here: the contract does not know the organisations of the channel.
 *
 * @module
 */
import {
  isSameSuccession,
  KEPT_TERMS,
  LedgerError,
  MAX_ORGANIZATIONS,
  refuseAs,
  stateKeys,
  type SuccessionVote,
  type SuccessionVotes,
  successionOf,
  successionShape,
  termShape,
} from '../../../../shared/ledger-model/src/index.ts'
import { type ServerRef, serverRefShape } from '../../../../shared/protocol/src/index.ts'
import { jsonArgument, numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { findParticipant } from '../callers.ts'
import { event, everything, find, toJson, write } from '../state.ts'

/**
 * A vote for the organisation's newest term replaces that vote; one for a higher term ends it.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PARTICIPANT_UNKNOWN` (no such server), `SUCCESSION_OLD_TERM`
 */
export async function approveSuccession(call: ContractCall, server: string, text: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', server)
  const wanted = jsonArgument(successionShape, 'succession', text)
  const { caller, timeMs, txId } = call.tx
  const { mspId } = caller
  if ((await findParticipant(call, serverRef)) === undefined) {
    throw new LedgerError('PARTICIPANT_UNKNOWN', 'no such server is registered')
  }
  const votes = await votesOf(call, serverRef)
  const [newest] = votes
  if (newest !== undefined && isSameSuccession(newest, wanted)) return { result: toJson(newest) }
  if (newest !== undefined && wanted.term < newest.term) throw oldTerm()
  const vote: SuccessionVote = { ...wanted, mspId, timeMs, txId }
  const before = votes.filter(({ term }) => term < vote.term)
  const next: SuccessionVotes = { votes: [vote, ...before].slice(0, KEPT_TERMS) }
  await write(call.state, stateKeys.successionVotes(serverRef, mspId), next)
  return {
    result: toJson(vote),
    event: event('SuccessionApproved', { serverRef, mspId, ...successionOf(wanted) }),
  }
}

/**
 * Takes the organisation's vote for its newest term back, if it has one for that term.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `SUCCESSION_OLD_TERM`
 */
export async function withdrawSuccession(call: ContractCall, server: string, termText: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', server)
  const number = numberArgument('term', termText)
  const term = refuseAs('LEDGER_BAD_ARGUMENT', () => termShape(number, 'term'))
  const { mspId } = call.tx.caller
  const key = stateKeys.successionVotes(serverRef, mspId)
  const result = toJson({ serverRef, mspId, term })
  const [newest, ...before] = await votesOf(call, serverRef)
  if (newest === undefined || term > newest.term) return { result }
  if (term < newest.term) throw oldTerm()
  if (before.length === 0) await call.state.delete(key)
  else await write(call.state, key, { votes: before } satisfies SuccessionVotes)
  return { result, event: event('SuccessionWithdrawn', { serverRef, mspId, term }) }
}

/** Without votes the list is empty. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function succession(call: ContractCall, server: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', server)
  const all = await everything(call, stateKeys.successionPrefix(serverRef), MAX_ORGANIZATIONS)
  const votes = all.flatMap((text) => (JSON.parse(text) as SuccessionVotes).votes)
  return { result: toJson({ serverRef, votes }) }
}

async function votesOf(call: ContractCall, serverRef: ServerRef): Promise<readonly SuccessionVote[]> {
  const key = stateKeys.successionVotes(serverRef, call.tx.caller.mspId)
  return (await find<SuccessionVotes>(call.state, key))?.votes ?? []
}

function oldTerm(): LedgerError {
  return new LedgerError('SUCCESSION_OLD_TERM', 'the organisation has voted for a later term')
}
