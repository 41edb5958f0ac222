/**
 * Answers about people: who was registered, lists of patients, doctors and staff.
 *
 * @module
 */
import {
  b64u,
  bool,
  hospitalRefShape,
  list,
  literal,
  MAX_SIGNED_DIRECTORY_BYTES,
  mspIdShape,
  oneOf,
  optional,
  participantRefShape,
  patientRefShape,
  practitionerRefShape,
  struct,
  text,
  uint,
  variant,
  type HospitalRef,
  type Infer,
  type SignedDirectory,
} from '../../../../shared/protocol/src/index.ts'
import { bytesText, hospitalShape, sealedKeys } from './common.ts'

export const registeredShape = variant('kind', {
  patient: struct({
    kind: literal('patient'),
    ref: patientRefShape,
    mspId: mspIdShape,
    hospital: hospitalShape,
    credential: text({ max: 16_384 }),
    treatmentKeys: sealedKeys,
  }),
  practitioner: struct({
    kind: literal('practitioner'),
    ref: practitionerRefShape,
    mspId: mspIdShape,
    hospital: hospitalShape,
    chain: list(bytesText, { min: 1, max: 3 }),
  }),
})
/** @useDeclaredType */
export type Registered = Infer<typeof registeredShape>

export const practitionerShape = struct({
  ref: practitionerRefShape,
  name: text({ max: 128 }),
  department: text({ max: 64 }),
})
/** @useDeclaredType */
export type DirectoryEntry = Infer<typeof practitionerShape>

export const relayedDirectoryShape = struct({
  ref: hospitalRefShape,
  name: text({ max: 128 }),
  list: optional(text({ max: MAX_SIGNED_DIRECTORY_BYTES })),
  signature: optional(b64u(64)),
  problem: optional(oneOf('DIRECTORY_UNAVAILABLE', 'DIRECTORY_TOO_LARGE', 'DIRECTORY_REJECTED')),
})

export interface RelayedDirectory {
  readonly ref: HospitalRef
  readonly name: string
  readonly signed?: SignedDirectory
  readonly problem?: 'DIRECTORY_UNAVAILABLE' | 'DIRECTORY_TOO_LARGE' | 'DIRECTORY_REJECTED'
}

export const patientEntryShape = struct({
  ref: patientRefShape,
  name: text({ max: 128 }),
  details: (value: unknown) => value as Readonly<Record<string, unknown>>,
  registeredMs: uint(),
  provisionedVersion: uint(),
})
/** @useDeclaredType */
export type PatientEntry = Infer<typeof patientEntryShape>

export interface InvitationRequest {
  readonly kind: 'patient' | 'practitioner' | 'staff'
  readonly name: string
  readonly department?: string
  readonly emergency?: boolean
  readonly birthDate?: string
  readonly contact?: string
  readonly identityCheckedBy?: string
  /** Staff. */
  readonly roles?: readonly StaffRole[]
  /** One more key for a member of staff who is known. */
  readonly staff?: string
}

const staffRole = oneOf('front-desk', 'records', 'technical', 'administrator')
/** @useDeclaredType */
export type StaffRole = Infer<typeof staffRole>

const staffId = text({ max: 38, pattern: /^staff-[0-9a-f]{32}$/ })

export const staffMembers = { id: staffId, name: text({ max: 128 }), roles: list(staffRole, { max: 4 }) }

export const staffRegisteredShape = struct({
  kind: literal('staff'),
  ref: hospitalRefShape,
  ...staffMembers,
  hospital: hospitalShape,
})

/** A member of staff signs requests as `{ ref, signer }`, in the hospital's name with an own key. @useDeclaredType */
export type StaffRegistered = Infer<typeof staffRegisteredShape>

export const staffEntryShape = struct({
  ...staffMembers,
  registeredMs: uint(),
  keys: list(struct({ kid: text({ max: 43 }), label: text({ max: 40 }), addedMs: uint() }), { max: 16 }),
})
/** @useDeclaredType */
export type StaffEntry = Infer<typeof staffEntryShape>

export const whoAmIShape = struct({
  role: oneOf('patient', 'practitioner', 'staff', 'auditor'),
  ref: participantRefShape,
  name: text({ max: 128 }),
  department: optional(text({ max: 64 })),
  emergency: optional(bool()),
  staff: optional(struct(staffMembers)),
  kid: text({ max: 43 }),
  sealKey: text({ max: 43 }),
})
/** @useDeclaredType */
export type WhoAmI = Infer<typeof whoAmIShape>
