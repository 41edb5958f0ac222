/**
 * Patients as the ledger knows them: pseudonym, keys, permissions, and Algorithm 1's record.
 * Spec: docs/protocol/07-ledger.md §7.2 and 03-envelopes-and-warrants.md.
 *
 * @module
 */
import {
  b64u,
  bool,
  deviceLabelShape,
  distinct,
  type EhrType,
  ehrTypeShape,
  type GrantId,
  grantExceptShape,
  grantIdShape,
  type HospitalRef,
  hospitalRefShape,
  type Kid,
  kidShape,
  list,
  literal,
  MAX_GRANT_RECORDS,
  type MspId,
  oneOf,
  optional,
  type ParticipantRef,
  participantRefShape,
  type PatientRef,
  patientRefShape,
  type Purpose,
  purposeShape,
  type RecordId,
  recordIdShape,
  type Scope,
  scopeShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  text,
  type TxId,
  txIdShape,
  uint,
  type WarrantId,
  warrantIdShape,
} from '../../protocol/src/index.ts'
import { MAX_HOSPITALS, MAX_PATIENT_KEYS, MAX_POLICY_PATIENTS } from './limits.ts'
import type { ParticipantStatus } from './participants.ts'

export type PatientKeyKind = 'device' | 'recovery'

/** A patient's key as a hospital or a statement names it. */
export interface PatientKeyInput {
  /** Thumbprint of `publicKey`. */
  readonly kid: Kid
  /** b64u, 65 bytes. */
  readonly publicKey: string
  /** b64u, 32 bytes. */
  readonly sealKey: string
  /** Short name of the device; the ledger is forever, so no names of persons. */
  readonly label: string
  readonly kind: PatientKeyKind
}

/** How a key came to be there; a key that a hospital added is always visible as such. */
export interface PatientKeySource {
  readonly how: 'registration' | 'statement' | 'identity-check'
  /** Hospital, patient, or the member of staff who checked the identity. */
  readonly ref: ParticipantRef
}

export interface PatientKey extends PatientKeyInput {
  readonly addedMs: number
  /** Null while the key is active. */
  readonly removedMs: number | null
  readonly by: PatientKeySource
}

const keyInputMembers = {
  kid: kidShape,
  publicKey: b64u(65),
  sealKey: b64u(32),
  label: deviceLabelShape,
  kind: oneOf('device', 'recovery'),
}

/** The `participant JSON` of `registerParticipant` for a patient. */
export interface PatientRegistrationInput {
  readonly ref: PatientRef
  readonly kind: 'patient'
  /** 1 to 16. */
  readonly keys: readonly PatientKeyInput[]
}

export const patientRegistrationShape: Shape<PatientRegistrationInput> = struct({
  ref: patientRefShape,
  kind: literal('patient'),
  keys: list(struct(keyInputMembers), { min: 1, max: 16 }),
})

/** The `key JSON` of `rekeyPatient`: a new key, and the keys that end with it. */
export interface RekeyInput extends PatientKeyInput {
  readonly remove: readonly Kid[]
}

export const rekeyShape: Shape<RekeyInput> = struct({
  ...keyInputMembers,
  remove: distinct<Kid>(kidShape, { max: MAX_PATIENT_KEYS }),
})

export const patientKeyShape: Shape<PatientKey> = struct({
  ...keyInputMembers,
  addedMs: uint(),
  removedMs: uintOrNull(),
  by: struct({ how: oneOf('registration', 'statement', 'identity-check'), ref: participantRefShape }),
})

/** What stands at `patient/…` in the world state. */
export interface PatientRegistration {
  readonly patientRef: PatientRef
  readonly mspId: MspId
  readonly status: ParticipantStatus
  /** Hospitals that registered the patient. */
  readonly hospitals: readonly HospitalRef[]
  readonly keys: readonly PatientKey[]
  readonly registeredMs: number
}

/** Result of `keysOf`. */
export interface PatientKeys {
  readonly patientRef: PatientRef
  readonly keys: readonly PatientKey[]
}

export const patientKeysShape: Shape<PatientKeys> = struct({
  patientRef: patientRefShape,
  keys: list(patientKeyShape, { max: MAX_PATIENT_KEYS }),
})

/** A recorded warrant as `patientPolicy` shows it. */
export interface WarrantEntry {
  readonly jti: WarrantId
  readonly warrantHash: Sha256Hex
  readonly doctors: readonly ParticipantRef[]
  readonly hospital: HospitalRef
  readonly nbfMs: number
  readonly expMs: number
  readonly revokedMs: number | null
}

/** Result of `warrant`. */
export interface WarrantRecord extends WarrantEntry {
  readonly patientRef: PatientRef
  readonly recordedMs: number
  readonly txId: TxId
}

const warrantMembers = {
  jti: warrantIdShape,
  warrantHash: sha256HexShape,
  doctors: list(participantRefShape, { min: 1, max: 16 }),
  hospital: hospitalRefShape,
  nbfMs: uint(),
  expMs: uint(),
  revokedMs: uintOrNull(),
}

export const warrantEntryShape: Shape<WarrantEntry> = struct(warrantMembers)
export const warrantRecordShape: Shape<WarrantRecord> = struct({
  ...warrantMembers,
  patientRef: patientRefShape,
  recordedMs: uint(),
  txId: txIdShape,
})

/** A grant as it stands at `grants/…`. */
export interface GrantEntry {
  readonly jti: GrantId
  readonly grantee: ParticipantRef
  /** Kinds of records; `*` for all. */
  readonly scope: Scope
  /** Empty: every record that scope and dates allow. */
  readonly records: readonly RecordId[]
  /** Records that are kept back; only where `records` is empty. */
  readonly except?: readonly RecordId[]
  /** Clinical dates; 0 is open. */
  readonly fromMs: number
  readonly toMs: number
  readonly purpose: Purpose
  readonly nbfMs: number
  readonly expMs: number
  readonly revokedMs: number | null
}

/** Each item of `grantsOf`. */
export interface GrantRecord extends GrantEntry {
  readonly patientRef: PatientRef
  readonly recordedMs: number
  readonly txId: TxId
}

/** A grant as `patientPolicy` shows it. */
export interface PolicyGrant extends GrantEntry {
  /** The grantee is suspended, or flagged for misuse. */
  readonly suspended: boolean
}

const grantMembers = {
  jti: grantIdShape,
  grantee: participantRefShape,
  scope: scopeShape,
  records: list<RecordId>(recordIdShape, { max: MAX_GRANT_RECORDS }),
  except: optional(grantExceptShape),
  fromMs: uint(),
  toMs: uint(),
  purpose: purposeShape,
  nbfMs: uint(),
  expMs: uint(),
  revokedMs: uintOrNull(),
}

export const grantRecordShape: Shape<GrantRecord> = struct({
  ...grantMembers,
  patientRef: patientRefShape,
  recordedMs: uint(),
  txId: txIdShape,
})

/** Result of `grantsOf`. */
export interface GrantsPage {
  readonly items: readonly GrantRecord[]
  /** Give it back for the next page; empty at the end. */
  readonly bookmark: string
}

export const grantsPageShape: Shape<GrantsPage> = struct({
  items: list(grantRecordShape, { max: 1_000 }),
  bookmark: text({ max: 256 }),
})

/** One item of the result of `patientPolicy`. */
export interface PatientPolicy {
  readonly patientRef: PatientRef
  readonly status: ParticipantStatus | 'unknown'
  readonly hospitals: readonly HospitalRef[]
  readonly keys: readonly PatientKey[]
  readonly warrants: readonly WarrantEntry[]
  readonly grants: readonly PolicyGrant[]
  /** Suspended participants among the parties. */
  readonly suspended: readonly ParticipantRef[]
}

export const patientPolicyShape: Shape<PatientPolicy> = struct({
  patientRef: patientRefShape,
  status: oneOf('active', 'suspended', 'unknown'),
  hospitals: list<HospitalRef>(hospitalRefShape, { max: MAX_HOSPITALS }),
  keys: list(patientKeyShape, { max: MAX_PATIENT_KEYS }),
  warrants: list(warrantEntryShape, { max: 65_536 }),
  grants: list(struct({ ...grantMembers, suspended: bool() }), { max: 65_536 }),
  suspended: list(participantRefShape, { max: 65_536 }),
})

/** Result of `patientPolicy`, in the order asked. */
export const patientPoliciesShape: Shape<readonly PatientPolicy[]> = list(patientPolicyShape, {
  max: MAX_POLICY_PATIENTS,
})

/** Algorithm 1's record of a patient; result of `query`. */
export interface PatientRecord {
  readonly patientRef: PatientRef
  readonly createTime: number
  /** Equal to `createTime` until the first update. */
  readonly updateTime: number
  readonly status: string
  readonly ehrType: EhrType
  readonly ehrHash: Sha256Hex
  readonly hospitals: readonly HospitalRef[]
  /** Who wrote this version. */
  readonly by: ParticipantRef
}

export const recordStatusShape = text({ min: 1, max: 32, pattern: /^[A-Za-z][A-Za-z0-9-]{0,31}$/ })
export const hospitalsShape = distinct<HospitalRef>(hospitalRefShape, { min: 1, max: MAX_HOSPITALS })

export const patientRecordShape: Shape<PatientRecord> = struct({
  patientRef: patientRefShape,
  createTime: uint(),
  updateTime: uint(),
  status: recordStatusShape,
  ehrType: ehrTypeShape,
  ehrHash: sha256HexShape,
  hospitals: hospitalsShape,
  by: participantRefShape,
})

/** One version; result of `history` is the list of them, oldest first. */
export interface PatientRecordVersion {
  readonly txId: TxId
  readonly timeMs: number
  readonly record: PatientRecord
}

export const patientHistoryShape: Shape<readonly PatientRecordVersion[]> = list(
  struct({ txId: txIdShape, timeMs: uint(), record: patientRecordShape }),
  { max: 65_536 },
)

function uintOrNull(): Shape<number | null> {
  const number = uint()
  return (value, where) => (value === null ? null : number(value, where))
}
