/**
 * Rows of `record`: one for each version of each record, in the state it is in.
 *
 *   staged (0)  durable, waits for the ledger; not in the authenticated state, read by nobody
 *   stored (1)  readable; its digest is in the authenticated state
 *   erased (2)  key and words destroyed; its digest is in the authenticated state
 *
 * The digest covers every column, so an old row put back is noticed; `superseded` changes with the next version, so a
 * later version cannot be hidden either.
 *
 * @module
 */
import { label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  encodeCbor,
  type AuthorRef,
  type BatchId,
  type ChainId,
  type CborValue,
  type Commitment,
  type EhrType,
  type HospitalRef,
  type RecordId,
  type TxId,
} from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { SqlRow, SqlStatement, SqlValue } from '../ports.ts'
import { bytesOf, integerOf, optionalBytesOf, optionalIntegerOf, optionalTextOf, textOf } from '../sql-values.ts'
import type { Store } from '../store.ts'
import type { RecordIndex } from './record-index.ts'

export const STAGED = 0
export const STORED = 1
export const ERASED = 2

/** Where the ledger has the commitment. */
export interface LedgerPlace {
  readonly batchId: BatchId
  readonly index: number
  readonly txId: TxId
  /** As the host said; the ledger's answer does not carry it. */
  readonly block: number
}

export interface RecordRow extends Commitment {
  readonly id: number
  readonly patient: number
  readonly state: typeof STAGED | typeof STORED | typeof ERASED
  readonly superseded: boolean
  readonly author: AuthorRef
  /** Hospital of the warrant. */
  readonly hospital: HospitalRef
  /** The chain that brought it. */
  readonly chain: ChainId | null
  readonly ehrType: EhrType
  readonly resourceType: string
  readonly title: string | null
  /** JSON `[[system, code]…]`. */
  readonly codes: string | null
  /** Clinical date; null if the record states none. */
  readonly dateMs: number | null
  readonly stagedMs: number
  readonly storedMs: number | null
  readonly erasedMs: number | null
  /** SHA-256 of the words for search; null if there are none. */
  readonly textHash: Uint8Array | null
  /** Version of the treatment key under which the content key is wrapped; null once erased. */
  readonly keyVersion: number | null
  /** nonce(12) ‖ AES-256-GCM of the content key. */
  readonly wrapped: Uint8Array | null
  readonly place: LedgerPlace | null
  /** Index of its `store` entry, and size of the log when it was acknowledged. */
  readonly logIndex: number | null
  readonly logSize: number | null
  /** Index of its tombstone. */
  readonly erasedIndex: number | null
}

const KIND = 'record'
const ROW = label('ta-record-row')

/** Columns in the order of `valuesOf`. */
const COLUMNS = [
  'record',
  'version',
  'patient',
  'state',
  'superseded',
  'author',
  'hospital',
  'chain',
  'ehr_type',
  'resource_type',
  'title',
  'codes',
  'date_ms',
  'staged_ms',
  'stored_ms',
  'erased_ms',
  'ehr_hash',
  'patient_tag',
  'doctor_tag',
  'warrant_hash',
  'previous',
  'text_hash',
  'key_version',
  'wrapped',
  'batch',
  'batch_index',
  'tx',
  'block',
  'log_index',
  'log_size',
  'erased_index',
] as const

export class RecordRows {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #insert: SqlStatement
  readonly #update: SqlStatement
  readonly #complete: SqlStatement
  readonly #remove: SqlStatement
  readonly #one: SqlStatement
  readonly #latest: SqlStatement
  readonly #versions: SqlStatement
  readonly #byId: SqlStatement
  readonly #waiting: SqlStatement
  readonly #lastId: SqlStatement
  readonly #stale: SqlStatement
  #nextId: number
  readonly #index: RecordIndex
  readonly #maxListed: number
  /** Checked rows of patients whose records were listed, least recently used first; memory decides from then on. */
  readonly #listed = new Map<number, RecordRow[]>()
  #listedRows = 0
  /** Checked newest rows, oldest first: a request looks twice, before it asks the ledger and after. */
  readonly #newest = new Map<RecordId, RecordRow>()
  readonly #maxNewest: number

  constructor(store: Store, index: RecordIndex, limits: Pick<Limits, 'listedRows' | 'newestRows'>) {
    this.#maxListed = limits.listedRows
    this.#maxNewest = limits.newestRows
    this.#crypto = store.crypto
    this.#index = index
    this.#store = store
    const { database } = store
    const list = COLUMNS.join(', ')
    this.#insert = database.prepare(`INSERT INTO record (id, ${list}) VALUES (?, ${COLUMNS.map(() => '?').join(', ')})`)
    this.#update = database.prepare(`UPDATE record SET ${COLUMNS.map((c) => `${c} = ?`).join(', ')} WHERE id = ?`)
    this.#complete = database.prepare(
      `UPDATE record SET state = 1, stored_ms = ?, batch = ?, batch_index = ?, tx = ?, block = ?, log_index = ?, log_size = ?
       WHERE id = ?`,
    )
    this.#remove = database.prepare('DELETE FROM record WHERE id = ?')
    this.#one = database.prepare('SELECT * FROM record WHERE record = ? AND version = ?')
    this.#latest = database.prepare('SELECT * FROM record WHERE record = ? AND state > 0 ORDER BY version DESC LIMIT 1')
    this.#versions = database.prepare('SELECT * FROM record WHERE record = ? AND state > 0 ORDER BY version')
    this.#byId = database.prepare('SELECT * FROM record WHERE id = ?')
    this.#stale = database.prepare(
      `SELECT record.patient AS patient, record.id AS id FROM patient
       JOIN patient_record ON patient_record.patient = patient.id JOIN record ON record.id = patient_record.id
       WHERE record.state = 1 AND record.key_version <> patient.key_version AND patient.key_version > 1`,
    )
    this.#waiting = database.prepare('SELECT * FROM record WHERE state = 0 ORDER BY staged_ms')
    this.#lastId = database.prepare('SELECT max(id) AS last FROM record')
    this.#nextId = (optionalIntegerOf(this.#lastId.get() ?? {}, 'last') ?? 0) + 1
  }

  /** Rows that are stored or erased. */
  get count(): number {
    return this.#index.count
  }

  /** Adds a staged row. @returns it with its id. */
  stage(row: Omit<RecordRow, 'id'>): RecordRow {
    this.#store.beginWrite()
    const staged = { ...row, id: this.#nextId++ }
    this.#insert.run(staged.id, ...valuesOf(staged))
    return staged
  }

  /** Takes a staged row away. */
  unstage(row: RecordRow): void {
    if (row.state !== STAGED) throw new TypeError('only a staged row goes away')
    this.#store.beginWrite()
    this.#remove.run(row.id)
  }

  /** Makes a staged row a stored one. */
  complete(
    row: RecordRow,
    done: {
      readonly storedMs: number
      readonly place: LedgerPlace
      readonly logIndex: number
      readonly logSize: number
    },
  ): RecordRow {
    this.#store.beginWrite()
    const { storedMs, place, logIndex, logSize } = done
    const { batchId, index, txId, block } = place
    this.#complete.run(storedMs, batchId, index, txId, block, logIndex, logSize, row.id)
    const stored: RecordRow = { ...row, state: STORED, ...done }
    this.#keep(stored)
    return stored
  }

  /** Writes a stored or erased row again. */
  update(row: RecordRow): void {
    if (row.state === STAGED) throw new TypeError('a staged row does not change')
    this.#store.beginWrite()
    this.#update.run(...valuesOf(row), row.id)
    this.#keep(row)
  }

  /** A row in any state. @throws {StorageError} `STATE_ROLLED_BACK`, as all below. */
  find(recordId: RecordId, version: number): RecordRow | undefined {
    return this.#check(this.#one.get(recordId, version), recordId, version)
  }

  /** The newest version that is stored or erased. */
  findLatest(recordId: RecordId): RecordRow | undefined {
    const known = this.#newest.get(recordId)
    if (known !== undefined) return known
    const row = this.#check(this.#latest.get(recordId), recordId, 1)
    if (row === undefined) return undefined
    if (row.superseded) throw rolledBack()
    this.#newest.set(recordId, row)
    if (this.#newest.size > this.#maxNewest) {
      for (const oldest of this.#newest.keys()) {
        this.#newest.delete(oldest)
        break
      }
    }
    return row
  }

  versions(recordId: RecordId): RecordRow[] {
    const rows = this.#versions.all(recordId).map((row) => this.#checked(recordRowOf(row)))
    if (rows.length === 0) this.#store.state.checkAbsent(KIND, nameOf(recordId, 1))
    for (const [i, row] of rows.entries()) {
      if (row.version !== i + 1 || row.superseded !== i + 1 < rows.length) throw rolledBack()
    }
    return rows
  }

  /**
   * Every version of every record of a patient, newest first. @param expected how many there are: of more than are kept,
   * each is read when it is its turn.
   */
  ofPatient(patient: number, expected: number): Iterable<RecordRow> {
    const known = this.#listed.get(patient)
    if (known !== undefined) {
      this.#listed.delete(patient)
      this.#listed.set(patient, known)
      return known.toReversed()
    }
    const ids = this.#index.idsOf(patient)
    if (ids.length !== expected) throw rolledBack()
    if (expected > this.#maxListed) return this.#inTurn(patient, ids)
    const rows = ids.map((id) => this.#listedRow(patient, id))
    this.#listed.set(patient, rows)
    this.#listedRows += rows.length
    for (const oldest of this.#listed.keys()) {
      if (this.#listedRows <= this.#maxListed) break
      this.#forgetList(oldest)
    }
    return rows.toReversed()
  }

  *#inTurn(patient: number, ids: readonly number[]): Iterable<RecordRow> {
    for (const id of ids.toReversed()) yield this.#listedRow(patient, id)
  }

  #listedRow(patient: number, id: number): RecordRow {
    const row = this.get(id)
    if (row === undefined || row.patient !== patient || row.state === STAGED) throw rolledBack()
    return row
  }

  #forgetList(patient: number): void {
    this.#listedRows -= this.#listed.get(patient)?.length ?? 0
    this.#listed.delete(patient)
  }

  get(id: number): RecordRow | undefined {
    const row = this.#byId.get(id)
    return row === undefined ? undefined : this.#checked(recordRowOf(row))
  }

  /** Rows that wait for the ledger, oldest first. */
  waiting(): RecordRow[] {
    const rows: RecordRow[] = []
    for (const row of this.#waiting.iterate()) rows.push(recordRowOf(row))
    return rows.map((row) => this.#checked(row))
  }

  /** Stored rows of a patient whose content key is wrapped under another version than this. */
  staleOf(patient: number, keyVersion: number): number[] {
    return this.#index.idsOf(patient).filter((id) => {
      const row = this.#byId.get(id)
      return row !== undefined && row['state'] === STORED && row['key_version'] !== keyVersion
    })
  }

  /** The same for all patients, of those that are in the written index. */
  stale(): { readonly patient: number; readonly id: number }[] {
    return this.#stale.all().map((row) => ({ patient: integerOf(row, 'patient'), id: integerOf(row, 'id') }))
  }

  #check(row: SqlRow | undefined, recordId: RecordId, version: number): RecordRow | undefined {
    if (row !== undefined) return this.#checked(recordRowOf(row))
    this.#store.state.checkAbsent(KIND, nameOf(recordId, version))
    return undefined
  }

  #checked(row: RecordRow): RecordRow {
    const name = nameOf(row.recordId, row.version)
    if (row.state === STAGED) this.#store.state.checkAbsent(KIND, name)
    else this.#store.state.checkRow(KIND, name, this.#digest(row))
    return row
  }

  #keep(row: RecordRow): void {
    this.#newest.delete(row.recordId)
    this.#keepListed(row)
    this.#store.state.set(KIND, nameOf(row.recordId, row.version), this.#digest(row))
  }

  /** A list that is known goes on being known. */
  #keepListed(row: RecordRow): void {
    const known = this.#listed.get(row.patient)
    if (known === undefined) return
    const last = known.at(-1)?.id ?? 0
    if (row.id > last) {
      known.push(row)
      this.#listedRows++
      if (this.#listedRows > this.#maxListed) this.#forgetList(row.patient)
      return
    }
    const at = known.findIndex(({ id }) => id === row.id)
    // Stored in another order than they came: read again.
    if (at === -1) this.#forgetList(row.patient)
    else known[at] = row
  }

  #digest(row: RecordRow): Uint8Array {
    return this.#crypto.sha256(ROW, encodeCbor([row.id, ...valuesOf(row)] as CborValue[]))
  }
}

/** The commitment that stands in a row. */
export function commitmentOf(row: RecordRow): Commitment {
  const { recordId, version, patientTag, doctorTag, ehrHash, warrantHash, previous } = row
  return { recordId, version, patientTag, doctorTag, ehrHash, warrantHash, previous }
}

function nameOf(recordId: RecordId, version: number): string {
  return `${recordId}/${version}`
}

function valuesOf(row: Omit<RecordRow, 'id'>): SqlValue[] {
  const { place } = row
  return [
    row.recordId,
    row.version,
    row.patient,
    row.state,
    row.superseded ? 1 : 0,
    row.author,
    row.hospital,
    row.chain,
    row.ehrType,
    row.resourceType,
    row.title,
    row.codes,
    row.dateMs,
    row.stagedMs,
    row.storedMs,
    row.erasedMs,
    row.ehrHash,
    row.patientTag,
    row.doctorTag,
    row.warrantHash,
    row.previous,
    row.textHash,
    row.keyVersion,
    row.wrapped,
    place?.batchId ?? null,
    place?.index ?? null,
    place?.txId ?? null,
    place?.block ?? null,
    row.logIndex,
    row.logSize,
    row.erasedIndex,
  ]
}

function recordRowOf(row: SqlRow): RecordRow {
  const state = integerOf(row, 'state')
  if (state !== STAGED && state !== STORED && state !== ERASED) throw new StorageError('STORE_DAMAGED', 'record state')
  return {
    id: integerOf(row, 'id'),
    recordId: textOf(row, 'record') as RecordId,
    version: integerOf(row, 'version'),
    patient: integerOf(row, 'patient'),
    state,
    superseded: integerOf(row, 'superseded') === 1,
    author: textOf(row, 'author') as AuthorRef,
    hospital: textOf(row, 'hospital') as HospitalRef,
    chain: optionalTextOf(row, 'chain') as ChainId | null,
    ehrType: textOf(row, 'ehr_type') as EhrType,
    resourceType: textOf(row, 'resource_type'),
    title: optionalTextOf(row, 'title'),
    codes: optionalTextOf(row, 'codes'),
    dateMs: optionalIntegerOf(row, 'date_ms'),
    stagedMs: integerOf(row, 'staged_ms'),
    storedMs: optionalIntegerOf(row, 'stored_ms'),
    erasedMs: optionalIntegerOf(row, 'erased_ms'),
    ehrHash: bytesOf(row, 'ehr_hash'),
    patientTag: bytesOf(row, 'patient_tag'),
    doctorTag: bytesOf(row, 'doctor_tag'),
    warrantHash: bytesOf(row, 'warrant_hash'),
    previous: bytesOf(row, 'previous'),
    textHash: optionalBytesOf(row, 'text_hash'),
    keyVersion: optionalIntegerOf(row, 'key_version'),
    wrapped: optionalBytesOf(row, 'wrapped'),
    place: placeOf(row),
    logIndex: optionalIntegerOf(row, 'log_index'),
    logSize: optionalIntegerOf(row, 'log_size'),
    erasedIndex: optionalIntegerOf(row, 'erased_index'),
  }
}

function placeOf(row: SqlRow): LedgerPlace | null {
  const batchId = optionalTextOf(row, 'batch')
  if (batchId === null) return null
  return {
    batchId: batchId as BatchId,
    index: integerOf(row, 'batch_index'),
    txId: textOf(row, 'tx') as TxId,
    block: integerOf(row, 'block'),
  }
}

function rolledBack(): StorageError {
  return new StorageError('STATE_ROLLED_BACK', 'the records are not what was last written')
}
