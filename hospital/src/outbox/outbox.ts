/**
 * What was taken and could not be delivered: records whose author found the record server or the ledger away. Each is in
 * the hospital's encrypted store before its author is told so, once for its id and version, and leaves it when it is in
 * the patient's record. Spec: docs/protocol/04-records.md §4.9.
 *
 * Limits: 20,000 records and 2 GiB wait; delivered ones are remembered for a week, without their text.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { commitGroupShape, encodeCommitGroup, type CommitGroup } from '../../../shared/ledger-model/src/index.ts'
import {
  parseJson,
  peekEnvelope,
  ProtocolError,
  type AuthorRef,
  type PatientRef,
  type RecordId,
} from '../../../shared/protocol/src/index.ts'
import type { CommittedPlace } from '../commitments.ts'
import type { HospitalDatabase } from '../database.ts'

const MAX_WAITING = 20_000
const MAX_WAITING_BYTES = 2 * 2 ** 30
const REMEMBERED_MS = 7 * 86_400_000

/** `waiting`; `delivered`: in the patient's record; `refused`: looked at and not taken, with the code; still here. */
export type OutboxState = 'waiting' | 'delivered' | 'refused'

export interface OutboxEntry {
  readonly record: RecordId
  readonly version: number
  readonly author: AuthorRef
  readonly patient: PatientRef
  readonly state: OutboxState
  readonly sinceMs: number
  /** Where its fingerprint stands on the ledger, once it does. */
  readonly place?: CommittedPlace
  readonly receipt?: string
  /** Why it was refused, or why the last attempt failed. */
  readonly code?: string
}

export interface OutboxCounts {
  readonly waiting: number
  readonly refused: number
  readonly oldestMs?: number
}

export class Outbox {
  readonly #db: HospitalDatabase

  constructor(db: HospitalDatabase) {
    this.#db = db
  }

  /**
   * Takes one record; durable when this returns. The same again changes nothing.
   * @param group one item, signed by its author.
   * @throws {ProtocolError} `MESSAGE_MALFORMED`, `RECORD_ID_REUSED` for other content, `LEDGER_BUSY` when it is full.
   */
  keep(group: CommitGroup, envelope: Uint8Array, nowMs: number): OutboxEntry {
    const [item] = group.items
    if (item === undefined || group.items.length !== 1) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'one record at a time')
    }
    const { patient } = peekEnvelope(envelope)
    const { recordId: record, version } = item
    // Signatures differ each time; what they sign does not.
    const digest = createHash('sha256')
      .update(encodeCommitGroup({ ...group, signature: '' }))
      .digest('hex')
    return this.#db.transaction(() => {
      const known = this.#row(record, version)
      if (known !== undefined) {
        if (known.digest !== digest || known.author !== group.author) {
          throw new ProtocolError('RECORD_ID_REUSED', 'another text waits under this id')
        }
        return entryOf(known)
      }
      this.#db.prepare(`DELETE FROM outbox WHERE state = 'delivered' AND done_ms < ?`).run(nowMs - REMEMBERED_MS)
      this.#requireRoom(envelope.length)
      this.#db
        .prepare(
          `INSERT INTO outbox (record, version, author, patient, digest, signed, envelope, state, since_ms)
                  VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)`,
        )
        .run(record, version, group.author, patient, digest, JSON.stringify(group), envelope, nowMs)
      return entryOf(this.#row(record, version) as OutboxRow)
    })()
  }

  /** Everything that is not delivered, oldest first; of one author, or of all. */
  open(author?: AuthorRef): OutboxEntry[] {
    const where = author === undefined ? '' : 'AND author = ?'
    const rows = this.#db
      .prepare(`SELECT ${COLUMNS} FROM outbox WHERE state <> 'delivered' ${where} ORDER BY since_ms, rowid`)
      .all(...(author === undefined ? [] : [author])) as OutboxRow[]
    return rows.map(entryOf)
  }

  find(record: string, version: number): OutboxEntry | undefined {
    const row = this.#row(record, version)
    return row === undefined ? undefined : entryOf(row)
  }

  /** What must be sent. Undefined when it was delivered. */
  content(record: string, version: number): { readonly group: CommitGroup; readonly envelope: Uint8Array } | undefined {
    const row = this.#db
      .prepare(`SELECT signed, envelope FROM outbox WHERE record = ? AND version = ? AND envelope IS NOT NULL`)
      .get(record, version) as { readonly signed: string; readonly envelope: Buffer } | undefined
    if (row === undefined) return undefined
    const group = commitGroupShape(parseJson(row.signed, { maxBytes: 65_536 }), 'group')
    return { group, envelope: new Uint8Array(row.envelope) }
  }

  markCommitted(record: RecordId, version: number, place: CommittedPlace): void {
    this.#db
      .prepare('UPDATE outbox SET place = ?, code = NULL WHERE record = ? AND version = ?')
      .run(JSON.stringify(place), record, version)
  }

  /** Its text leaves the store. */
  markDelivered(record: RecordId, version: number, receipt: string | undefined, nowMs: number): void {
    this.#db
      .prepare(
        `UPDATE outbox SET state = 'delivered', receipt = ?, envelope = NULL, code = NULL, done_ms = ?
         WHERE record = ? AND version = ? AND state <> 'delivered'`,
      )
      .run(receipt ?? null, nowMs, record, version)
  }

  /** An attempt failed: it goes on waiting. */
  markLate(record: RecordId, version: number, code: string): void {
    this.#db
      .prepare(`UPDATE outbox SET code = ? WHERE record = ? AND version = ? AND state = 'waiting'`)
      .run(code, record, version)
  }

  /** Nobody will take it as it is; a person must look. */
  markRefused(record: RecordId, version: number, code: string): void {
    this.#db
      .prepare(`UPDATE outbox SET state = 'refused', code = ? WHERE record = ? AND version = ? AND state = 'waiting'`)
      .run(code, record, version)
  }

  /** The author gives it up: it was refused, or is stored by another way. */
  remove(record: string, version: number): void {
    this.#db.prepare('DELETE FROM outbox WHERE record = ? AND version = ?').run(record, version)
  }

  counts(): OutboxCounts {
    const row = this.#db
      .prepare(
        `SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'refused') AS refused,
         min(since_ms) FILTER (WHERE state = 'waiting') AS oldest FROM outbox`,
      )
      .get() as { readonly waiting: number; readonly refused: number; readonly oldest: number | null }
    const { waiting, refused, oldest } = row
    return { waiting, refused, ...(oldest === null ? {} : { oldestMs: oldest }) }
  }

  #requireRoom(bytes: number): void {
    const { count, sum } = this.#db
      .prepare(
        `SELECT count(*) AS count, coalesce(sum(length(envelope)), 0) AS sum FROM outbox WHERE envelope IS NOT NULL`,
      )
      .get() as { readonly count: number; readonly sum: number }
    if (count >= MAX_WAITING || sum + bytes > MAX_WAITING_BYTES) {
      throw new ProtocolError('LEDGER_BUSY', 'the outbox is full')
    }
  }

  #row(record: string, version: number): OutboxRow | undefined {
    return this.#db.prepare(`SELECT ${COLUMNS} FROM outbox WHERE record = ? AND version = ?`).get(record, version) as
      OutboxRow | undefined
  }
}

const COLUMNS = 'record, version, author, patient, digest, state, since_ms, place, receipt, code'

interface OutboxRow {
  readonly record: RecordId
  readonly version: number
  readonly author: AuthorRef
  readonly patient: PatientRef
  readonly digest: string
  readonly state: OutboxState
  readonly since_ms: number
  readonly place: string | null
  readonly receipt: string | null
  readonly code: string | null
}

function entryOf(row: OutboxRow): OutboxEntry {
  return {
    record: row.record,
    version: row.version,
    author: row.author,
    patient: row.patient,
    state: row.state,
    sinceMs: row.since_ms,
    ...(row.place === null ? {} : { place: JSON.parse(row.place) as CommittedPlace }),
    ...(row.receipt === null ? {} : { receipt: row.receipt }),
    ...(row.code === null ? {} : { code: row.code }),
  }
}
