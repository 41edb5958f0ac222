/**
 * Who calls: the participant behind a certificate.
 *
 * @module
 */
import {
  LedgerError,
  type ParticipantRecord,
  type RegisteredRef,
  type Role,
  stateKeys,
} from '../../../shared/ledger-model/src/index.ts'
import type { HospitalRef, ParticipantRef } from '../../../shared/protocol/src/index.ts'
import type { ContractCall } from './call.ts'
import { find } from './state.ts'

/** So many are read one by one, each for itself. */
const FEW = 4

/** @throws {LedgerError} `LEDGER_FORBIDDEN` */
export function forbidden(): LedgerError {
  return new LedgerError('LEDGER_FORBIDDEN', 'this caller may not do this')
}

/**
 * The caller's own record: registered by its organisation, of the kind its role says, active.
 *
 * @throws {LedgerError} `LEDGER_FORBIDDEN` without a reference or for another kind or organisation,
 * `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED`.
 */
export async function activeCaller(call: ContractCall): Promise<ParticipantRecord> {
  const { role, ref, mspId } = call.tx.caller
  if (ref === undefined || role === undefined) throw forbidden()
  const record = await activeParticipant(call, ref)
  if (record.kind !== role || record.mspId !== mspId) throw forbidden()
  return record
}

/** The caller as a hospital. */
export async function activeHospital(call: ContractCall): Promise<HospitalRef> {
  // Unreached: the table of functions (07 §7.2) lets hospitals only come here.
  if (call.tx.caller.role !== 'hospital') throw forbidden()
  return (await activeCaller(call)).ref as HospitalRef
}

/** @throws {LedgerError} `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED` */
export async function activeParticipant(call: ContractCall, ref: ParticipantRef): Promise<ParticipantRecord> {
  return requireActive(await findParticipant(call, ref))
}

/** @throws {LedgerError} `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED` */
export function requireActive(record: ParticipantRecord | undefined): ParticipantRecord {
  if (record === undefined) throw unknownParticipant()
  if (record.status !== 'active') throw new LedgerError('PARTICIPANT_SUSPENDED', 'the participant is suspended')
  return record
}

/** Participants other than patients. */
export function findParticipant(call: ContractCall, ref: ParticipantRef): Promise<ParticipantRecord | undefined> {
  return find<ParticipantRecord>(call.state, stateKeys.participant(ref))
}

/** As `findParticipant`, for many at once: see `WorldState.getSteady`. */
export async function findParticipants<T extends ParticipantRef>(
  { state }: ContractCall,
  refs: readonly T[],
): Promise<ReadonlyMap<T, ParticipantRecord | undefined>> {
  // Decided by the arguments alone: every endorser reads the same.
  const isMany = refs.length > FEW
  const texts = await Promise.all(
    refs.map((ref) => {
      const key = stateKeys.participant(ref)
      return isMany ? state.getSteady(key) : state.get(key)
    }),
  )
  const parse = (text: string | undefined) => (text === undefined ? undefined : (JSON.parse(text) as ParticipantRecord))
  return new Map(refs.map((ref, i) => [ref, parse(texts[i])]))
}

/** A registered participant of the caller's own organisation. */
export async function ownParticipant(call: ContractCall, ref: RegisteredRef): Promise<ParticipantRecord> {
  const record = await findParticipant(call, ref)
  if (record === undefined) throw unknownParticipant()
  if (record.mspId !== call.tx.caller.mspId) throw forbidden()
  return record
}

export function unknownParticipant(): LedgerError {
  return new LedgerError('PARTICIPANT_UNKNOWN', 'the participant is not registered')
}

export function hasRole(call: ContractCall, ...roles: readonly Role[]): boolean {
  return call.tx.caller.role !== undefined && roles.includes(call.tx.caller.role)
}
