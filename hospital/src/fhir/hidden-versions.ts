/**
 * Versions of records that the record server may have and this API does not show: those of a transaction that is not
 * complete, and of one that was refused after a part of it had been stored.
 *
 * @module
 */
import type { RecordId } from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS fhir_hidden (
  record TEXT NOT NULL, version INTEGER NOT NULL, tx TEXT NOT NULL, PRIMARY KEY (record, version)
) STRICT;
CREATE INDEX IF NOT EXISTS fhir_hidden_tx ON fhir_hidden (tx);`

export interface RecordVersionKey {
  readonly record: RecordId
  readonly version: number
}

export class HiddenVersions {
  readonly #db: HospitalDatabase
  readonly #known = new Map<string, Set<number>>()

  constructor(db: HospitalDatabase) {
    this.#db = db
    db.exec(SCHEMA)
    const rows = db.prepare('SELECT record, version FROM fhir_hidden').all() as RecordVersionKey[]
    for (const row of rows) this.#remember(row)
  }

  /** Whether any version of the record is hidden. */
  concerns(record: RecordId): boolean {
    return this.#known.has(record)
  }

  has({ record, version }: RecordVersionKey): boolean {
    return this.#known.get(record)?.has(version) === true
  }

  /** The newest version up to `newest` that is shown; 0: none. */
  visible(record: RecordId, newest: number): number {
    const hidden = this.#known.get(record)
    let version = newest
    while (version > 0 && hidden?.has(version) === true) version--
    return version
  }

  /** Inside a transaction of the store; what is hidden stays so if that one fails. */
  hide(tx: string, versions: readonly RecordVersionKey[]): void {
    const insert = this.#db.prepare('INSERT OR REPLACE INTO fhir_hidden VALUES (?, ?, ?)')
    for (const one of versions) {
      insert.run(one.record, one.version, tx)
      this.#remember(one)
    }
  }

  /** Inside a transaction of the store, as its last step. */
  show(versions: readonly RecordVersionKey[]): void {
    const remove = this.#db.prepare('DELETE FROM fhir_hidden WHERE record = ? AND version = ?')
    for (const { record, version } of versions) {
      remove.run(record, version)
      const hidden = this.#known.get(record)
      hidden?.delete(version)
      if (hidden?.size === 0) this.#known.delete(record)
    }
  }

  #remember({ record, version }: RecordVersionKey): void {
    const hidden = this.#known.get(record)
    if (hidden === undefined) this.#known.set(record, new Set([version]))
    else hidden.add(version)
  }
}
