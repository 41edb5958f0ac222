/**
 * Patients' registration and keys: one key per device and a recovery key, each added, dated and removed alone.
 * Spec: docs/protocol/07-ledger.md §7.2 and 02-registration.md §2.2.
 *
 * A key that was removed stays in the list: its id cannot be added again, so that nobody can replay the statement that
 * once added it.
 *
 * @module
 */
import { decodeBase64url } from '../../../../shared/crypto/src/index.ts'
import {
  LedgerError,
  MAX_PATIENT_KEYS,
  type PatientKey,
  type PatientKeyInput,
  type PatientKeySource,
  type PatientRegistration,
  type PatientRegistrationInput,
  refuseAs,
  registeredRefShape,
  rekeyShape,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  type Kid,
  kidOf,
  parseKeyStatement,
  type PatientRef,
  patientRefShape,
} from '../../../../shared/protocol/src/index.ts'
import { badArgument, jsonArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { activeHospital, forbidden, ownParticipant } from '../callers.ts'
import { event, find, toJson, write } from '../state.ts'
import { findActiveKey, requireActivePatient, signedStatement } from '../statements.ts'

const CODES = { malformed: 'KEY_STATEMENT_INVALID', unsigned: 'KEY_STATEMENT_INVALID' } as const

/**
 * `registerParticipant` by a hospital.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_EXISTS`
 */
export async function registerPatient(call: ContractCall, input: PatientRegistrationInput): Promise<Outcome> {
  const hospital = await activeHospital(call)
  const { timeMs, caller } = call.tx
  const keys = input.keys.map((key) => newKey(call, key, { how: 'registration', ref: hospital }))
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw badArgument('keys')
  const registration: PatientRegistration = {
    patientRef: input.ref,
    mspId: caller.mspId,
    status: 'active',
    hospitals: [hospital],
    keys,
    registeredMs: timeMs,
  }
  const current = await find<PatientRegistration>(call.state, stateKeys.patient(input.ref))
  if (current !== undefined) {
    if (!isSame(current, registration)) {
      throw new LedgerError('PARTICIPANT_EXISTS', 'the reference is registered with other content')
    }
    return { result: toJson(current) }
  }
  await write(call.state, stateKeys.patient(input.ref), registration)
  return {
    result: toJson(registration),
    event: event('ParticipantRegistered', { ref: input.ref, kind: 'patient', hospital }),
  }
}

/** @throws {LedgerError} `KEY_STATEMENT_INVALID`, `PARTICIPANT_SUSPENDED`, `KEY_EXISTS` */
export async function addKey(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload, registration } = await signedStatement(call, CODES, () => parseKeyStatement(jws))
  if (payload.action !== 'add') throw new LedgerError('KEY_STATEMENT_INVALID', 'the statement removes a key')
  requireActivePatient(registration)
  const { kid, publicKey, sealKey, label, kind } = payload
  const key = refuseKey(() =>
    newKey(call, { kid, publicKey, sealKey, label, kind }, { how: 'statement', ref: payload.iss }),
  )
  return putKeys(call, registration, withKey(registration.keys, key))
}

/** @throws {LedgerError} `KEY_STATEMENT_INVALID`, `KEY_UNKNOWN`, `KEY_LAST` */
export async function removeKey(call: ContractCall, jws: string): Promise<Outcome> {
  const { payload, registration } = await signedStatement(call, CODES, () => parseKeyStatement(jws))
  if (payload.action !== 'remove') throw new LedgerError('KEY_STATEMENT_INVALID', 'the statement adds a key')
  return putKeys(call, registration, withoutKeys(registration, [payload.kid], call.tx.timeMs))
}

/**
 * A hospital of the patient adds a key after it checked who the patient is, and ends those that are named.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PATIENT_NOT_FOUND`, `LEDGER_FORBIDDEN`, `PARTICIPANT_UNKNOWN` (the
 * member of staff), `KEY_EXISTS`, `KEY_UNKNOWN`
 */
export async function rekeyPatient(
  call: ContractCall,
  patientText: string,
  keyText: string,
  staffText: string,
): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const { remove, ...input } = jsonArgument(rekeyShape, 'key', keyText)
  const staffRef = plainArgument(registeredRefShape(), 'staffRef', staffText)
  const hospital = await activeHospital(call)
  const registration = await registrationOf(call, patientRef)
  if (!registration.hospitals.includes(hospital)) throw forbidden()
  await ownParticipant(call, staffRef)
  const key = newKey(call, input, { how: 'identity-check', ref: staffRef })
  const added = { ...registration, keys: withKey(registration.keys, key) }
  if (remove.includes(input.kid)) throw badArgument('key')
  return putKeys(call, registration, withoutKeys(added, remove, call.tx.timeMs))
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PATIENT_NOT_FOUND` */
export async function keysOf(call: ContractCall, patientText: string): Promise<Outcome> {
  const patientRef = plainArgument(patientRefShape, 'patientRef', patientText)
  const { keys } = await registrationOf(call, patientRef)
  return { result: toJson({ patientRef, keys }) }
}

async function putKeys(
  call: ContractCall,
  registration: PatientRegistration,
  keys: readonly PatientKey[],
): Promise<Outcome> {
  const { patientRef } = registration
  await write(call.state, stateKeys.patient(patientRef), { ...registration, keys })
  return { result: toJson({ patientRef, keys }), event: event('KeysChanged', { patientRef }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT` for a key off the curve or one with another id than its thumbprint. */
function newKey(call: ContractCall, input: PatientKeyInput, by: PatientKeySource): PatientKey {
  const { crypto, tx } = call
  refuseAs('LEDGER_BAD_ARGUMENT', () => {
    const publicKey = decodeBase64url(input.publicKey)
    crypto.importVerifyingKey(publicKey)
    if (kidOf(crypto, publicKey) !== input.kid) throw badArgument('kid')
  })
  const { kid, publicKey, sealKey, label, kind } = input
  return { kid, publicKey, sealKey, label, kind, addedMs: tx.timeMs, removedMs: null, by }
}

/** A key inside a statement is a fault of the statement. */
function refuseKey(make: () => PatientKey): PatientKey {
  try {
    return make()
  } catch (error) {
    if (error instanceof LedgerError) throw new LedgerError('KEY_STATEMENT_INVALID', error.message)
    throw error
  }
}

function withKey(keys: readonly PatientKey[], key: PatientKey): readonly PatientKey[] {
  if (keys.some((other) => other.kid === key.kid)) throw new LedgerError('KEY_EXISTS', 'the key is or was registered')
  if (keys.length >= MAX_PATIENT_KEYS) throw badArgument('keys')
  return [...keys, key]
}

function withoutKeys(registration: PatientRegistration, kids: readonly Kid[], nowMs: number): readonly PatientKey[] {
  if (!kids.every((kid) => findActiveKey(registration, kid) !== undefined)) {
    throw new LedgerError('KEY_UNKNOWN', 'no active key has this id')
  }
  const keys = registration.keys.map((key) => (kids.includes(key.kid) ? { ...key, removedMs: nowMs } : key))
  if (keys.every((key) => key.removedMs !== null)) throw new LedgerError('KEY_LAST', 'it is the last active key')
  return keys
}

async function registrationOf(call: ContractCall, patientRef: PatientRef): Promise<PatientRegistration> {
  const registration = await find<PatientRegistration>(call.state, stateKeys.patient(patientRef))
  if (registration === undefined) throw new LedgerError('PATIENT_NOT_FOUND', 'the patient is not registered')
  return registration
}

function isSame(a: PatientRegistration, b: PatientRegistration): boolean {
  const comparable = ({ patientRef, mspId, hospitals, keys }: PatientRegistration) =>
    toJson({ patientRef, mspId, hospitals, keys: keys.map((key) => ({ ...key, addedMs: 0 })) })
  return comparable(a) === comparable(b)
}
