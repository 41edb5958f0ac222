/**
 * The hospital as a participant: its staff register people and book, its service provisions the record server and
 * imports earlier records under registration warrants.
 *
 * @module
 */
import { decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  openEnvelope,
  parseWarrant,
  peekEnvelope,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
  type Warrant,
} from '../../../shared/protocol/src/index.ts'
import { Author } from './author.ts'
import { ClientError } from './errors.ts'
import { findHolding } from './holding-warrants.ts'
import type { InvitationRequest, PatientEntry } from './hospital-answers/people.ts'
import type { AppointmentEntry, NewAppointment } from './hospital-answers/visits.ts'
import type { ParticipantOptions } from './participant.ts'

/**
 * @example
 * ```ts
 * const hospitalA = new HospitalClient(options)
 * const { code } = await hospitalA.invite({ kind: 'patient', name: 'Bob Li', identityCheckedBy: 'front desk' })
 * console.log(`Give this code to the patient: ${code}`)
 * ```
 */
export class HospitalClient extends Author {
  readonly ref: HospitalRef

  constructor(options: ParticipantOptions) {
    super(options)
    if (options.identity.kind !== 'organization') throw new TypeError('the identity is not a hospital')
    this.ref = options.identity.ref as HospitalRef
  }

  /** A code with which a person registers the key that the person's own device makes. */
  invite(invitation: InvitationRequest): Promise<{ readonly code: string; readonly expiresMs: number }> {
    return this.options.hospital.invite(this.requestSigner, invitation)
  }

  patients(): Promise<readonly PatientEntry[]> {
    return this.options.hospital.patients(this.requestSigner)
  }

  appointments(): Promise<readonly AppointmentEntry[]> {
    return this.options.hospital.appointments(this.requestSigner)
  }

  assign(appointment: NewAppointment): Promise<AppointmentEntry> {
    return this.options.hospital.assign(this.requestSigner, appointment)
  }

  /**
   * The registration warrant of a patient: the one under which earlier records are stored. Of several the one that holds
   * by the ledger, for every kind of record before one for some; the one that ends last where none does, or the ledger
   * does not say: the trusted application decides.
   * @returns compact JWS. @throws {ClientError} `WARRANT_UNKNOWN`
   */
  async registrationWarrant(patient: PatientRef): Promise<string> {
    const { crypto, hospital } = this.options
    const held: { readonly jws: string; readonly warrant: Warrant }[] = []
    for (const delivered of await hospital.warrants(this.requestSigner, patient)) {
      if (delivered.patient !== patient) continue
      const key = await this.keyring.version(patient, peekEnvelope(delivered.envelope).version)
      const jws = decodeUtf8(openEnvelope(crypto, key, patient, 'warrant', delivered.envelope))
      const warrant = parseWarrant(jws).payload
      if (warrant.doctors.includes(this.ref)) held.push({ jws, warrant })
    }
    const [last] = held
    if (last === undefined) throw new ClientError('WARRANT_UNKNOWN')
    return ((await findHolding(this.options, held)) ?? last).jws
  }

  /** Tells the trusted application a patient's treatment key. @param ptk 32 bytes. */
  async provisionPatient(patient: PatientRef, version: number, ptk: Uint8Array, name: string): Promise<void> {
    await this.session.request('patient.provision', { patient, version, ptk, ...(name === '' ? {} : { name }) })
  }

  /** Moves a patient to a new treatment key: what was shared under the old one does not open later records. */
  async rekeyPatient(patient: PatientRef, version: number, ptk: Uint8Array): Promise<void> {
    await this.session.request('patient.rekey', { patient, version, ptk })
  }

  /** Tells the trusted application who a doctor is, for the access log. */
  async provisionPractitioner(practitioner: {
    readonly ref: PractitionerRef
    readonly name: string
    readonly department: string
    readonly emergency: boolean
  }): Promise<void> {
    const { ref, name, department, emergency } = practitioner
    await this.session.request('practitioner.provision', { ref, name, department, emergency })
  }
}
