/**
 * Recorded warrants: hash, parties and period; the warrant itself stays off the ledger.
 * Spec: docs/protocol/07-ledger.md §7.2 and 03-envelopes-and-warrants.md §3.4, §3.6.
 *
 * @module
 */
import {
  LedgerError,
  stateKeys,
  type WarrantEntry,
  type WarrantRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  parseRevocation,
  parseWarrantRecord,
  type WarrantId,
  warrantIdShape,
  type WarrantRecording,
} from '../../../../shared/protocol/src/index.ts'
import { plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { withPermission, withRevocation } from '../permissions.ts'
import { event, find, toJson, write } from '../state.ts'
import { requireActivePatient, signedStatement } from '../statements.ts'

const RECORD_CODES = { malformed: 'LEDGER_BAD_ARGUMENT', unsigned: 'WARRANT_SIGNATURE_INVALID' } as const
const REVOCATION_CODES = { malformed: 'REVOCATION_INVALID', unsigned: 'REVOCATION_INVALID' } as const

/**
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `WARRANT_SIGNATURE_INVALID`, `PARTICIPANT_SUSPENDED`, `WARRANT_EXISTS`,
 * `PERMISSIONS_TOO_MANY`
 */
export async function recordWarrant(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload, registration } = await signedStatement(call, RECORD_CODES, () => parseWarrantRecord(jws))
  const { txId, timeMs } = call.tx
  const { jti, iss: patientRef } = payload
  const current = await findWarrant(call, jti)
  if (current !== undefined) {
    if (!isSame(current, payload)) throw new LedgerError('WARRANT_EXISTS', 'the id was used with other content')
    return { result: toJson(current) }
  }
  requireActivePatient(registration)
  const entry = entryOf(payload)
  const record: WarrantRecord = { ...entry, patientRef, recordedMs: timeMs, txId }
  const entries = (await find<WarrantEntry[]>(call.state, stateKeys.warrantsOf(patientRef))) ?? []
  await write(call.state, stateKeys.warrantsOf(patientRef), withPermission(entries, entry, timeMs))
  await write(call.state, stateKeys.warrant(jti), record)
  return { result: toJson(record), event: event('WarrantRecorded', { patientRef, jti }) }
}

/** Repeating it keeps the first time. @throws {LedgerError} `REVOCATION_INVALID`, `WARRANT_UNKNOWN` */
export async function revokeWarrant(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload } = await signedStatement(call, REVOCATION_CODES, () => parseRevocation(jws))
  const { iss: patientRef, target } = payload
  const current = isWarrantId(target) ? await findWarrant(call, target) : undefined
  if (current === undefined || current.patientRef !== patientRef) throw unknown()
  if (current.revokedMs !== null) return { result: toJson(current) }
  const { timeMs } = call.tx
  const record = { ...current, revokedMs: timeMs }
  const entries = (await find<WarrantEntry[]>(call.state, stateKeys.warrantsOf(patientRef))) ?? []
  await write(call.state, stateKeys.warrantsOf(patientRef), withRevocation(entries, current.jti, timeMs))
  await write(call.state, stateKeys.warrant(current.jti), record)
  return { result: toJson(record), event: event('WarrantRevoked', { patientRef, jti: current.jti }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `WARRANT_UNKNOWN` */
export async function warrant(call: ContractCall, jtiText: string): Promise<Outcome> {
  const jti = plainArgument(warrantIdShape, 'jti', jtiText)
  const text = await call.state.get(stateKeys.warrant(jti))
  if (text === undefined) throw unknown()
  return { result: text }
}

function findWarrant(call: ContractCall, jti: WarrantId): Promise<WarrantRecord | undefined> {
  return find<WarrantRecord>(call.state, stateKeys.warrant(jti))
}

function entryOf({ jti, warrantHash, doctors, hospital, nbf, exp }: WarrantRecording): WarrantEntry {
  return { jti, warrantHash, doctors, hospital, nbfMs: nbf * 1_000, expMs: exp * 1_000, revokedMs: null }
}

/** The recording says the same; whether it was revoked meanwhile does not matter. */
function isSame(record: WarrantRecord, recording: WarrantRecording): boolean {
  const { patientRef, recordedMs: _, txId: __, ...entry } = record
  return patientRef === recording.iss && toJson({ ...entry, revokedMs: null }) === toJson(entryOf(recording))
}

function isWarrantId(target: string): target is WarrantId {
  return target.startsWith('w-')
}

function unknown(): LedgerError {
  return new LedgerError('WARRANT_UNKNOWN', 'no such warrant of this patient')
}
