/**
 * Registration, suspension and reinstatement of participants. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * A participant's record stands at two keys with the same text: by reference, for the checks of every transaction, and
 * by organisation, so that an organisation's list is a range and no key that all its registrations would fight over.
 *
 * @module
 */
import { CryptoError, decodeBase64url, encodeBase64url, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import {
  type CheckpointRecord,
  isKeyHandoverSignedBy,
  LedgerError,
  measurementsShape,
  type ParticipantRecord,
  type ParticipantRegistration,
  participantRegistrationShape,
  parseRef,
  type PatientParticipant,
  type PatientRegistration,
  patientRegistrationShape,
  reasonShape,
  REF_ATTRIBUTE,
  roleOf,
  stateKeys,
  type SuccessionVotes,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  isPatientRef,
  participantRefShape,
  type PatientRef,
  type ServerRef,
  serverRefShape,
} from '../../../../shared/protocol/src/index.ts'
import { badArgument, jsonArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { findParticipant, forbidden, hasRole, ownParticipant, unknownParticipant } from '../callers.ts'
import { event, find, toJson, write, writeNew } from '../state.ts'
import { verifyingKey } from '../verifying-keys.ts'
import { registerPatient } from './patient-keys.ts'

const MAX_EARLIER_KEYS = 16

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_EXISTS` */
export async function registerParticipant(call: ContractCall, text: string): Promise<Outcome> {
  // Hospitals register patients, administrators everyone else.
  const isPatient = isPatientRegistration(text)
  if (isPatient !== hasRole(call, 'hospital')) throw forbidden()
  if (isPatient) return registerPatient(call, jsonArgument(patientRegistrationShape, 'participant', text))
  const registration = checkedRegistration(call, text)
  const { mspId } = call.tx.caller
  const current = await findParticipant(call, registration.ref)
  if (current !== undefined) {
    if (current.mspId === mspId && isSame(current, registration)) return { result: toJson(current) }
    throw new LedgerError('PARTICIPANT_EXISTS', 'the reference is registered with other content')
  }
  const { timeMs } = call.tx
  const record: ParticipantRecord = {
    ...registration,
    mspId,
    status: 'active',
    flagged: false,
    registeredMs: timeMs,
    changedMs: timeMs,
    earlierKeys: [],
  }
  await ensureOrganization(call)
  await writeNew(call.state, stateKeys.participant(record.ref), record)
  await write(call.state, stateKeys.member(mspId, record.ref), record)
  return { result: toJson(record), event: registered(record) }
}

/**
 * Replaces key, certificate and attributes of a participant; the earlier key stays for signatures made with it. The next
 * key of a record server is named by the server itself.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_UNKNOWN`, `KEY_HANDOVER_INVALID`
 */
export async function renewParticipant(call: ContractCall, text: string): Promise<Outcome> {
  const registration = checkedRegistration(call, text)
  const current = await ownParticipant(call, registration.ref)
  if (isSame(current, registration)) return { result: toJson(current) }
  await checkHandover(call, current, registration)
  const { publicKey, certSerial } = current
  const { timeMs } = call.tx
  const record: ParticipantRecord = {
    ...registration,
    mspId: current.mspId,
    status: current.status,
    flagged: current.flagged,
    registeredMs: current.registeredMs,
    changedMs: timeMs,
    earlierKeys: [{ publicKey, certSerial, untilMs: timeMs }, ...current.earlierKeys].slice(0, MAX_EARLIER_KEYS),
  }
  await putParticipant(call, record)
  return { result: toJson(record), event: registered(record) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_UNKNOWN` */
export function suspendParticipant(call: ContractCall, refText: string, reason: string): Promise<Outcome> {
  return setStatus(call, refText, reason, 'suspended')
}

/** Also lifts the flag of a report. @throws {LedgerError} as `suspendParticipant` */
export function reinstateParticipant(call: ContractCall, refText: string, reason: string): Promise<Outcome> {
  return setStatus(call, refText, reason, 'active')
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PARTICIPANT_UNKNOWN` */
export async function participant(call: ContractCall, refText: string): Promise<Outcome> {
  const ref = plainArgument(participantRefShape, 'ref', refText)
  if (isPatientRef(ref)) return { result: toJson(patientParticipant(await registrationOf(call, ref))) }
  const text = await call.state.get(stateKeys.participant(ref))
  if (text === undefined) throw unknownParticipant()
  return { result: text }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_UNKNOWN` */
export async function setMeasurements(call: ContractCall, serverText: string, text: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', serverText)
  const measurements = jsonArgument(measurementsShape, 'measurements', text)
  const current = await ownParticipant(call, serverRef)
  // Unreached: registration takes no server without it.
  if (current.server === undefined) throw unknownParticipant()
  const record = { ...current, changedMs: call.tx.timeMs, server: { ...current.server, measurements } }
  await putParticipant(call, record)
  return { result: toJson(record), event: event('MeasurementsChanged', { serverRef, measurements }) }
}

/** §7.17. Without the key before only for a store that goes on from a moment when it had another one. */
async function checkHandover(call: ContractCall, current: ParticipantRecord, next: ParticipantRegistration) {
  const { ref, mspId, publicKey } = current
  if (next.server === undefined || next.publicKey === publicKey) return
  const serverRef = ref as ServerRef
  const statement = { serverRef, next: decodeBase64url(next.publicKey) }
  const { handover } = next.server
  const previous = verifyingKey(call.crypto, publicKey)
  if (handover !== undefined && isKeyHandoverSignedBy(call.crypto, previous, statement, handover)) return
  const votes = (await find<SuccessionVotes>(call.state, stateKeys.successionVotes(serverRef, mspId)))?.votes ?? []
  const latest = await find<CheckpointRecord>(call.state, stateKeys.checkpoint(serverRef))
  if (votes.some(({ from }) => from !== undefined && from.epoch === latest?.epoch)) return
  throw new LedgerError('KEY_HANDOVER_INVALID', 'the key before did not sign the new one')
}

/** Writes a participant's record at both of its keys and keeps its sanction beside it. */
export async function putParticipant(call: ContractCall, record: ParticipantRecord): Promise<void> {
  const sanction = stateKeys.sanction(record.ref)
  const isSanctioned = (await call.state.get(sanction)) !== undefined
  const suspended = record.status === 'suspended'
  await write(call.state, stateKeys.participant(record.ref), record)
  await write(call.state, stateKeys.member(record.mspId, record.ref), record)
  if (suspended || record.flagged) await write(call.state, sanction, { suspended, flagged: record.flagged })
  else if (isSanctioned) await call.state.delete(sanction)
}

/** Marks the caller's organisation as one that has something on the ledger. */
export async function ensureOrganization(call: ContractCall): Promise<void> {
  const { mspId } = call.tx.caller
  const key = stateKeys.organization(mspId)
  if ((await call.state.get(key)) === undefined) await write(call.state, key, { mspId, sinceMs: call.tx.timeMs })
}

async function setStatus(
  call: ContractCall,
  refText: string,
  reasonText: string,
  status: 'active' | 'suspended',
): Promise<Outcome> {
  const ref = plainArgument(participantRefShape, 'ref', refText)
  const reason = plainArgument(reasonShape, 'reason', reasonText)
  const name = status === 'active' ? 'ParticipantReinstated' : 'ParticipantSuspended'
  const done = event(name, { ref, reason })
  if (isPatientRef(ref)) {
    const registration = await registrationOf(call, ref)
    if (registration.mspId !== call.tx.caller.mspId) throw forbidden()
    const changed = { ...registration, status }
    if (registration.status !== status) await write(call.state, stateKeys.patient(ref), changed)
    return { result: toJson(patientParticipant(changed)), event: done }
  }
  const current = await ownParticipant(call, ref)
  const flagged = status === 'suspended' && current.flagged
  const record = { ...current, status, flagged, changedMs: call.tx.timeMs }
  await putParticipant(call, record)
  return { result: toJson(record), event: done }
}

/** The registration in the argument; a server's certificate must be of the key and reference that it names. */
function checkedRegistration(call: ContractCall, text: string): ParticipantRegistration {
  const registration = jsonArgument(participantRegistrationShape, 'participant', text)
  requirePoint(call, registration.publicKey)
  for (const key of registration.server?.attestationKeys ?? []) requirePoint(call, key)
  if (registration.server !== undefined) requireCertificateOf(registration, registration.server.certificate)
  return registration
}

function requirePoint(call: ContractCall, publicKey: string): void {
  try {
    call.crypto.importVerifyingKey(decodeBase64url(publicKey))
  } catch (error) {
    if (error instanceof CryptoError) throw badArgument('publicKey')
    throw error
  }
}

function requireCertificateOf(registration: ParticipantRegistration, text: string): void {
  try {
    const certificate = parseCertificate(decodeBase64url(text))
    const fits =
      encodeBase64url(certificate.publicKey) === registration.publicKey &&
      certificate.serialHex === registration.certSerial &&
      roleOf(certificate) === registration.kind &&
      parseRef(certificate.attributes[REF_ATTRIBUTE]) === registration.ref
    if (!fits) throw badArgument('certificate')
  } catch (error) {
    if (error instanceof CryptoError) throw badArgument('certificate')
    throw error
  }
}

function isPatientRegistration(text: string): boolean {
  const value = jsonArgument((json) => json, 'participant', text)
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'patient'
}

function isSame(record: ParticipantRecord, registration: ParticipantRegistration): boolean {
  const { ref, kind, publicKey, sealKey, certSerial, attributes, server } = record
  return toJson({ ref, kind, publicKey, sealKey, certSerial, attributes, server }) === toJson(registration)
}

function registered(record: ParticipantRecord) {
  return event('ParticipantRegistered', { ref: record.ref, kind: record.kind })
}

async function registrationOf(call: ContractCall, ref: PatientRef): Promise<PatientRegistration> {
  const registration = await find<PatientRegistration>(call.state, stateKeys.patient(ref))
  if (registration === undefined) throw unknownParticipant()
  return registration
}

function patientParticipant(registration: PatientRegistration): PatientParticipant {
  const { patientRef, mspId, status, hospitals, registeredMs } = registration
  return { ref: patientRef, kind: 'patient', mspId, status, hospitals, registeredMs }
}
