/**
 * Transactions that were taken and are not told to their clients yet: each stands whole in the hospital's encrypted store
 * before anything of it leaves the hospital, so that one that was begun ends, also after the process was killed.
 *
 * @module
 */
import {
  commitmentToJson,
  commitmentFromJson,
  type ErrorCode,
  type PatientRef,
} from '../../../shared/protocol/src/index.ts'
import type { PreparedRecord } from '../../../clients/sdk/src/author.ts'
import type { HospitalDatabase } from '../database.ts'
import type { ResourceRow } from './store.ts'

/** `open`: it will be stored; `done`, `refused`: nobody was told yet. */
type State = 'open' | 'done' | 'refused'

/** What one entry of the Bundle was. */
export interface TransactionStep {
  readonly type: string
  readonly id: string
  readonly kind: 'create' | 'update' | 'found' | 'delete' | 'get'
}

export interface WriteOfTransaction {
  readonly type: string
  readonly id: string
  readonly enterer: string
  readonly isNew: boolean
  readonly text: string
  readonly isLocal: boolean
  readonly patient?: PatientRef
  readonly existing?: ResourceRow
}

/** Everything that is needed to end it, beside the records themselves. */
export interface TransactionPlan {
  /** SHA-256 of who asks and what, hex: the same again is asked for the answer. */
  readonly digest: string
  readonly by: { readonly id: string; readonly name?: string }
  readonly reason?: string
  /** `Type/id` and `Type?` that nobody else writes meanwhile. */
  readonly keys: readonly string[]
  /** One for each entry of the Bundle. */
  readonly steps: readonly TransactionStep[]
  /** In order; the records are those that are not local. */
  readonly writes: readonly WriteOfTransaction[]
  readonly deletes: readonly ResourceRow[]
}

/** What a resource is after the transaction. */
export interface WrittenName {
  readonly type: string
  readonly id: string
  readonly version: number
  readonly changedMs: number
}

/** One for each write and each delete; of a delete the request to the patient, if it made one. */
export interface TransactionResults {
  readonly rows: readonly WrittenName[]
  readonly asked: readonly (string | null)[]
}

export interface KnownTransaction {
  readonly id: string
  readonly state: State
  readonly plan: TransactionPlan
  readonly results?: TransactionResults
  readonly code?: ErrorCode
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS fhir_transaction (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, state TEXT NOT NULL, since_ms INTEGER NOT NULL, plan TEXT NOT NULL,
  results TEXT, code TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS fhir_transaction_record (
  tx TEXT NOT NULL, n INTEGER NOT NULL, commitment TEXT NOT NULL, envelope BLOB NOT NULL, PRIMARY KEY (tx, n)
) STRICT;`

interface Row {
  readonly id: string
  readonly state: State
  readonly plan: string
  readonly results: string | null
  readonly code: ErrorCode | null
}

/** Writes are steps of a transaction of the store, which the caller holds. */
export class TransactionJournal {
  readonly #db: HospitalDatabase

  constructor(db: HospitalDatabase) {
    this.#db = db
    db.exec(SCHEMA)
  }

  add(id: string, plan: TransactionPlan, prepared: readonly PreparedRecord[], nowMs: number): void {
    this.#db
      .prepare(`INSERT INTO fhir_transaction (id, digest, state, since_ms, plan) VALUES (?, ?, 'open', ?, ?)`)
      .run(id, plan.digest, nowMs, JSON.stringify(plan))
    const insert = this.#db.prepare('INSERT INTO fhir_transaction_record VALUES (?, ?, ?, ?)')
    prepared.forEach(({ commitment, envelope }, n) =>
      insert.run(id, n, JSON.stringify(commitmentToJson(commitment)), envelope),
    )
  }

  find(digest: string): KnownTransaction | undefined {
    const row = this.#db.prepare('SELECT * FROM fhir_transaction WHERE digest = ?').get(digest)
    return row === undefined ? undefined : knownOf(row as Row)
  }

  get(id: string): KnownTransaction | undefined {
    const row = this.#db.prepare('SELECT * FROM fhir_transaction WHERE id = ?').get(id)
    return row === undefined ? undefined : knownOf(row as Row)
  }

  /** Oldest first. */
  open(): { readonly id: string; readonly keys: readonly string[] }[] {
    const rows = this.#db
      .prepare(`SELECT id, plan ->> 'keys' AS keys FROM fhir_transaction WHERE state = 'open' ORDER BY since_ms, id`)
      .all() as { id: string; keys: string }[]
    return rows.map(({ id, keys }) => ({ id, keys: JSON.parse(keys) as string[] }))
  }

  /** As they were made, in order. */
  recordsOf(id: string): PreparedRecord[] {
    const rows = this.#db
      .prepare('SELECT commitment, envelope FROM fhir_transaction_record WHERE tx = ? ORDER BY n')
      .all(id) as { commitment: string; envelope: Buffer }[]
    return rows.map(({ commitment: text, envelope }) => {
      const commitment = commitmentFromJson(JSON.parse(text))
      const { recordId, version } = commitment
      return { recordId, version, commitment, envelope: new Uint8Array(envelope) }
    })
  }

  /** Records of open transactions, and since when the oldest one waits. */
  waiting(): { readonly count: number; readonly oldestMs?: number } {
    const row = this.#db
      .prepare(
        `SELECT (SELECT count(*) FROM fhir_transaction_record) AS count, min(since_ms) AS oldest
         FROM fhir_transaction WHERE state = 'open'`,
      )
      .get() as { readonly count: number; readonly oldest: number | null }
    return { count: row.count, ...(row.oldest === null ? {} : { oldestMs: row.oldest }) }
  }

  markDone(id: string, results: TransactionResults): void {
    this.#db
      .prepare(`UPDATE fhir_transaction SET state = 'done', results = ? WHERE id = ?`)
      .run(JSON.stringify(results), id)
    this.#dropRecords(id)
  }

  markRefused(id: string, code: ErrorCode): void {
    this.#db.prepare(`UPDATE fhir_transaction SET state = 'refused', code = ? WHERE id = ?`).run(code, id)
    this.#dropRecords(id)
  }

  /** Whoever asked for it was told. */
  remove(id: string): void {
    this.#dropRecords(id)
    this.#db.prepare('DELETE FROM fhir_transaction WHERE id = ?').run(id)
  }

  /** Nobody came for the answer. */
  forget(beforeMs: number): void {
    this.#db.prepare(`DELETE FROM fhir_transaction WHERE state <> 'open' AND since_ms < ?`).run(beforeMs)
  }

  #dropRecords(id: string): void {
    this.#db.prepare('DELETE FROM fhir_transaction_record WHERE tx = ?').run(id)
  }
}

function knownOf({ id, state, plan, results, code }: Row): KnownTransaction {
  return {
    id,
    state,
    plan: JSON.parse(plan) as TransactionPlan,
    ...(results === null ? {} : { results: JSON.parse(results) as TransactionResults }),
    ...(code === null ? {} : { code }),
  }
}
