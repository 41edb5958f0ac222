/**
 * What the façade keeps in the hospital's own encrypted store: which record is which FHIR resource, what can be searched of
 * it, the resources that belong to no patient, and the ids by which other systems call the patients.
 *
 * Limits: of a record, everything here but a deletion can be made again from the record server, which decides.
 *
 * @module
 */
import { parseResource, type FhirResource } from '../../../shared/fhir/src/index.ts'
import type { PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import { MAX_BODY_BYTES } from './limits.ts'
import { TABLES_DIGEST } from './r4-tables.ts'
import { searchValuesOf, type SearchValues } from './search-values.ts'

/** A resource by its FHIR name. */
export interface ResourceRow {
  readonly type: string
  readonly id: string
  /** In whose compartment; absent: the hospital's own. */
  readonly patient?: PatientRef
  /** Absent: its text is kept here. */
  readonly record?: RecordId
  /** Newest. */
  readonly version: number
  readonly changedMs: number
  /** `deleted` here, or `erased` by the patient. */
  readonly gone?: 'deleted' | 'erased'
  readonly values: SearchValues
}

export interface LocalVersion {
  readonly version: number
  readonly text: string
  readonly changedMs: number
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS fhir_resource (
  type TEXT NOT NULL, id TEXT NOT NULL, patient TEXT, record TEXT, version INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
  gone TEXT, found TEXT NOT NULL, PRIMARY KEY (type, id)
) STRICT;
CREATE INDEX IF NOT EXISTS fhir_resource_patient ON fhir_resource (patient, type);
CREATE UNIQUE INDEX IF NOT EXISTS fhir_resource_record ON fhir_resource (record);
CREATE TABLE IF NOT EXISTS fhir_version (
  type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, changed_ms INTEGER NOT NULL,
  PRIMARY KEY (type, id, version)
) STRICT;
CREATE TABLE IF NOT EXISTS fhir_patient (id TEXT PRIMARY KEY, ref TEXT) STRICT;
CREATE TABLE IF NOT EXISTS fhir_invitation (code TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS fhir_invitation_id ON fhir_invitation (id);
CREATE INDEX IF NOT EXISTS fhir_patient_ref ON fhir_patient (ref);
CREATE TABLE IF NOT EXISTS fhir_receipt (
  record TEXT NOT NULL, version INTEGER NOT NULL, receipt TEXT NOT NULL, enterer TEXT NOT NULL, PRIMARY KEY (record, version)
) STRICT;
CREATE TABLE IF NOT EXISTS fhir_stamp (patient TEXT PRIMARY KEY, stamp TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS fhir_index (tables TEXT NOT NULL) STRICT;`

interface Row {
  readonly type: string
  readonly id: string
  readonly patient: PatientRef | null
  readonly record: RecordId | null
  readonly version: number
  readonly changed_ms: number
  readonly gone: 'deleted' | 'erased' | null
  readonly found: string
}

interface WaitingWork {
  /** @returns what tells whoever waits, once it is durable. */
  readonly run: () => () => void
  readonly reject: (error: Error) => void
}

export class FhirStore {
  readonly #db: HospitalDatabase
  readonly #waiting: WaitingWork[] = []

  constructor(db: HospitalDatabase) {
    this.#db = db
    db.exec(SCHEMA)
    this.#followTables()
  }

  /** What was indexed by other tables is indexed again: here at once, of records when they are searched next. */
  #followTables(): void {
    const db = this.#db
    if (db.prepare('SELECT tables FROM fhir_index').pluck().get() === TABLES_DIGEST) return
    db.transaction(() => {
      db.prepare('DELETE FROM fhir_index').run()
      db.prepare('INSERT INTO fhir_index VALUES (?)').run(TABLES_DIGEST)
      db.prepare('DELETE FROM fhir_stamp').run()
      // As if nothing of it had been read yet; ids and deletions stay.
      db.prepare('UPDATE fhir_resource SET version = 0 WHERE record IS NOT NULL AND gone IS NULL').run()
      const own = db.prepare('SELECT * FROM fhir_resource WHERE record IS NULL AND gone IS NULL').all() as Row[]
      for (const row of own.map(rowOf)) {
        const text = this.localVersions(row.type, row.id).at(-1)?.text
        if (text !== undefined && text !== '') this.put({ ...row, values: searchValuesOf(read(text)) })
      }
    })()
  }

  find(type: string, id: string): ResourceRow | undefined {
    const row = this.#db.prepare('SELECT * FROM fhir_resource WHERE type = ? AND id = ?').get(type, id)
    return row === undefined ? undefined : rowOf(row as Row)
  }

  findRecord(record: RecordId): ResourceRow | undefined {
    const row = this.#db.prepare('SELECT * FROM fhir_resource WHERE record = ?').get(record)
    return row === undefined ? undefined : rowOf(row as Row)
  }

  /** In the order in which they came. */
  ofType(type: string, patient?: PatientRef): ResourceRow[] {
    const rows =
      patient === undefined
        ? this.#db.prepare('SELECT * FROM fhir_resource WHERE type = ? ORDER BY changed_ms, id').all(type)
        : this.#db
            .prepare('SELECT * FROM fhir_resource WHERE patient = ? AND type = ? ORDER BY changed_ms, id')
            .all(patient, type)
    return (rows as Row[]).map(rowOf)
  }

  /** Versions of the patient's records that the index knows of. */
  versionsOf(patient: PatientRef): number {
    const sql = 'SELECT coalesce(sum(version), 0) FROM fhir_resource WHERE patient = ? AND record IS NOT NULL'
    return this.#db.prepare(sql).pluck().get(patient) as number
  }

  ofPatient(patient: PatientRef): ResourceRow[] {
    const rows = this.#db
      .prepare('SELECT * FROM fhir_resource WHERE patient = ? ORDER BY changed_ms, type, id')
      .all(patient)
    return (rows as Row[]).map(rowOf)
  }

  put(row: ResourceRow): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO fhir_resource VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        row.type,
        row.id,
        row.patient ?? null,
        row.record ?? null,
        row.version,
        row.changedMs,
        row.gone ?? null,
        JSON.stringify(row.values),
      )
  }

  remove(type: string, id: string): void {
    this.#db.prepare('DELETE FROM fhir_resource WHERE type = ? AND id = ?').run(type, id)
  }

  /** The row, and its text as a version that is kept here. */
  putLocal(row: ResourceRow, text: string): void {
    this.atOnce(() => {
      this.put(row)
      this.#db
        .prepare('INSERT INTO fhir_version VALUES (?, ?, ?, ?, ?)')
        .run(row.type, row.id, row.version, text, row.changedMs)
    })
  }

  /** Oldest first. */
  localVersions(type: string, id: string): LocalVersion[] {
    const rows = this.#db
      .prepare('SELECT version, text, changed_ms FROM fhir_version WHERE type = ? AND id = ? ORDER BY version')
      .all(type, id) as { version: number; text: string; changed_ms: number }[]
    return rows.map(({ version, text, changed_ms: changedMs }) => ({ version, text, changedMs }))
  }

  /**
   * All or nothing of each, and durable when it resolves. Works of one moment share a transaction: every commit waits for
   * the disk, and this thread with it.
   */
  together<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): (() => void) => {
        try {
          const value = this.#db.transaction(work)()
          return () => resolve(value)
        } catch (error) {
          return () => reject(error)
        }
      }
      this.#waiting.push({ run, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.#commitWaiting())
    })
  }

  #commitWaiting(): void {
    const works = this.#waiting.splice(0)
    let settles: readonly (() => void)[]
    try {
      settles = this.#db.transaction(() => works.map(({ run }) => run()))()
    } catch (error) {
      settles = works.map(
        ({ reject }) =>
          () =>
            reject(error as Error),
      )
    }
    for (const settle of settles) settle()
  }

  /** All or nothing. */
  atOnce(work: () => void): void {
    if (this.#db.inTransaction) work()
    else this.#db.transaction(work)()
  }

  /** An id by which others call a patient; without a reference somebody who has not registered. */
  linkPatient(id: string, ref?: PatientRef): void {
    this.#db
      .prepare(
        'INSERT INTO fhir_patient VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET ref = coalesce(excluded.ref, ref)',
      )
      .run(id, ref ?? null)
  }

  /** `undefined`: nobody has the id; `null`: whoever has it has not registered. */
  findPatientLink(id: string): PatientRef | null | undefined {
    return this.#db.prepare('SELECT ref FROM fhir_patient WHERE id = ?').pluck().get(id) as
      PatientRef | null | undefined
  }

  addInvitation(code: string, id: string): void {
    this.#db.prepare('INSERT INTO fhir_invitation VALUES (?, ?)').run(code, id)
  }

  /** Codes that nobody was known to have registered with, of one id or of all. */
  openInvitations(id?: string): { readonly id: string; readonly code: string }[] {
    const sql = `SELECT i.id, i.code FROM fhir_invitation i JOIN fhir_patient p ON p.id = i.id WHERE p.ref IS NULL`
    const rows = id === undefined ? this.#db.prepare(sql).all() : this.#db.prepare(`${sql} AND i.id = ?`).all(id)
    return rows as { id: string; code: string }[]
  }

  /** The ids of one patient, oldest link first. */
  patientIds(ref: PatientRef): string[] {
    return this.#db.prepare('SELECT id FROM fhir_patient WHERE ref = ? ORDER BY rowid').pluck().all(ref) as string[]
  }

  /** @param enterer who asked for it to be stored. */
  putReceipt(record: RecordId, version: number, receipt: string, enterer: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO fhir_receipt VALUES (?, ?, ?, ?)').run(record, version, receipt, enterer)
  }

  /** Of a version that this hospital stored itself. */
  findReceipt(record: RecordId, version: number): { readonly receipt: string; readonly enterer: string } | undefined {
    const statement = this.#db.prepare('SELECT receipt, enterer FROM fhir_receipt WHERE record = ? AND version = ?')
    return statement.get(record, version) as { receipt: string; enterer: string } | undefined
  }

  stampOf(patient: PatientRef): string | undefined {
    return this.#db.prepare('SELECT stamp FROM fhir_stamp WHERE patient = ?').pluck().get(patient) as string | undefined
  }

  setStamp(patient: PatientRef, stamp: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO fhir_stamp VALUES (?, ?)').run(patient, stamp)
  }
}

function read(text: string): FhirResource {
  return parseResource(text, { maxBytes: MAX_BODY_BYTES })
}

function rowOf(row: Row): ResourceRow {
  return {
    type: row.type,
    id: row.id,
    version: row.version,
    changedMs: row.changed_ms,
    values: JSON.parse(row.found) as SearchValues,
    ...(row.patient === null ? {} : { patient: row.patient }),
    ...(row.record === null ? {} : { record: row.record }),
    ...(row.gone === null ? {} : { gone: row.gone }),
  }
}
