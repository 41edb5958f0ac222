/**
 * Appointments as they travel, encrypted under the patient's treatment key: the patient's wish in, the hospital's
 * assignment out. Spec: docs/protocol/03-envelopes-and-warrants.md §3.2.
 *
 * @module
 */
import type { Crypto } from '../../crypto/src/port.ts'
import { encodeCbor } from './cbor.ts'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import { ProtocolError } from './errors.ts'
import { appointmentIdShape, hospitalRefShape, patientRefShape, practitionerRefShape, type PatientRef } from './ids.ts'
import type { TreatmentKey } from './keys.ts'
import { decodeMessage } from './message.ts'
import { list, literal, struct, text, uint, type Infer, type Shape } from './shape.ts'

/** What a patient asks for. */
export const appointmentWishShape = struct({
  v: literal(1),
  patientRef: patientRefShape,
  department: text({ max: 64 }),
  /** Earliest start. */
  fromMs: uint(),
  symptoms: text({ max: 4_096 }),
  aux: text({ max: 4_096 }),
  /** Whom the patient asks for, in order; empty: whoever is free. */
  doctors: list(practitionerRefShape, { max: 16 }),
})
/** @useDeclaredType */
export type AppointmentWish = Infer<typeof appointmentWishShape>

/** What the hospital assigns. */
export const appointmentShape = struct({
  v: literal(1),
  appointmentId: appointmentIdShape,
  patientRef: patientRefShape,
  hospital: hospitalRefShape,
  department: text({ max: 64 }),
  doctors: list(practitionerRefShape, { min: 1, max: 16 }),
  startMs: uint(),
  endMs: uint(),
  place: text({ max: 256 }),
  symptoms: text({ max: 4_096 }),
  aux: text({ max: 4_096 }),
})
export type Appointment = Infer<typeof appointmentShape>

export function sealAppointmentWish(crypto: Crypto, key: TreatmentKey, wish: AppointmentWish): Uint8Array {
  return sealEnvelope(crypto, key, wish.patientRef, 'appointment', encodeCbor({ ...wish }))
}

export function sealAppointment(crypto: Crypto, key: TreatmentKey, appointment: Appointment): Uint8Array {
  return sealEnvelope(crypto, key, appointment.patientRef, 'appointment', encodeCbor({ ...appointment }))
}

/** @throws {ProtocolError} `ENVELOPE_REJECTED`, also for another patient's; `MESSAGE_MALFORMED` */
export function openAppointmentWish(
  crypto: Crypto,
  key: TreatmentKey,
  patient: PatientRef,
  envelope: Uint8Array,
): AppointmentWish {
  return open(crypto, key, patient, envelope, appointmentWishShape)
}

/** As `openAppointmentWish`. */
export function openAppointment(
  crypto: Crypto,
  key: TreatmentKey,
  patient: PatientRef,
  envelope: Uint8Array,
): Appointment {
  return open(crypto, key, patient, envelope, appointmentShape)
}

function open<T extends { readonly patientRef: PatientRef }>(
  crypto: Crypto,
  key: TreatmentKey,
  patient: PatientRef,
  envelope: Uint8Array,
  shape: Shape<T>,
): T {
  const content = decodeMessage(openEnvelope(crypto, key, patient, 'appointment', envelope), shape, 'appointment')
  if (content.patientRef !== patient) throw new ProtocolError('ENVELOPE_REJECTED', 'it is of another patient')
  return content
}
