/**
 * How long organisations must keep records. Spec: docs/protocol/07-ledger.md §7.19.
 *
 * Each organisation has a key of its own, which only its administrators write.
 *
 * @module
 */
import {
  MAX_RETENTION_STATEMENTS,
  MAX_RETENTION_STEPS,
  reasonShape,
  refuseAs,
  type RetainedVersion,
  retainedUntilMs,
  retentionDaysShape,
  type RetentionRelease,
  type RetentionState,
  type RetentionStep,
  stateKeys,
  withRetention,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  type AuthorRef,
  type MspId,
  mspIdShape,
  type RecordId,
  recordIdShape,
} from '../../../../shared/protocol/src/index.ts'
import { badArgument, numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { findParticipant, unknownParticipant } from '../callers.ts'
import { event, find, toJson, write } from '../state.ts'
import { recordsAt } from './commitments.ts'

/** Saying again what was said last changes nothing. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function setRetention(call: ContractCall, daysText: string): Promise<Outcome> {
  const number = numberArgument('days', daysText)
  const days = refuseAs('LEDGER_BAD_ARGUMENT', () => retentionDaysShape(number, 'days'))
  const { caller, timeMs, txId } = call.tx
  const { mspId } = caller
  const key = stateKeys.retention(mspId)
  const current = await find<RetentionState>(call.state, key)
  if (current?.days === days) return { result: toJson(current) }
  const steps = withRetention(current?.steps ?? [], days, timeMs)
  if (steps.length > MAX_RETENTION_STEPS) throw badArgument('the number of steps')
  const next: RetentionState = { mspId, days, timeMs, txId, steps }
  await write(call.state, key, next)
  return { result: toJson(next), event: event('RetentionChanged', { mspId, days }) }
}

/** Without statements the lists are empty. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function retention(call: ContractCall, mspText: string): Promise<Outcome> {
  const mspId = plainArgument(mspIdShape, 'mspId', mspText)
  const values = await call.state.history(stateKeys.retention(mspId))
  const states = values.slice(-MAX_RETENTION_STATEMENTS).map(({ value }) => JSON.parse(value) as RetentionState)
  const statements = states.map(({ days, timeMs, txId }) => ({ days, timeMs, txId }))
  return { result: toJson({ mspId, steps: await stepsOf(call, mspId), statements }) }
}

/**
 * The caller's organisation need not keep its versions of a record any more. Repeating it keeps the first time.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`
 */
export async function releaseRecord(call: ContractCall, record: string, reasonText: string): Promise<Outcome> {
  const recordId = plainArgument(recordIdShape, 'recordId', record)
  const reason = plainArgument(reasonShape, 'reason', reasonText)
  const { caller, timeMs, txId } = call.tx
  const { mspId } = caller
  const key = stateKeys.retentionRelease(mspId, recordId)
  const current = await call.state.get(key)
  if (current !== undefined) return { result: current }
  const release: RetentionRelease = { mspId, recordId, reason, timeMs, txId }
  await write(call.state, key, release)
  return { result: toJson(release), event: event('RecordReleased', { mspId, recordId }) }
}

/**
 * Who must keep the versions that stand at these places, and until when.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `BATCH_NOT_FOUND` (any of them)
 */
export async function retainedUntil(call: ContractCall, placesText: string): Promise<Outcome> {
  const organizations = new Map<AuthorRef, MspId>()
  const steps = new Map<MspId, readonly RetentionStep[]>()
  const versions: RetainedVersion[] = []
  for (const { author, recordId, timeMs } of await recordsAt(call, placesText)) {
    const mspId = organizations.get(author) ?? (await organizationOf(call, author))
    organizations.set(author, mspId)
    const known = steps.get(mspId) ?? (await stepsOf(call, mspId))
    steps.set(mspId, known)
    const untilMs = retainedUntilMs(known, timeMs)
    const isKept = untilMs !== undefined && !(await isReleased(call, mspId, recordId))
    versions.push(isKept ? { mspId, untilMs } : { mspId })
  }
  return { result: toJson(versions) }
}

async function stepsOf(call: ContractCall, mspId: MspId): Promise<readonly RetentionStep[]> {
  return (await find<RetentionState>(call.state, stateKeys.retention(mspId)))?.steps ?? []
}

async function isReleased(call: ContractCall, mspId: MspId, recordId: RecordId): Promise<boolean> {
  return (await call.state.get(stateKeys.retentionRelease(mspId, recordId))) !== undefined
}

async function organizationOf(call: ContractCall, author: AuthorRef): Promise<MspId> {
  const record = await findParticipant(call, author)
  // Unreached: the author was registered when the batch was committed, and no registration is ever removed.
  if (record === undefined) throw unknownParticipant()
  return record.mspId
}
