/**
 * Answers about devices: one more that asks to join, a new key for somebody who lost every device.
 *
 * @module
 */
import {
  auditorRefShape,
  bool,
  hospitalRefShape,
  isPatientRef,
  literal,
  oneOf,
  participantRefShape,
  patientRefShape,
  practitionerRefShape,
  struct,
  text,
  uint,
  variant,
  type Infer,
  type PatientRef,
  type PractitionerRef,
  type Shape,
} from '../../../../shared/protocol/src/index.ts'
import { bytesText } from './common.ts'
import { staffMembers } from './people.ts'

export const codeUseShape = struct({
  purpose: oneOf('registration', 'device'),
  kind: oneOf('patient', 'practitioner', 'auditor', 'staff'),
  name: text({ max: 128 }),
})

/** What a code that somebody was given is for. @useDeclaredType */
export type CodeUse = Infer<typeof codeUseShape>

const joinedShape = variant('kind', {
  patient: struct({
    kind: literal('patient'),
    ref: patientRefShape,
    name: text({ max: 128 }),
    credential: text({ max: 16_384 }),
  }),
  practitioner: struct({
    kind: literal('practitioner'),
    ref: practitionerRefShape,
    name: text({ max: 128 }),
    handover: bytesText,
  }),
  auditor: struct({
    kind: literal('auditor'),
    ref: auditorRefShape,
    name: text({ max: 128 }),
    handover: bytesText,
  }),
  staff: struct({ kind: literal('staff'), ref: hospitalRefShape, ...staffMembers }),
})

/** What a new device gets when it was let in. @useDeclaredType */
export type Joined = Infer<typeof joinedShape>

export const joinStateShape = variant('state', {
  waiting: struct({ state: literal('waiting') }),
  refused: struct({ state: literal('refused') }),
  approved: struct({ state: literal('approved'), joined: joinedShape }),
})
/** @useDeclaredType */
export type JoinState = Infer<typeof joinStateShape>

export const waitingJoinShape = struct({
  id: text({ max: 32 }),
  code: text({ max: 12 }),
  expiresMs: uint(),
  publicKey: bytesText,
  sealKey: bytesText,
  label: text({ max: 40 }),
  mac: bytesText,
})

/** A device that waits for the person's yes. @useDeclaredType */
export type WaitingJoin = Infer<typeof waitingJoinShape>

export const rekeyStateShape = variant('state', {
  waiting: struct({ state: literal('waiting') }),
  ready: struct({ state: literal('ready'), code: text({ max: 12 }), expiresMs: uint() }),
})
/** @useDeclaredType */
export type RekeyState = Infer<typeof rekeyStateShape>

const personShape: Shape<PatientRef | PractitionerRef> = (value, where) => {
  const ref = participantRefShape(value, where)
  return isPatientRef(ref) ? ref : practitionerRefShape(value, where)
}

export const waitingRekeyShape = struct({
  person: personShape,
  name: text({ max: 128 }),
  checkedBy: text({ max: 128 }),
  sinceMs: uint(),
  isOwn: bool(),
})

/** A new key for a patient or doctor that a second member of staff must confirm; `isOwn`: the caller was the first. @useDeclaredType */
export type WaitingRekey = Infer<typeof waitingRekeyShape>
