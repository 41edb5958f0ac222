/**
 * Appointments: the patient's wishes come in and the assignment goes out, both encrypted under the treatment key.
 * The hospital assigns the doctor of the department with the next free half hour.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.2.
 *
 * @module
 */
import type { Crypto } from '../../shared/crypto/src/index.ts'
import {
  newId,
  openAppointmentWish,
  peekEnvelope,
  ProtocolError,
  sealAppointment,
  type Appointment,
  type AppointmentId,
  type AppointmentWish,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
} from '../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from './database.ts'
import type { Registry } from './registry.ts'
import type { TreatmentKeys } from './treatment-keys.ts'

export const SLOT_MS = 30 * 60_000
/** A doctor asks a patient again for a permission once in this time. */
export const REMIND_EVERY_MS = 60 * 60_000

export class Appointments {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase
  readonly #registry: Registry
  readonly #keys: TreatmentKeys
  readonly #hospital: HospitalRef

  constructor(crypto: Crypto, db: HospitalDatabase, registry: Registry, keys: TreatmentKeys, hospital: HospitalRef) {
    this.#crypto = crypto
    this.#db = db
    this.#registry = registry
    this.#keys = keys
    this.#hospital = hospital
  }

  /**
   * Books for a patient who wrote the wish under the treatment key.
   * @throws {ProtocolError} `ENVELOPE_REJECTED`, `MESSAGE_MALFORMED`, `PARTICIPANT_UNKNOWN` if nobody can be assigned.
   */
  book(patient: PatientRef, envelope: Uint8Array, nowMs: number): Uint8Array {
    const header = peekEnvelope(envelope)
    const key = this.#keys.derived(patient, header.version)
    return this.seal(this.assign(openAppointmentWish(this.#crypto, key, patient, envelope), nowMs))
  }

  /** Finds doctors and time, and keeps the appointment. */
  assign(wish: AppointmentWish, nowMs: number): Appointment {
    const doctors = this.#assignDoctors(wish)
    const startMs = this.#nextFree(doctors, Math.max(wish.fromMs, nowMs))
    const appointment: Appointment = {
      v: 1,
      appointmentId: newId(this.#crypto, 't'),
      patientRef: wish.patientRef,
      hospital: this.#hospital,
      department: wish.department,
      doctors,
      startMs,
      endMs: startMs + SLOT_MS,
      place: `${wish.department}, room ${1 + ((doctors[0] as string).charCodeAt(2) % 20)}`,
      symptoms: wish.symptoms,
      aux: wish.aux,
    }
    this.#db
      .prepare('INSERT INTO appointment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)')
      .run(
        appointment.appointmentId,
        appointment.patientRef,
        JSON.stringify(doctors),
        wish.department,
        startMs,
        appointment.endMs,
        appointment.place,
        wish.symptoms,
        wish.aux,
      )
    return appointment
  }

  /** `Enc(Ptk, appointment)` under the newest version. */
  seal(appointment: Appointment): Uint8Array {
    const patient = appointment.patientRef
    const { version } = this.#keys.newest(patient)
    const key = this.#keys.derived(patient, version)
    return sealAppointment(this.#crypto, key, appointment)
  }

  ofPatient(patient: PatientRef): Appointment[] {
    return this.#select('WHERE patient = ? ORDER BY start_ms', patient)
  }

  ofPractitioner(ref: PractitionerRef): Appointment[] {
    return this.#all().filter((one) => one.doctors.includes(ref))
  }

  /** Those that end after a moment. */
  from(fromMs: number): Appointment[] {
    return this.#select('WHERE end_ms > ? ORDER BY start_ms', fromMs)
  }

  find(id: AppointmentId): Appointment {
    const [found] = this.#select('WHERE id = ?', id)
    if (found === undefined) throw new ProtocolError('APPOINTMENT_UNKNOWN', 'no such appointment')
    return found
  }

  /** When a doctor asked last for the permission that the patient has not given. */
  remindedMs(id: AppointmentId): number | undefined {
    const found = this.#db.prepare('SELECT reminded_ms FROM appointment WHERE id = ?').pluck().get(id)
    return typeof found === 'number' ? found : undefined
  }

  /** Notes that a doctor asks again; within an hour of the last time nothing changes. Durable when it returns. */
  remind(id: AppointmentId, nowMs: number): void {
    this.#db
      .prepare('UPDATE appointment SET reminded_ms = ? WHERE id = ? AND (reminded_ms IS NULL OR reminded_ms <= ?)')
      .run(nowMs, id, nowMs - REMIND_EVERY_MS)
  }

  /** Whether the doctor was or is assigned to the patient: then the treatment key is due (§2.4). */
  isAssigned(ref: PractitionerRef, patient: PatientRef): boolean {
    return this.ofPatient(patient).some((one) => one.doctors.includes(ref))
  }

  #assignDoctors(wish: AppointmentWish): readonly PractitionerRef[] {
    const ofDepartment = this.#registry.practitioners().filter((one) => one.department === wish.department)
    if (wish.doctors.length > 0) {
      const known = wish.doctors.every((ref) => this.#registry.findPractitioner(ref) !== undefined)
      if (!known) throw new ProtocolError('PARTICIPANT_UNKNOWN', 'a doctor asked for is not of this hospital')
      return wish.doctors
    }
    const free = ofDepartment.toSorted((a, b) => this.#load(a.ref) - this.#load(b.ref))[0]
    if (free === undefined) throw new ProtocolError('PARTICIPANT_UNKNOWN', 'the department has no doctor')
    return [free.ref]
  }

  #load(ref: PractitionerRef): number {
    return this.ofPractitioner(ref).length
  }

  #nextFree(doctors: readonly PractitionerRef[], fromMs: number): number {
    const taken = new Set(doctors.flatMap((ref) => this.ofPractitioner(ref).map((one) => one.startMs)))
    let startMs = Math.ceil(fromMs / SLOT_MS) * SLOT_MS
    while (taken.has(startMs)) startMs += SLOT_MS
    return startMs
  }

  #all(): Appointment[] {
    return this.#select('ORDER BY start_ms')
  }

  #select(where: string, ...parameters: readonly (string | number)[]): Appointment[] {
    const rows = this.#db.prepare(`SELECT * FROM appointment ${where}`).all(...parameters) as AppointmentRow[]
    return rows.map((row) => ({
      v: 1,
      appointmentId: row.id,
      patientRef: row.patient,
      hospital: this.#hospital,
      department: row.department,
      doctors: JSON.parse(row.doctors) as PractitionerRef[],
      startMs: row.start_ms,
      endMs: row.end_ms,
      place: row.place,
      symptoms: row.symptoms,
      aux: row.aux,
    }))
  }
}

interface AppointmentRow {
  readonly id: AppointmentId
  readonly patient: PatientRef
  readonly doctors: string
  readonly department: string
  readonly start_ms: number
  readonly end_ms: number
  readonly place: string
  readonly symptoms: string
  readonly aux: string
}
