/**
 * Patients, practitioners and invitations of one hospital. Synchronous: one SQLite database, one process.
 *
 * @module
 */
import type { Crypto } from '../../shared/crypto/src/index.ts'
import { ProtocolError, type PatientRef, type PractitionerRef } from '../../shared/protocol/src/index.ts'
import { randomCode } from './codes.ts'
import type { HospitalDatabase } from './database.ts'
import type { StaffRole } from './staff/roles.ts'

export interface Invitation {
  readonly code: string
  /** `rekey`: a new key for a patient or doctor who lost the old ones. */
  readonly kind: 'patient' | 'practitioner' | 'staff' | 'rekey'
  readonly details: InvitationDetails
  readonly expiresMs: number
}

export interface InvitationDetails {
  readonly name: string
  /** Practitioners. */
  readonly department?: string
  readonly emergency?: boolean
  /** Patients: what the front desk wrote down. */
  readonly birthDate?: string
  readonly contact?: string
  readonly identityCheckedBy?: string
  /** Staff. */
  readonly roles?: readonly StaffRole[]
  /** A member of staff who is known: one more key. */
  readonly staff?: string
  /** A new key for this patient or doctor, whose identity these members of staff checked. */
  readonly patient?: PatientRef
  readonly practitioner?: PractitionerRef
  readonly checkedBy?: readonly string[]
}

export interface Patient {
  readonly ref: PatientRef
  readonly name: string
  readonly details: InvitationDetails
  readonly registeredMs: number
  /** Newest treatment key version that the trusted application has; 0: none yet. */
  readonly provisionedVersion: number
}

export interface Practitioner {
  readonly ref: PractitionerRef
  readonly name: string
  readonly department: string
  readonly emergency: boolean
  readonly publicKey: string
  readonly sealKey: string
  /** Certificates, b64u DER, leaf first. */
  readonly chain: readonly string[]
  readonly registeredMs: number
  readonly provisioned: boolean
}

export const INVITATION_LIFETIME_MS = 7 * 86_400_000

export class Registry {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase
  /** Asked with every request. */
  readonly #practitionerKeys: ReturnType<HospitalDatabase['prepare']>
  readonly #isPatient: ReturnType<HospitalDatabase['prepare']>

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
    this.#practitionerKeys = db.prepare('SELECT public_key, seal_key FROM practitioner WHERE ref = ?')
    this.#isPatient = db.prepare('SELECT 1 FROM patient WHERE ref = ?').pluck()
  }

  invite(kind: Invitation['kind'], details: InvitationDetails, nowMs: number): Invitation {
    const code = randomCode(this.#crypto)
    const expiresMs = nowMs + INVITATION_LIFETIME_MS
    this.#db
      .prepare('INSERT INTO invitation VALUES (?, ?, ?, ?, NULL)')
      .run(code, kind, JSON.stringify(details), expiresMs)
    return { code, kind, details, expiresMs }
  }

  /**
   * What a code that was not used is for. Who lost the answer to a registration asks the staff for another code.
   * @throws {ProtocolError} `INVITATION_UNKNOWN`, the same for wrong, used and ended codes.
   */
  findInvitation(code: string, nowMs: number): Invitation {
    const row = this.#db.prepare('SELECT * FROM invitation WHERE code = ?').get(code) as InvitationRow | undefined
    if (row === undefined || row.expires_ms < nowMs || row.used_by !== null) throw unknownInvitation()
    return {
      code,
      kind: row.kind,
      details: JSON.parse(row.details) as InvitationDetails,
      expiresMs: row.expires_ms,
    }
  }

  /** @param by reference of the person, or id of the member of staff. */
  markUsed(code: string, by: string): void {
    const { changes } = this.#db
      .prepare('UPDATE invitation SET used_by = ? WHERE code = ? AND used_by IS NULL')
      .run(by, code)
    if (changes !== 1) throw unknownInvitation()
  }

  addPatient(patient: Pick<Patient, 'ref' | 'name' | 'details' | 'registeredMs'>): void {
    this.#db
      .prepare('INSERT INTO patient (ref, name, details, registered_ms) VALUES (?, ?, ?, ?)')
      .run(patient.ref, patient.name, JSON.stringify(patient.details), patient.registeredMs)
  }

  findPatient(ref: string): Patient | undefined {
    const row = this.#db.prepare('SELECT * FROM patient WHERE ref = ?').get(ref) as PatientRow | undefined
    return row === undefined ? undefined : patientOf(row)
  }

  patients(): Patient[] {
    return (this.#db.prepare('SELECT * FROM patient ORDER BY name').all() as PatientRow[]).map(patientOf)
  }

  patientsToProvision(): PatientRef[] {
    const rows = this.#db
      .prepare(
        `SELECT p.ref FROM patient p
         WHERE p.provisioned_version < (SELECT max(version) FROM treatment_key k WHERE k.patient = p.ref)`,
      )
      .all() as { ref: PatientRef }[]
    return rows.map(({ ref }) => ref)
  }

  markPatientProvisioned(ref: PatientRef, version: number): void {
    this.#db.prepare('UPDATE patient SET provisioned_version = ? WHERE ref = ?').run(version, ref)
  }

  addPractitioner(one: Omit<Practitioner, 'provisioned'>): void {
    this.#db
      .prepare('INSERT INTO practitioner VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)')
      .run(
        one.ref,
        one.name,
        one.department,
        one.emergency ? 1 : 0,
        one.publicKey,
        one.sealKey,
        JSON.stringify(one.chain),
        one.registeredMs,
      )
  }

  findPractitioner(ref: string): Practitioner | undefined {
    const row = this.#db.prepare('SELECT * FROM practitioner WHERE ref = ?').get(ref) as PractitionerRow | undefined
    return row === undefined ? undefined : practitionerOf(row)
  }

  /** Both keys of a doctor, b64u. */
  practitionerKeys(ref: string): Pick<Practitioner, 'publicKey' | 'sealKey'> | undefined {
    const row = this.#practitionerKeys.get(ref) as Pick<PractitionerRow, 'public_key' | 'seal_key'> | undefined
    return row === undefined ? undefined : { publicKey: row.public_key, sealKey: row.seal_key }
  }

  isPatient(ref: string): boolean {
    return this.#isPatient.get(ref) !== undefined
  }

  practitioners(): Practitioner[] {
    const rows = this.#db.prepare('SELECT * FROM practitioner ORDER BY name').all() as PractitionerRow[]
    return rows.map(practitionerOf)
  }

  /** @param chain b64u DER, leaf first. */
  replaceChain(ref: PractitionerRef, chain: readonly string[]): void {
    this.#db.prepare('UPDATE practitioner SET chain = ? WHERE ref = ?').run(JSON.stringify(chain), ref)
  }

  /** New keys of a doctor; the record server is told again. @param chain b64u DER, leaf first. */
  replaceKeys(
    ref: PractitionerRef,
    { publicKey, sealKey, chain }: Pick<Practitioner, 'publicKey' | 'sealKey' | 'chain'>,
  ): void {
    this.#db
      .prepare('UPDATE practitioner SET public_key = ?, seal_key = ?, chain = ?, provisioned = 0 WHERE ref = ?')
      .run(publicKey, sealKey, JSON.stringify(chain), ref)
  }

  markPractitionerProvisioned(ref: PractitionerRef): void {
    this.#db.prepare('UPDATE practitioner SET provisioned = 1 WHERE ref = ?').run(ref)
  }
}

interface InvitationRow {
  readonly kind: Invitation['kind']
  readonly details: string
  readonly expires_ms: number
  readonly used_by: string | null
}
interface PatientRow {
  readonly ref: PatientRef
  readonly name: string
  readonly details: string
  readonly registered_ms: number
  readonly provisioned_version: number
}
interface PractitionerRow {
  readonly ref: PractitionerRef
  readonly name: string
  readonly department: string
  readonly emergency: number
  readonly public_key: string
  readonly seal_key: string
  readonly chain: string
  readonly registered_ms: number
  readonly provisioned: number
}

function patientOf(row: PatientRow): Patient {
  return {
    ref: row.ref,
    name: row.name,
    details: JSON.parse(row.details) as InvitationDetails,
    registeredMs: row.registered_ms,
    provisionedVersion: row.provisioned_version,
  }
}

function practitionerOf(row: PractitionerRow): Practitioner {
  return {
    ref: row.ref,
    name: row.name,
    department: row.department,
    emergency: row.emergency === 1,
    publicKey: row.public_key,
    sealKey: row.seal_key,
    chain: JSON.parse(row.chain) as string[],
    registeredMs: row.registered_ms,
    provisioned: row.provisioned === 1,
  }
}

/** 12 characters of 31: 59 bits. Bytes past a multiple of 31 are drawn again, so that no letter is likelier. */
function unknownInvitation(): ProtocolError {
  return new ProtocolError('INVITATION_UNKNOWN', 'the registration code is wrong, used or ended')
}
