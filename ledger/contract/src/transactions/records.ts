/**
 * Algorithm 1 of the paper: create, query and update of a patient's record, and its history.
 * Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import {
  hospitalsShape,
  LedgerError,
  type PatientRecord,
  type PatientRegistration,
  recordStatusShape,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  ehrTypeShape,
  type HospitalRef,
  type ParticipantRef,
  type PatientRef,
  patientRefShape,
  sha256HexShape,
} from '../../../../shared/protocol/src/index.ts'
import { jsonArgument, numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { activeCaller, findParticipant, forbidden } from '../callers.ts'
import { event, find, toJson, write } from '../state.ts'

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PATIENT_EXISTS` */
export async function create(
  call: ContractCall,
  patientText: string,
  createTimeText: string,
  status: string,
  ehrType: string,
  ehrHash: string,
  hospitalsText: string,
): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const createTime = numberArgument('createTime', createTimeText)
  const content = contentOf(status, ehrType, ehrHash, hospitalsText)
  const by = await writer(call, patientRef, content.hospitals)
  if ((await call.state.get(stateKeys.record(patientRef))) !== undefined) {
    throw new LedgerError('PATIENT_EXISTS', 'the patient reference has a record')
  }
  const record: PatientRecord = { patientRef, createTime, updateTime: createTime, ...content, by }
  await write(call.state, stateKeys.record(patientRef), record)
  return { result: toJson(record), event: event('HashCreated', { patientRef, ehrHash: record.ehrHash }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PATIENT_NOT_FOUND`, `LEDGER_FORBIDDEN` */
export async function update(
  call: ContractCall,
  patientText: string,
  updateTimeText: string,
  status: string,
  ehrType: string,
  ehrHash: string,
  hospitalsText: string,
): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const updateTime = numberArgument('updateTime', updateTimeText)
  const content = contentOf(status, ehrType, ehrHash, hospitalsText)
  const current = await existing(call, patientRef)
  // Who acts stands on the record before and after: nobody adds itself, and nobody leaves a record without itself.
  const staying = content.hospitals.filter((ref) => current.hospitals.includes(ref))
  const by = await writer(call, patientRef, staying)
  const record: PatientRecord = { ...current, ...content, updateTime, by }
  await write(call.state, stateKeys.record(patientRef), record)
  return { result: toJson(record), event: event('HashUpdated', { patientRef, ehrHash: record.ehrHash }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PATIENT_NOT_FOUND` */
export async function query(call: ContractCall, patientText: string): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const text = await call.state.get(stateKeys.record(patientRef))
  if (text === undefined) throw notFound()
  return { result: text }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PATIENT_NOT_FOUND` */
export async function history(call: ContractCall, patientText: string): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const values = await call.state.history(stateKeys.record(patientRef))
  if (values.length === 0) throw notFound()
  const versions = values.map(({ txId, timeMs, value }) => `{"record":${value},"timeMs":${timeMs},"txId":"${txId}"}`)
  return { result: `[${versions.join(',')}]` }
}

function contentOf(status: string, ehrType: string, ehrHash: string, hospitals: string) {
  return {
    status: plainArgument(recordStatusShape, 'status', status),
    ehrType: plainArgument(ehrTypeShape, 'ehrType', ehrType),
    ehrHash: plainArgument(sha256HexShape, 'ehrHash', ehrHash),
    hospitals: jsonArgument(hospitalsShape, 'hospitals', hospitals),
  }
}

/**
 * The caller's reference, if it is a hospital of the list or a doctor of an organisation that has one in the list; and,
 * where the patient is registered, that hospital registered the patient: a pseudonym cannot be taken by another.
 */
async function writer(
  call: ContractCall,
  patientRef: PatientRef,
  hospitals: readonly HospitalRef[],
): Promise<ParticipantRef> {
  const caller = await activeCaller(call)
  const acting = await hospitalsOfCaller(call, caller.ref, hospitals)
  if (acting.length === 0) throw forbidden()
  const registration = await find<PatientRegistration>(call.state, stateKeys.patient(patientRef))
  if (registration !== undefined && !acting.some((ref) => registration.hospitals.includes(ref))) throw forbidden()
  return caller.ref
}

async function hospitalsOfCaller(
  call: ContractCall,
  caller: ParticipantRef,
  hospitals: readonly HospitalRef[],
): Promise<readonly HospitalRef[]> {
  if (call.tx.caller.role === 'hospital') return hospitals.filter((ref) => ref === caller)
  const records = await Promise.all(hospitals.map((ref) => findParticipant(call, ref)))
  return hospitals.filter((_, i) => records[i]?.mspId === call.tx.caller.mspId && records[i]?.status === 'active')
}

async function existing(call: ContractCall, patientRef: PatientRef): Promise<PatientRecord> {
  const record = await find<PatientRecord>(call.state, stateKeys.record(patientRef))
  if (record === undefined) throw notFound()
  return record
}

function notFound(): LedgerError {
  return new LedgerError('PATIENT_NOT_FOUND', 'the patient reference has no record')
}
