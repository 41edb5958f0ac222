/**
 * What the hospital asked patients to destroy. A record is destroyed by the trusted application alone, and only for the
 * patient (docs/protocol/04-records.md §4.7), so a hospital that deletes can do no more than ask: the request waits here
 * until the patient erased the record or said that it stays.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { ProtocolError, type PatientRef, type RecordId } from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import type { Records } from './ports.ts'
import type { FhirStore, ResourceRow } from './store.ts'

/** `requested`, `kept` by the patient, `cancelled` because the hospital brought the resource back, `erased`. */
export type EraseState = 'requested' | 'kept' | 'cancelled' | 'erased'

export interface EraseRequest {
  /** `e-` and 32 hex digits. */
  readonly id: string
  readonly patient: PatientRef
  readonly record: RecordId
  /** FHIR's name of what is to be destroyed. */
  readonly resourceType: string
  readonly resourceId: string
  /** Who asks: id of a person, client or system, and the name where there is one. */
  readonly by: string
  readonly byName?: string
  readonly reason?: string
  readonly askedMs: number
  readonly state: EraseState
  readonly answeredMs?: number
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS fhir_erase_request (
  id TEXT PRIMARY KEY, patient TEXT NOT NULL, record TEXT NOT NULL UNIQUE, type TEXT NOT NULL, resource_id TEXT NOT NULL,
  by_id TEXT NOT NULL, by_name TEXT, reason TEXT, asked_ms INTEGER NOT NULL, state TEXT NOT NULL, answered_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS fhir_erase_request_patient ON fhir_erase_request (patient);`

interface Row {
  readonly id: string
  readonly patient: PatientRef
  readonly record: RecordId
  readonly type: string
  readonly resource_id: string
  readonly by_id: string
  readonly by_name: string | null
  readonly reason: string | null
  readonly asked_ms: number
  readonly state: EraseState
  readonly answered_ms: number | null
}

export interface EraseRequestParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly store: FhirStore
  readonly records: Pick<Records, 'versions'>
  readonly nowMs: () => number
}

export interface Asking {
  readonly id: string
  readonly name?: string
  readonly reason?: string
}

export class EraseRequests {
  readonly #parts: EraseRequestParts

  constructor(parts: EraseRequestParts) {
    this.#parts = parts
    parts.db.exec(SCHEMA)
  }

  /** One request for each record; asked again after it was kept or cancelled, it waits again. */
  ask(row: ResourceRow & { readonly record: RecordId; readonly patient: PatientRef }, by: Asking): EraseRequest {
    const { crypto, db, nowMs } = this.#parts
    db.prepare(
      `INSERT INTO fhir_erase_request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'requested', NULL)
       ON CONFLICT (record) DO UPDATE SET by_id = excluded.by_id, by_name = excluded.by_name, reason = excluded.reason,
         asked_ms = excluded.asked_ms, state = 'requested', answered_ms = NULL WHERE state <> 'erased'`,
    ).run(
      `e-${encodeHex(crypto.randomBytes(16))}`,
      row.patient,
      row.record,
      row.type,
      row.id,
      by.id,
      by.name ?? null,
      by.reason ?? null,
      nowMs(),
    )
    return this.#ofRecord(row.record) as EraseRequest
  }

  find(id: string): EraseRequest | undefined {
    const row = this.#parts.db.prepare('SELECT * FROM fhir_erase_request WHERE id = ?').get(id) as Row | undefined
    return row === undefined ? undefined : this.#requestOf(row)
  }

  /** Newest first; of one patient, or of all. */
  list(patient?: PatientRef): EraseRequest[] {
    const { db } = this.#parts
    const rows =
      patient === undefined
        ? db.prepare('SELECT * FROM fhir_erase_request ORDER BY asked_ms DESC, id').all()
        : db.prepare('SELECT * FROM fhir_erase_request WHERE patient = ? ORDER BY asked_ms DESC, id').all(patient)
    return (rows as Row[]).map((row) => this.#requestOf(row))
  }

  /** The patient says no. @throws {ProtocolError} `HTTP_NOT_FOUND` unless it waits. */
  keep(id: string, patient: PatientRef): EraseRequest {
    const found = this.#waiting(id, patient)
    this.#answer(found.record, 'kept')
    return this.find(id) as EraseRequest
  }

  /**
   * The patient says that the record is destroyed; the record server is asked whether it is.
   * @returns with state `erased`, or `requested` still where the record server has the record.
   * @throws {ProtocolError} `HTTP_NOT_FOUND`; what the record server refuses.
   */
  async erased(id: string, patient: PatientRef): Promise<EraseRequest> {
    const { store, records } = this.#parts
    const { record, state } = this.#own(id, patient)
    if (state !== 'erased') {
      const versions = await records.versions(record)
      const row = store.findRecord(record)
      if (row !== undefined && versions.some(({ erasedMs }) => erasedMs !== undefined)) {
        store.put({ ...row, gone: 'erased', values: {} })
        this.#answer(record, 'erased')
      }
    }
    return this.find(id) as EraseRequest
  }

  /** The hospital wrote the resource again: a record that is there is not to be destroyed any more. */
  settle(record: RecordId): void {
    const found = this.#ofRecord(record)
    if (found?.state === 'requested') this.#answer(record, 'cancelled')
    if (found?.state === 'erased') this.#answer(record, 'erased')
  }

  #answer(record: RecordId, state: 'kept' | 'cancelled' | 'erased'): void {
    const { db, nowMs } = this.#parts
    db.prepare('UPDATE fhir_erase_request SET state = ?, answered_ms = ? WHERE record = ?').run(state, nowMs(), record)
  }

  #waiting(id: string, patient: PatientRef): EraseRequest {
    const found = this.#own(id, patient)
    if (found.state !== 'requested') throw unknown()
    return found
  }

  #own(id: string, patient: PatientRef): EraseRequest {
    const found = this.find(id)
    if (found === undefined || found.patient !== patient) throw unknown()
    return found
  }

  #ofRecord(record: RecordId): EraseRequest | undefined {
    const row = this.#parts.db.prepare('SELECT * FROM fhir_erase_request WHERE record = ?').get(record)
    return row === undefined ? undefined : this.#requestOf(row as Row)
  }

  /** Whether it is destroyed is what the index knows from the record server, whoever asked for it. */
  #requestOf(row: Row): EraseRequest {
    const known = this.#parts.store.findRecord(row.record)
    const isErased = known?.gone === 'erased'
    const answeredMs = row.answered_ms ?? (isErased ? known.changedMs : undefined)
    return {
      id: row.id,
      patient: row.patient,
      record: row.record,
      resourceType: row.type,
      resourceId: row.resource_id,
      by: row.by_id,
      askedMs: row.asked_ms,
      state: isErased ? 'erased' : row.state,
      ...(row.by_name === null ? {} : { byName: row.by_name }),
      ...(row.reason === null ? {} : { reason: row.reason }),
      ...(answeredMs === undefined ? {} : { answeredMs }),
    }
  }
}

function unknown(): ProtocolError {
  return new ProtocolError('HTTP_NOT_FOUND', 'no such request of the caller waits')
}
