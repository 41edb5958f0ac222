/**
 * Participants other than patients: what an administrator registers and what the ledger answers.
 * Spec: docs/protocol/07-ledger.md §7.2 and 02-registration.md §2.1, §2.3.
 *
 * @module
 */
import {
  type AuditorRef,
  b64u,
  bool,
  distinct,
  type HospitalRef,
  hospitalRefShape,
  list,
  literal,
  type MspId,
  mspIdShape,
  oneOf,
  type OpteeReference,
  opteeReferenceShape,
  optional,
  participantRefShape,
  type PatientRef,
  patientRefShape,
  type PractitionerRef,
  record,
  refine,
  type ServerRef,
  serverRefShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  text,
  uint,
  variant,
} from '../../protocol/src/index.ts'
import { MAX_HOSPITALS, MAX_MEASUREMENTS } from './limits.ts'

export type ParticipantKind = 'doctor' | 'hospital' | 'auditor' | 'server'
export type ParticipantStatus = 'active' | 'suspended'

/** Everyone who has a record at `participant/…`. */
export type RegisteredRef = PractitionerRef | HospitalRef | AuditorRef | ServerRef

/** Letter of the references of each kind. */
const LETTERS = { doctor: 'd', hospital: 'h', auditor: 'a', server: 's' } as const

/** Serial number of a certificate as `Certificate.serialHex` gives it. */
export const serialHexShape = text({ min: 2, max: 40, pattern: /^(?:[0-9a-f]{2}){1,20}$/ })
/** Why something was done, as a code: free text would invite names. */
export const reasonShape = text({ min: 1, max: 32, pattern: /^[a-z][a-z0-9-]{0,31}$/ })
export const measurementsShape = distinct<Sha256Hex>(sha256HexShape, { max: MAX_MEASUREMENTS })
const teeKindShape = text({ min: 1, max: 16, pattern: /^[a-z][a-z0-9-]{0,15}$/ })
const publicKeyShape = b64u(65)
const sealKeyShape = b64u(32)
const certificateTextShape = text({ min: 1, max: 10_923, pattern: /^[A-Za-z0-9_-]+$/ })

/** Attributes as in the certificate, `trusthealth.emergency` and the like; codes, no free text. */
const attributesShape = record(
  text({ max: 64, pattern: /^[a-z][a-z0-9.-]{0,63}$/ }),
  text({ max: 64, pattern: /^[A-Za-z0-9._:-]{0,64}$/ }),
  { max: 16 },
)

const serverMembers = {
  /** b64u DER; its key is `publicKey`. */
  certificate: certificateTextShape,
  teeKind: teeKindShape,
  /** Programs that verifiers accept, hex SHA-256; empty: none. */
  measurements: measurementsShape,
  /** Hex, digest of the provisioned configuration (docs/protocol/02-registration.md §2.5). */
  configDigest: sha256HexShape,
  /** Public keys (b64u, 65 bytes) that sign evidence of this server (docs/protocol/09-evidence.md §9.1). */
  attestationKeys: distinct(publicKeyShape, { max: 8 }),
  /** Devices, OP-TEE builds and programs that verifiers accept (docs/protocol/09-evidence.md §9.4). */
  optee: optional(opteeReferenceShape),
  handover: optional(b64u(64)),
}
export const serverDetailsShape: Shape<ServerDetails> = refine(
  struct(serverMembers),
  ({ teeKind, optee }) => optee === undefined || teeKind === 'optee',
  'has reference values of another kind of TEE',
)

/** What verifiers of a TEE server need (docs/protocol/02-registration.md §2.3). */
export interface ServerDetails {
  readonly certificate: string
  readonly teeKind: string
  readonly measurements: readonly Sha256Hex[]
  readonly configDigest: Sha256Hex
  readonly attestationKeys: readonly string[]
  /** Only with kind `optee`; absent: no evidence of it is accepted. */
  readonly optee?: OpteeReference
  /** b64u, 64 bytes: the key before signed this one (7.17). */
  readonly handover?: string
}

/** The `participant JSON` of `registerParticipant` and `renewParticipant`, except patients. */
export interface ParticipantRegistration {
  readonly ref: RegisteredRef
  readonly kind: ParticipantKind
  /** b64u, 65 bytes: signs commitments, checkpoints, sessions. */
  readonly publicKey: string
  /** b64u, 32 bytes, X25519; servers have none. */
  readonly sealKey?: string
  readonly certSerial: string
  readonly attributes: Readonly<Record<string, string>>
  /** With kind `server`, and only there. */
  readonly server?: ServerDetails
}

const personMembers = {
  publicKey: publicKeyShape,
  sealKey: sealKeyShape,
  certSerial: serialHexShape,
  attributes: attributesShape,
}

export const participantRegistrationShape: Shape<ParticipantRegistration> = variant('kind', {
  doctor: struct({ ref: refOf<PractitionerRef>('doctor'), kind: literal('doctor'), ...personMembers }),
  hospital: struct({ ref: refOf<HospitalRef>('hospital'), kind: literal('hospital'), ...personMembers }),
  auditor: struct({ ref: refOf<AuditorRef>('auditor'), kind: literal('auditor'), ...personMembers }),
  server: struct({
    ref: serverRefShape,
    kind: literal('server'),
    publicKey: publicKeyShape,
    certSerial: serialHexShape,
    attributes: attributesShape,
    server: serverDetailsShape,
  }),
})

/** A key that was replaced; signatures made before `untilMs` are checked with it. */
export interface EarlierKey {
  readonly publicKey: string
  readonly certSerial: string
  readonly untilMs: number
  /** Of a record server: checkpoints of more entries are not believed under this key (7.17). Absent: not known yet. */
  readonly untilSize?: number
}

/** Result of `participant` for everyone but patients, and each item of `organizationPolicy`. */
export interface ParticipantRecord extends ParticipantRegistration {
  readonly mspId: MspId
  readonly status: ParticipantStatus
  /** Somebody reported misuse: grants to the participant are suspended until its organisation reinstates it. */
  readonly flagged: boolean
  readonly registeredMs: number
  readonly changedMs: number
  /** Newest first, at most 16. */
  readonly earlierKeys: readonly EarlierKey[]
}

export const participantRecordShape: Shape<ParticipantRecord> = struct({
  ref: registeredRefShape(),
  kind: oneOf('doctor', 'hospital', 'auditor', 'server'),
  mspId: mspIdShape,
  status: oneOf('active', 'suspended'),
  flagged: bool(),
  publicKey: publicKeyShape,
  sealKey: optional(sealKeyShape),
  certSerial: serialHexShape,
  attributes: attributesShape,
  server: optional(serverDetailsShape),
  registeredMs: uint(),
  changedMs: uint(),
  earlierKeys: list(
    struct({ publicKey: publicKeyShape, certSerial: serialHexShape, untilMs: uint(), untilSize: optional(uint()) }),
    { max: 16 },
  ),
})

/** Result of `participant` for a patient. */
export interface PatientParticipant {
  readonly ref: PatientRef
  readonly kind: 'patient'
  readonly mspId: MspId
  readonly status: ParticipantStatus
  readonly hospitals: readonly HospitalRef[]
  readonly registeredMs: number
}

export const patientParticipantShape: Shape<PatientParticipant> = struct({
  ref: patientRefShape,
  kind: literal('patient'),
  mspId: mspIdShape,
  status: oneOf('active', 'suspended'),
  hospitals: list(hospitalRefShape, { min: 1, max: MAX_HOSPITALS }),
  registeredMs: uint(),
})

/** Result of `organizationPolicy`. */
export interface OrganizationPolicy {
  readonly mspId: MspId
  /** In the order of their references; without patients. */
  readonly participants: readonly ParticipantRecord[]
  readonly revokedSerials: readonly string[]
}

export const organizationPolicyShape: Shape<OrganizationPolicy> = struct({
  mspId: mspIdShape,
  participants: list(participantRecordShape, { max: 65_536 }),
  revokedSerials: list(serialHexShape, { max: 65_536 }),
})

/** Result of `organizationPolicyUnless` while the policy is the one whose digest the reader gave. */
export interface UnchangedPolicy {
  readonly mspId: MspId
  readonly unchanged: Sha256Hex
}

const unchangedPolicyShape: Shape<UnchangedPolicy> = struct({ mspId: mspIdShape, unchanged: sha256HexShape })

export const organizationPolicyOrUnchangedShape: Shape<OrganizationPolicy | UnchangedPolicy> = (value, name) => {
  const isUnchanged = typeof value === 'object' && value !== null && Object.hasOwn(value, 'unchanged')
  return isUnchanged ? unchangedPolicyShape(value, name) : organizationPolicyShape(value, name)
}

/** Everyone but a patient. */
export function registeredRefShape(): Shape<RegisteredRef> {
  return refine(participantRefShape, (ref) => !ref.startsWith('p-'), 'is a patient') as Shape<RegisteredRef>
}

function refOf<T extends RegisteredRef>(kind: ParticipantKind): Shape<T> {
  const letter = LETTERS[kind]
  return refine(participantRefShape, (ref) => ref.startsWith(`${letter}-`), 'is of another kind') as Shape<T>
}
