/**
 * Answers about visits: appointments, permissions that were delivered, group consultations that wait.
 *
 * @module
 */
import {
  appointmentIdShape,
  chainIdShape,
  hospitalRefShape,
  list,
  literal,
  optional,
  patientRefShape,
  practitionerRefShape,
  struct,
  text,
  uint,
  warrantIdShape,
  type Infer,
  type PatientRef,
  type PractitionerRef,
} from '../../../../shared/protocol/src/index.ts'
import { bytesText } from './common.ts'

export const appointmentShape = struct({
  v: literal(1),
  appointmentId: appointmentIdShape,
  patientRef: patientRefShape,
  patientName: text({ max: 128 }),
  /** A day, a month or a year; absent: nobody wrote it down. */
  birthDate: optional(text({ max: 10 })),
  hospital: hospitalRefShape,
  department: text({ max: 64 }),
  doctors: list(practitionerRefShape, { min: 1, max: 16 }),
  startMs: uint(),
  endMs: uint(),
  place: text({ max: 256 }),
  /** When a doctor asked last for the permission. */
  remindedMs: optional(uint()),
  envelope: bytesText,
})
/** @useDeclaredType */
export type AppointmentEntry = Infer<typeof appointmentShape>

export const sealedAppointmentShape = struct({
  appointmentId: appointmentIdShape,
  remindedMs: optional(uint()),
  envelope: bytesText,
})
/** @useDeclaredType */
export type SealedAppointment = Infer<typeof sealedAppointmentShape>

export interface NewAppointment {
  readonly patient: PatientRef
  readonly department: string
  readonly fromMs: number
  readonly symptoms: string
  readonly aux: string
  readonly doctors: readonly PractitionerRef[]
}

export const warrantShape = struct({
  jti: warrantIdShape,
  patient: patientRefShape,
  patientName: text({ max: 128 }),
  /** A day, a month or a year; absent: nobody wrote it down. */
  birthDate: optional(text({ max: 10 })),
  expMs: uint(),
  envelope: bytesText,
})
/** @useDeclaredType */
export type DeliveredWarrant = Infer<typeof warrantShape>

export const chainShape = struct({
  chainId: chainIdShape,
  patient: patientRefShape,
  changedMs: uint(),
  envelope: bytesText,
})
/** @useDeclaredType */
export type WaitingChain = Infer<typeof chainShape>
