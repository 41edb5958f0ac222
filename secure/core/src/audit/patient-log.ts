/**
 * Which entries of the log are about a patient, so that the patient can see every one of them.
 *
 * The index is derived from the log: entries are collected in memory and written some hundred at a time, and what a
 * crash took is collected again from the log. Rows of one patient are chained,
 * `digest_n = SHA-256(L(ta-patient-log) ‖ digest_{n-1} ‖ CBOR [number, index])`, and the patient's row, which the
 * authenticated state covers, holds the last digest: a row that is missing, old or moved is noticed.
 * The same pass counts a patient's stored records, so that a list can tell that it is complete.
 *
 * @module
 */
import { equalBytes, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { decodeMessage, encodeCbor, uint, type RecordId } from '../../../../shared/protocol/src/index.ts'
import { StorageError, TrustedApplicationError } from '../errors.ts'
import type { Patient, Patients } from '../patients.ts'
import type { SqlStatement } from '../ports.ts'
import { bytesOf, integerOf } from '../sql-values.ts'
import type { Store } from '../store.ts'
import { decodeEntry, type LogEntry } from './entry.ts'

const CHAIN = label('ta-patient-log')
const WATERMARK = 'patient-log'
const WATERMARK_LABEL = label('ta-patient-log-size')

interface Pending {
  readonly indexes: number[]
  records: number
}

export interface PatientLogRow {
  /** From 1, in the order of the log. */
  readonly number: number
  readonly logIndex: number
  readonly digest: Uint8Array
}

/** Where a page begins, as a client remembers it: before this row, whose predecessor has this digest. */
export interface LogPosition {
  readonly before: number
  /** 32 bytes. */
  readonly anchor: Uint8Array
}

export class PatientLog {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #patients: Patients
  readonly #maxPending: number
  readonly #pending = new Map<string, Pending>()
  #count = 0
  /** The log is indexed below this position. */
  #watermark: number
  readonly #insert: SqlStatement
  readonly #before: SqlStatement

  /** Collects what was appended after the last write of the index. @param maxPending entries that may wait in memory. */
  constructor(store: Store, patients: Patients, maxPending: number) {
    this.#maxPending = maxPending
    this.#crypto = store.crypto
    this.#store = store
    this.#patients = patients
    this.#insert = store.database.prepare('INSERT INTO patient_log VALUES (?, ?, ?, ?)')
    this.#before = store.database.prepare(
      'SELECT number, log_index, digest FROM patient_log WHERE patient = ? AND number < ? ORDER BY number DESC LIMIT ?',
    )
    this.#watermark = readWatermark(store)
    for (let index = this.#watermark; index < store.log.size; index++) {
      this.note(decodeEntry(store.log.entryVerified(index)), index)
    }
  }

  /** Takes notice of an entry that was appended. */
  note(entry: LogEntry, index: number): void {
    if (entry.patient === undefined) return
    let pending = this.#pending.get(entry.patient)
    if (pending === undefined) {
      pending = { indexes: [], records: 0 }
      this.#pending.set(entry.patient, pending)
    }
    pending.indexes.push(index)
    if (entry.t === 'store' || entry.t === 'chain') pending.records++
    this.#count++
  }

  /** Records whose `store` entries are not in the index yet, oldest first. */
  *storedSince(): Iterable<{ readonly record: RecordId; readonly version: number }> {
    for (let index = this.#watermark; index < this.#store.log.size; index++) {
      const { t, record, version } = decodeEntry(this.#store.log.entryVerified(index))
      const isStored = (t === 'store' || t === 'chain') && record !== undefined && version !== undefined
      if (isStored) yield { record: record as RecordId, version }
    }
  }

  get isDue(): boolean {
    return this.#count >= this.#maxPending
  }

  /** Records of the patient, stored or erased, those not yet counted in its row included. */
  recordsOf(patient: Patient): number {
    return patient.records + (this.#pending.get(patient.ref)?.records ?? 0)
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#count === 0) return
    this.#store.beginWrite()
    for (const [ref, { indexes, records }] of this.#pending) {
      const patient = this.#patients.find(ref)
      // A refusal may name a patient that we do not have.
      if (patient === undefined) continue
      let digest = patient.auditDigest
      let number = patient.auditEntries
      for (const index of indexes) {
        number++
        digest = this.#link(digest, number, index)
        this.#insert.run(patient.id, number, index, digest)
      }
      this.#patients.update(patient, {
        auditEntries: number,
        auditDigest: digest,
        records: patient.records + records,
      })
    }
    this.#pending.clear()
    this.#count = 0
    this.#watermark = this.#store.log.size
    writeWatermark(this.#store, this.#watermark)
  }

  /**
   * Up to `limit` rows before number `before`, newest first, each proven by the one after it.
   *
   * @param from absent: the newest row, whose digest the patient's row holds.
   * @throws {TrustedApplicationError} `MESSAGE_MALFORMED` if the client's anchor is not the row's.
   * @throws {StorageError} `STATE_ROLLED_BACK`
   */
  pageBefore(patient: Patient, from: LogPosition | undefined, limit: number): PatientLogRow[] {
    const before = from?.before ?? patient.auditEntries + 1
    if (before > patient.auditEntries + 1) throw new TrustedApplicationError('MESSAGE_MALFORMED')
    const rows = this.#before.all(patient.id, before, limit + 1).map((row) => ({
      number: integerOf(row, 'number'),
      logIndex: integerOf(row, 'log_index'),
      digest: bytesOf(row, 'digest'),
    }))
    const expected = Math.min(limit + 1, before - 1)
    if (rows.length !== expected) throw rolledBack()
    let digest = from?.anchor ?? patient.auditDigest
    const [first] = rows
    if (from !== undefined && first !== undefined && !equalBytes(first.digest, digest)) {
      throw new TrustedApplicationError('MESSAGE_MALFORMED')
    }
    for (const [i, row] of rows.entries()) {
      const previous = rows[i + 1]?.digest ?? (row.number === 1 ? new Uint8Array(32) : undefined)
      if (row.number !== before - 1 - i || !equalBytes(row.digest, digest)) throw rolledBack()
      // The extra row only proves the last one that is asked for.
      if (previous === undefined) break
      if (!equalBytes(row.digest, this.#link(previous, row.number, row.logIndex))) throw rolledBack()
      digest = previous
    }
    return rows.slice(0, limit)
  }

  #link(previous: Uint8Array, number: number, index: number): Uint8Array {
    return this.#crypto.sha256(CHAIN, previous, encodeCbor([number, index]))
  }
}

function readWatermark(store: Store): number {
  const stored = store.findMeta(WATERMARK)
  if (stored === undefined) {
    store.state.checkAbsent('meta', WATERMARK)
    return 0
  }
  store.state.checkRow('meta', WATERMARK, store.crypto.sha256(WATERMARK_LABEL, stored))
  return decodeMessage(stored, uint(), 'size of the patient log')
}

function writeWatermark(store: Store, size: number): void {
  const value = encodeCbor(size)
  store.setMeta(WATERMARK, value)
  store.state.set('meta', WATERMARK, store.crypto.sha256(WATERMARK_LABEL, value))
}

function rolledBack(): StorageError {
  return new StorageError('STATE_ROLLED_BACK', 'the log of a patient is not what was last written')
}
