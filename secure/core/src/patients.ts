/**
 * Patients of this server: who registered them, which treatment key is current, how much there is about them.
 * A row is checked against the authenticated state when it is first read and kept in memory, which decides from then on.
 *
 * @module
 */
import { label, type Crypto } from '../../../shared/crypto/src/index.ts'
import { encodeCbor, type HospitalRef, type PatientRef } from '../../../shared/protocol/src/index.ts'
import { StorageError } from './errors.ts'
import type { SqlRow, SqlStatement } from './ports.ts'
import { bytesOf, integerOf, optionalTextOf, textOf } from './sql-values.ts'
import type { Store } from './store.ts'

export interface Patient {
  readonly id: number
  readonly ref: PatientRef
  /** Hospital that provisioned the patient. */
  readonly hospital: HospitalRef
  readonly mspId: string
  readonly name: string | null
  /** Current version of the treatment key. */
  readonly keyVersion: number
  readonly createdMs: number
  /** Rows of `record` that are stored or erased. */
  readonly records: number
  /** Rows of `emergency`. */
  readonly emergencies: number
  /** Entries of the log about this patient, as far as they are indexed, and their chain. */
  readonly auditEntries: number
  readonly auditDigest: Uint8Array
}

const KIND = 'patient'
const ROW = label('ta-patient-row')

export class Patients {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #maxKept: number
  /** Least recently used first. */
  readonly #known = new Map<string, Patient>()
  readonly #refs = new Map<number, string>()
  readonly #byRef: SqlStatement
  readonly #byId: SqlStatement
  readonly #after: SqlStatement
  readonly #insert: SqlStatement
  readonly #update: SqlStatement
  #count: number

  constructor(store: Store, maxKept: number) {
    this.#maxKept = maxKept
    this.#crypto = store.crypto
    this.#store = store
    const { database } = store
    this.#byRef = database.prepare('SELECT * FROM patient WHERE ref = ?')
    this.#byId = database.prepare('SELECT ref FROM patient WHERE id = ?')
    this.#after = database.prepare('SELECT ref FROM patient WHERE id > ? ORDER BY id LIMIT ?')
    this.#insert = database.prepare(
      `INSERT INTO patient (ref, hospital, msp, name, key_version, created_ms, records, emergencies, audit_entries, audit_digest)
       VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, ?)`,
    )
    this.#update = database.prepare(
      `UPDATE patient SET name = ?, key_version = ?, records = ?, emergencies = ?, audit_entries = ?, audit_digest = ?
       WHERE id = ?`,
    )
    this.#count = integerOf(database.prepare('SELECT count(*) AS n FROM patient').get(), 'n')
  }

  get count(): number {
    return this.#count
  }

  /** @throws {StorageError} `STATE_ROLLED_BACK` */
  find(ref: string): Patient | undefined {
    const known = this.#known.get(ref)
    if (known !== undefined) {
      this.#known.delete(ref)
      this.#known.set(ref, known)
      return known
    }
    const row = this.#byRef.get(ref)
    if (row === undefined) {
      this.#store.state.checkAbsent(KIND, ref)
      return undefined
    }
    const patient = patientOf(row)
    this.#store.state.checkRow(KIND, ref, this.#digest(patient))
    this.#remember(patient)
    return patient
  }

  /** @throws {StorageError} `STATE_ROLLED_BACK` also if there is none: a row names it. */
  get(id: number): Patient {
    const ref = this.#refs.get(id) ?? this.#byId.get(id)?.['ref']
    const patient = typeof ref === 'string' ? this.find(ref) : undefined
    if (patient === undefined || patient.id !== id) {
      throw new StorageError('STATE_ROLLED_BACK', 'a row names a patient that does not exist')
    }
    return patient
  }

  /** Up to `limit` patients in the order in which they came, after `id`. */
  listAfter(id: number, limit: number): Patient[] {
    const patients: Patient[] = []
    for (const row of this.#after.all(id, limit)) {
      const patient = this.find(textOf(row, 'ref'))
      if (patient !== undefined) patients.push(patient)
    }
    return patients
  }

  add(patient: Pick<Patient, 'ref' | 'hospital' | 'mspId' | 'name' | 'keyVersion' | 'createdMs'>): Patient {
    this.#store.beginWrite()
    const { ref, hospital, mspId, name, keyVersion, createdMs } = patient
    this.#insert.run(ref, hospital, mspId, name, keyVersion, createdMs, new Uint8Array(32))
    const added = patientOf(this.#byRef.get(ref) ?? {})
    this.#count++
    this.#keep(added)
    return added
  }

  update(
    patient: Patient,
    changes: Partial<Pick<Patient, 'name' | 'keyVersion' | 'records' | 'emergencies' | 'auditEntries' | 'auditDigest'>>,
  ): Patient {
    this.#store.beginWrite()
    const next = { ...patient, ...changes }
    const { name, keyVersion, records, emergencies, auditEntries, auditDigest } = next
    this.#update.run(name, keyVersion, records, emergencies, auditEntries, auditDigest, patient.id)
    this.#keep(next)
    return next
  }

  #keep(patient: Patient): void {
    this.#store.state.set(KIND, patient.ref, this.#digest(patient))
    this.#remember(patient)
  }

  #remember(patient: Patient): void {
    this.#known.delete(patient.ref)
    if (this.#known.size >= this.#maxKept) {
      for (const oldest of this.#known.values()) {
        this.#known.delete(oldest.ref)
        this.#refs.delete(oldest.id)
        break
      }
    }
    this.#known.set(patient.ref, patient)
    this.#refs.set(patient.id, patient.ref)
  }

  #digest(patient: Patient): Uint8Array {
    const { id, ref, hospital, mspId, name, keyVersion, createdMs, records, emergencies } = patient
    const { auditEntries, auditDigest } = patient
    const row = [id, ref, hospital, mspId, name, keyVersion, createdMs, records, emergencies, auditEntries, auditDigest]
    return this.#crypto.sha256(ROW, encodeCbor(row))
  }
}

function patientOf(row: SqlRow): Patient {
  return {
    id: integerOf(row, 'id'),
    ref: textOf(row, 'ref') as PatientRef,
    hospital: textOf(row, 'hospital') as HospitalRef,
    mspId: textOf(row, 'msp'),
    name: optionalTextOf(row, 'name'),
    keyVersion: integerOf(row, 'key_version'),
    createdMs: integerOf(row, 'created_ms'),
    records: integerOf(row, 'records'),
    emergencies: integerOf(row, 'emergencies'),
    auditEntries: integerOf(row, 'audit_entries'),
    auditDigest: bytesOf(row, 'audit_digest'),
  }
}
