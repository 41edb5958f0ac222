/**
 * The hospital: what each caller may ask of it. Knows no HTTP. Who may do what:
 *
 * - staff: invitations, directory, appointments of everybody, patients;
 * - a patient: own appointments, warrants, treatment keys, credential;
 * - a practitioner: own appointments, warrants that name the practitioner, treatment keys of assigned patients,
 *   chains whose turn it is, commitments in the practitioner's own name;
 * - the hospital's own service besides: carries commitments that its practitioners signed.
 *
 * Spec: docs/protocol/02-registration.md, 03-envelopes-and-warrants.md.
 *
 * @module
 */
import { decodeUtf8, type Crypto } from '../../shared/crypto/src/index.ts'
import type { CommitGroup } from '../../shared/ledger-model/src/index.ts'
import {
  isPatientRef,
  isPractitionerRef,
  openEnvelope,
  parseWarrant,
  parseWarrantRecord,
  isRecordingOf,
  peekEnvelope,
  ProtocolError,
  type Appointment,
  type AppointmentId,
  type AppointmentWish,
  type ChainId,
  type PatientRef,
  type PractitionerRef,
  type WarrantId,
} from '../../shared/protocol/src/index.ts'
import type { Appointments } from './appointments.ts'
import type { CommitmentBatcher, CommittedPlace } from './commitments.ts'
import type { HospitalDatabase } from './database.ts'
import type { LedgerReceipt, LedgerWriter } from './ports.ts'
import type { HospitalIdentity, Registrations } from './registrations.ts'
import type { Invitation, InvitationDetails, Patient, Registry } from './registry.ts'
import type { Caller } from './request-auth.ts'
import { mayStaff, requireStaff } from './staff/roles.ts'
import type { SealedTreatmentKey, TreatmentKeys } from './treatment-keys.ts'

/** Statements of patients that the hospital relays to the ledger, which checks their signatures. */
export const RELAYED_FUNCTIONS = [
  'addKey',
  'removeKey',
  'grant',
  'revokeGrant',
  'revokeWarrant',
  'recordWarrant',
] as const
export type RelayedFunction = (typeof RELAYED_FUNCTIONS)[number]

export interface HospitalParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly identity: HospitalIdentity
  readonly registry: Registry
  readonly keys: TreatmentKeys
  readonly appointments: Appointments
  readonly registrations: Registrations
  readonly batcher: CommitmentBatcher
  readonly ledger: LedgerWriter
}

export interface DeliveredWarrant {
  readonly jti: WarrantId
  readonly patient: PatientRef
  readonly patientName: string
  /** As the front desk wrote it down: a day, a month or a year. */
  readonly birthDate?: string
  readonly expMs: number
  readonly envelope: Uint8Array
}

export interface WaitingChain {
  readonly chainId: ChainId
  readonly patient: PatientRef
  readonly changedMs: number
  readonly envelope: Uint8Array
}

export interface AppointmentView {
  readonly appointment: Appointment
  readonly patientName: string
  /** As the front desk wrote it down: a day, a month or a year. */
  readonly birthDate?: string
  /** When a doctor asked last for the permission. */
  readonly remindedMs?: number
  /** `Enc(Ptk, appointment)`. */
  readonly envelope: Uint8Array
}

export interface RotatedKey {
  readonly version: number
  /** Newest version that the record server has. */
  readonly provisionedVersion: number
}

export interface HospitalStatus {
  readonly patients: number
  readonly practitioners: number
  /** Fingerprints that have no ledger transaction yet. */
  readonly waitingCommitments: number
  /** Patients and doctors that the record server does not know yet. */
  readonly waitingProvisions: number
}

export class Hospital {
  readonly #parts: HospitalParts

  constructor(parts: HospitalParts) {
    this.#parts = parts
  }

  get identity(): HospitalIdentity {
    return this.#parts.identity
  }

  get registrations(): Registrations {
    return this.#parts.registrations
  }

  /** Fingerprints that have no ledger transaction yet. */
  get waitingCommitments(): number {
    return this.#parts.batcher.waiting
  }

  /** Counts for the status page of the staff. */
  status(caller: Caller): HospitalStatus {
    requireStaff(caller, 'system')
    const { registry, batcher } = this.#parts
    const practitioners = registry.practitioners()
    return {
      patients: registry.patients().length,
      practitioners: practitioners.length,
      waitingCommitments: batcher.waiting,
      waitingProvisions: registry.patientsToProvision().length + practitioners.filter((one) => !one.provisioned).length,
    }
  }

  invite(
    caller: Caller,
    kind: 'patient' | 'practitioner' | 'staff',
    details: InvitationDetails,
    nowMs: number,
  ): Invitation {
    requireStaff(caller, kind === 'staff' ? 'staff' : 'people')
    return this.#parts.registry.invite(kind, details, nowMs)
  }

  patients(caller: Caller): Patient[] {
    requireStaff(caller, 'people')
    return this.#parts.registry.patients()
  }

  /** Names and departments of the doctors: every registered caller may read it. */
  directory(): { readonly ref: PractitionerRef; readonly name: string; readonly department: string }[] {
    return this.#parts.registry.practitioners().map(({ ref, name, department }) => ({ ref, name, department }))
  }

  /** A patient books with an encrypted wish. @returns `Enc(Ptk, appointment)`. */
  book(caller: Caller, envelope: Uint8Array, nowMs: number): Uint8Array {
    return this.#parts.appointments.book(requirePatient(caller), envelope, nowMs)
  }

  /** Staff book for somebody at the front desk. */
  assign(caller: Caller, wish: AppointmentWish, nowMs: number): AppointmentView {
    requireStaff(caller, 'people')
    this.#requireOwnPatient(wish.patientRef)
    return this.#view(this.#parts.appointments.assign(wish, nowMs))
  }

  appointments(caller: Caller): AppointmentView[] {
    const { appointments, registry } = this.#parts
    const { ref } = caller
    if (isPatientRef(ref)) return appointments.ofPatient(ref).map((one) => this.#view(one))
    if (isPractitionerRef(ref)) return appointments.ofPractitioner(ref).map((one) => this.#view(one))
    requireStaff(caller, 'people')
    return registry.patients().flatMap((patient) => appointments.ofPatient(patient.ref).map((one) => this.#view(one)))
  }

  appointment(caller: Caller, id: AppointmentId): AppointmentView {
    const found = this.appointments(caller).find(({ appointment }) => appointment.appointmentId === id)
    if (found === undefined) throw new ProtocolError('APPOINTMENT_UNKNOWN', 'no such appointment of the caller')
    return found
  }

  /**
   * A doctor of an appointment that is not over asks its patient again for the permission: it stands with the request,
   * once an hour.
   * @throws {ProtocolError} `TEE_FORBIDDEN`, `APPOINTMENT_UNKNOWN`
   */
  remind(caller: Caller, id: AppointmentId, nowMs: number): AppointmentView {
    if (!isPractitionerRef(caller.ref)) throw forbidden()
    const { appointment } = this.appointment(caller, id)
    if (appointment.endMs <= nowMs) throw new ProtocolError('APPOINTMENT_UNKNOWN', 'the appointment is over')
    this.#parts.appointments.remind(id, nowMs)
    return this.appointment(caller, id)
  }

  /**
   * Takes a patient's warrant: opens it, checks that the recording is of this warrant, puts the recording on the
   * ledger (which checks the signature) and keeps the envelope for the doctors.
   */
  async recordWarrant(caller: Caller, envelope: Uint8Array, recording: string): Promise<LedgerReceipt> {
    const { crypto, db, keys, ledger, identity } = this.#parts
    const patient = requirePatient(caller)
    const { version } = peekEnvelope(envelope)
    const key = keys.derived(patient, version)
    const jws = decodeUtf8(openEnvelope(crypto, key, patient, 'warrant', envelope))
    const { payload: warrant } = parseWarrant(jws)
    const isRight =
      warrant.iss === patient &&
      warrant.hospital === identity.ref &&
      isRecordingOf(crypto, parseWarrantRecord(recording).payload, jws)
    if (!isRight) throw new ProtocolError('WARRANT_PARTY_MISMATCH', 'the recording is not of this warrant')
    const receipt = await ledger.submit('recordWarrant', [recording])
    db.prepare('INSERT OR IGNORE INTO warrant VALUES (?, ?, ?, ?, ?)').run(
      warrant.jti,
      patient,
      JSON.stringify(warrant.doctors),
      warrant.exp * 1000,
      envelope,
    )
    return receipt
  }

  /**
   * Warrants that the caller is a party of, of one patient or of all: the patient, a named doctor, or the hospital
   * itself. What ends last comes first; of two that end together, what was issued last.
   */
  warrants(caller: Caller, patient?: PatientRef): DeliveredWarrant[] {
    if (caller.role === 'staff') requireStaff(caller, 'people')
    const rows = this.#parts.db
      .prepare(
        `SELECT w.jti, w.patient, w.doctors, w.exp_ms, w.envelope, p.name, p.details FROM warrant w
         JOIN patient p ON p.ref = w.patient WHERE w.patient = coalesce(?, w.patient)
         ORDER BY w.exp_ms DESC, w.rowid DESC`,
      )
      .all(patient ?? null) as WarrantRow[]
    return rows
      .filter((row) => row.patient === caller.ref || (JSON.parse(row.doctors) as string[]).includes(caller.ref))
      .map((row) => ({
        jti: row.jti,
        patient: row.patient,
        patientName: row.name,
        ...bornOf(JSON.parse(row.details) as InvitationDetails),
        expMs: row.exp_ms,
        envelope: new Uint8Array(row.envelope),
      }))
  }

  /** Every version of a patient's treatment key, sealed to the caller. */
  treatmentKeys(caller: Caller, patient: PatientRef): SealedTreatmentKey[] {
    this.#requireOwnPatient(patient)
    if (!this.#mayHaveTreatmentKey(caller, patient)) {
      throw new ProtocolError('ACCESS_DENIED', 'no appointment or permission gives this key')
    }
    // One that the trusted application does not have yet would be written under in vain.
    const known = Math.max(1, this.#parts.registry.findPatient(patient)?.provisionedVersion ?? 0)
    return this.#parts.keys.sealAll(patient, caller.ref, caller.sealKey).filter(({ version }) => version <= known)
  }

  /**
   * Doctors commit in their own name; the hospital's own service carries what its doctors signed, as their gateway does.
   * Whether they signed it is checked by the contract.
   * @throws {ProtocolError} `LEDGER_FORBIDDEN`, `LEDGER_BUSY`, or the code of the contract.
   */
  async commit(caller: Caller, group: CommitGroup): Promise<CommittedPlace> {
    const { author } = group
    const isCarried =
      caller.role === 'staff' &&
      caller.staff === undefined &&
      this.#parts.registry.practitionerKeys(author) !== undefined
    if (author !== caller.ref && !isCarried) {
      throw new ProtocolError('LEDGER_FORBIDDEN', 'authors commit in their own name')
    }
    return await this.#parts.batcher.commit(group)
  }

  /** Whether an appointment or a permission of the patient, current or not, names the doctor. */
  mayTreat(ref: PractitionerRef, patient: PatientRef): boolean {
    const { appointments, db } = this.#parts
    if (appointments.isAssigned(ref, patient)) return true
    const rows = db.prepare('SELECT doctors FROM warrant WHERE patient = ?').pluck().all(patient) as string[]
    return rows.some((doctors) => (JSON.parse(doctors) as string[]).includes(ref))
  }

  /** @throws {ProtocolError} `ACCESS_DENIED` unless the patient is the hospital's and the caller may hold the key. */
  requireMayWrite(caller: Caller, patient: PatientRef): void {
    this.#requireOwnPatient(patient)
    if (!this.#mayHaveTreatmentKey(caller, patient)) {
      throw new ProtocolError('ACCESS_DENIED', 'no appointment or permission allows this')
    }
  }

  /** Makes the next version of a treatment key; the record server is told at once, or when it answers. */
  async rotateTreatmentKey(caller: Caller, patient: PatientRef, nowMs: number): Promise<RotatedKey> {
    requireStaff(caller, 'people')
    this.#requireOwnPatient(patient)
    const { registry, keys, registrations } = this.#parts
    const { provisionedVersion = 0 } = registry.findPatient(patient) ?? {}
    const newest = keys.newest(patient).version
    // A second one before the first has arrived would protect nobody better.
    const version = newest > provisionedVersion ? newest : keys.makeNext(patient, nowMs).version
    await registrations.provisionWaiting()
    return { version, provisionedVersion: registry.findPatient(patient)?.provisionedVersion ?? 0 }
  }

  async relay(fn: RelayedFunction, statement: string): Promise<LedgerReceipt> {
    return await this.#parts.ledger.submit(fn, [statement])
  }

  /** Passes a group's envelope on to the doctor whose turn is next. */
  passChain(
    caller: Caller,
    chain: { readonly chainId: ChainId; readonly to: PractitionerRef; readonly envelope: Uint8Array },
    nowMs: number,
  ): void {
    const { db, registry } = this.#parts
    if (!isPractitionerRef(caller.ref)) throw forbidden()
    const { patient } = peekEnvelope(chain.envelope)
    this.#requireOwnPatient(patient)
    if (registry.findPractitioner(chain.to) === undefined)
      throw new ProtocolError('PARTICIPANT_UNKNOWN', 'no such doctor')
    const known = db.prepare('SELECT next_doctor FROM chain WHERE id = ?').get(chain.chainId) as
      { next_doctor: string } | undefined
    // Only whose turn it is may pass on; otherwise one doctor could replace another's part.
    if (known !== undefined && known.next_doctor !== caller.ref) throw forbidden()
    if (!this.#mayHaveTreatmentKey(caller, patient)) throw forbidden()
    db.prepare(
      `INSERT INTO chain VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET next_doctor = excluded.next_doctor, envelope = excluded.envelope, changed_ms = excluded.changed_ms`,
    ).run(chain.chainId, patient, chain.to, chain.envelope, nowMs)
  }

  /** Chains that wait for the caller's part. */
  chains(caller: Caller): WaitingChain[] {
    const rows = this.#parts.db
      .prepare('SELECT id, patient, envelope, changed_ms FROM chain WHERE next_doctor = ? ORDER BY changed_ms')
      .all(caller.ref) as { id: ChainId; patient: PatientRef; envelope: Buffer; changed_ms: number }[]
    return rows.map((row) => ({
      chainId: row.id,
      patient: row.patient,
      changedMs: row.changed_ms,
      envelope: new Uint8Array(row.envelope),
    }))
  }

  /** The last doctor has uploaded; nothing waits any more. */
  closeChain(caller: Caller, chainId: ChainId): void {
    this.#parts.db.prepare('DELETE FROM chain WHERE id = ? AND next_doctor = ?').run(chainId, caller.ref)
  }

  #mayHaveTreatmentKey(caller: Caller, patient: PatientRef): boolean {
    if (caller.ref === patient || mayStaff(caller, 'records')) return true
    return isPractitionerRef(caller.ref) && this.mayTreat(caller.ref, patient)
  }

  #requireOwnPatient(patient: PatientRef): void {
    if (this.#parts.registry.findPatient(patient) === undefined) {
      throw new ProtocolError('ACCESS_DENIED', 'not a patient of this hospital')
    }
  }

  #view(appointment: Appointment): AppointmentView {
    const { appointments, registry } = this.#parts
    const patient = registry.findPatient(appointment.patientRef)
    const remindedMs = appointments.remindedMs(appointment.appointmentId)
    return {
      appointment,
      patientName: patient?.name ?? '',
      ...bornOf(patient?.details),
      ...(remindedMs === undefined ? {} : { remindedMs }),
      envelope: appointments.seal(appointment),
    }
  }
}

interface WarrantRow {
  readonly jti: WarrantId
  readonly patient: PatientRef
  readonly doctors: string
  readonly exp_ms: number
  readonly envelope: Buffer
  readonly name: string
  readonly details: string
}

function bornOf(details: Pick<InvitationDetails, 'birthDate'> | undefined): Pick<AppointmentView, 'birthDate'> {
  return details?.birthDate === undefined ? {} : { birthDate: details.birthDate }
}

function requirePatient({ ref }: Caller): PatientRef {
  if (!isPatientRef(ref)) throw forbidden()
  return ref
}

function forbidden(): ProtocolError {
  return new ProtocolError('TEE_FORBIDDEN', 'this kind of participant may not do it')
}
