/**
 * Votes for programs of record servers. Spec: docs/protocol/07-ledger.md §7.15.
 *
 * Each organisation has a key of its own for each program, so that votes do not conflict. How many are enough is not
 * decided here: the contract does not know the organisations of the channel.
 *
 * @module
 */
import {
  MAX_ORGANIZATIONS,
  type ProgramVote,
  refuseAs,
  votedVersionShape,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import { sha256HexShape } from '../../../../shared/protocol/src/index.ts'
import { numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { event, everything, find, toJson, write } from '../state.ts'

/** A vote for another security version replaces the organisation's earlier one. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function approveProgram(call: ContractCall, text: string, versionText: string): Promise<Outcome> {
  const measurement = plainArgument(sha256HexShape, 'measurement', text)
  const number = numberArgument('securityVersion', versionText)
  const securityVersion = refuseAs('LEDGER_BAD_ARGUMENT', () => votedVersionShape(number, 'securityVersion'))
  const { caller, timeMs, txId } = call.tx
  const { mspId } = caller
  const key = stateKeys.programVote(measurement, mspId)
  const current = await find<ProgramVote>(call.state, key)
  if (current?.securityVersion === securityVersion) return { result: toJson(current) }
  const vote: ProgramVote = { mspId, securityVersion, timeMs, txId }
  await write(call.state, key, vote)
  return { result: toJson(vote), event: event('ProgramApproved', { measurement, mspId, securityVersion }) }
}

/** Takes the organisation's vote back, if there is one. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function withdrawProgram(call: ContractCall, text: string): Promise<Outcome> {
  const measurement = plainArgument(sha256HexShape, 'measurement', text)
  const { mspId } = call.tx.caller
  const key = stateKeys.programVote(measurement, mspId)
  const result = toJson({ measurement, mspId })
  if ((await call.state.get(key)) === undefined) return { result }
  await call.state.delete(key)
  return { result, event: event('ProgramWithdrawn', { measurement, mspId }) }
}

/** Without votes the list is empty. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function program(call: ContractCall, text: string): Promise<Outcome> {
  const measurement = plainArgument(sha256HexShape, 'measurement', text)
  const votes = await everything(call, stateKeys.programPrefix(measurement), MAX_ORGANIZATIONS)
  return { result: `{"measurement":"${measurement}","votes":[${votes.join(',')}]}` }
}
