/**
 * Grants: access that a patient gives beyond an appointment. Spec: docs/protocol/07-ledger.md §7.2 and
 * 03-envelopes-and-warrants.md §3.5, §3.6.
 *
 * @module
 */
import {
  type GrantEntry,
  type GrantRecord,
  LedgerError,
  PAGE_ITEMS,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  type Grant,
  type GrantId,
  parseGrant,
  parseRevocation,
  type PatientRef,
  patientRefShape,
} from '../../../../shared/protocol/src/index.ts'
import { bookmarkArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { withPermission, withRevocation } from '../permissions.ts'
import { event, find, toJson, write } from '../state.ts'
import { requireActivePatient, signedStatement } from '../statements.ts'

const GRANT_CODES = { malformed: 'GRANT_INVALID', unsigned: 'GRANT_INVALID' } as const
const REVOCATION_CODES = { malformed: 'REVOCATION_INVALID', unsigned: 'REVOCATION_INVALID' } as const

/** @throws {LedgerError} `GRANT_INVALID`, `PARTICIPANT_SUSPENDED`, `GRANT_EXISTS`, `PERMISSIONS_TOO_MANY` */
export async function grant(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload, registration } = await signedStatement(call, GRANT_CODES, () => parseGrant(jws))
  const { txId, timeMs } = call.tx
  const { jti, iss: patientRef, grantee } = payload
  const current = await findGrant(call, patientRef, jti)
  if (current !== undefined) {
    if (!isSame(current, payload)) throw new LedgerError('GRANT_EXISTS', 'the id was used with other content')
    return { result: toJson(current) }
  }
  requireActivePatient(registration)
  const entry = entryOf(payload)
  const record: GrantRecord = { ...entry, patientRef, recordedMs: timeMs, txId }
  const entries = (await find<GrantEntry[]>(call.state, stateKeys.grantsOf(patientRef))) ?? []
  await write(call.state, stateKeys.grantsOf(patientRef), withPermission(entries, entry, timeMs))
  await write(call.state, stateKeys.grant(patientRef, jti), record)
  return { result: toJson(record), event: event('Granted', { patientRef, jti, grantee }) }
}

/** Repeating it keeps the first time. @throws {LedgerError} `REVOCATION_INVALID`, `GRANT_UNKNOWN` */
export async function revokeGrant(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload } = await signedStatement(call, REVOCATION_CODES, () => parseRevocation(jws))
  const { iss: patientRef, target } = payload
  const current = isGrantId(target) ? await findGrant(call, patientRef, target) : undefined
  if (current === undefined) throw new LedgerError('GRANT_UNKNOWN', 'no such grant of this patient')
  if (current.revokedMs !== null) return { result: toJson(current) }
  const { timeMs } = call.tx
  const record = { ...current, revokedMs: timeMs }
  const entries = (await find<GrantEntry[]>(call.state, stateKeys.grantsOf(patientRef))) ?? []
  await write(call.state, stateKeys.grantsOf(patientRef), withRevocation(entries, current.jti, timeMs))
  await write(call.state, stateKeys.grant(patientRef, current.jti), record)
  return { result: toJson(record), event: event('GrantRevoked', { patientRef, jti: current.jti }) }
}

/** Every grant that ever was, in the order of their ids. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function grantsOf(call: ContractCall, patientText: string, bookmark: string): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const page = await call.state.range(stateKeys.grantPrefix(patientRef), bookmarkArgument(bookmark), PAGE_ITEMS)
  const items = page.items.map(({ value }) => value)
  return { result: `{"bookmark":${JSON.stringify(page.bookmark)},"items":[${items.join(',')}]}` }
}

function findGrant(call: ContractCall, patientRef: PatientRef, jti: GrantId): Promise<GrantRecord | undefined> {
  return find<GrantRecord>(call.state, stateKeys.grant(patientRef, jti))
}

function entryOf(given: Grant): GrantEntry {
  const { jti, grantee, scope, records, except, fromMs, toMs, purpose, nbf, exp } = given
  const nbfMs = nbf * 1_000
  const expMs = exp * 1_000
  const entry = { jti, grantee, scope, records, fromMs, toMs, purpose, nbfMs, expMs, revokedMs: null }
  return except === undefined ? entry : { ...entry, except }
}

/** The grant says the same; whether it was revoked meanwhile does not matter. */
function isSame(record: GrantRecord, given: Grant): boolean {
  const { patientRef: _, recordedMs: __, txId: ___, ...entry } = record
  return toJson({ ...entry, revokedMs: null }) === toJson(entryOf(given))
}

function isGrantId(target: string): target is GrantId {
  return target.startsWith('g-')
}
