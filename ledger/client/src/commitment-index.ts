/**
 * Where commitments stand: by record, by patient tag and by doctor tag, built from blocks. Readers use it to find all of
 * their own entries and the newest version of a record without asking the record server.
 *
 * It can always be built again from block 0; a file only saves that time. It proves nothing: what it finds is checked by
 * an endorsed read of `commitment`. A table of SQLite, about 300 bytes for each commitment: it takes neither memory nor
 * time to open, however many there are.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { decodeHex, encodeHex } from '../../../shared/crypto/src/index.ts'
import { type CommitGroup, decodeCommitGroups, LedgerError } from '../../../shared/ledger-model/src/index.ts'
import {
  type BatchId,
  batchIdShape,
  type RecordId,
  type Sha256Hex,
  type TxId,
} from '../../../shared/protocol/src/index.ts'
import type { IndexedCommitment } from './indexed-commitment.ts'
import type { CommittedTransaction, Ledger, LedgerBlock } from './port.ts'

/** `id` counts in the order of the ledger, so the rows of one key come in that order. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS commitment (
    id INTEGER PRIMARY KEY, record BLOB NOT NULL, version INTEGER NOT NULL, patient BLOB NOT NULL, doctor BLOB NOT NULL,
    batch BLOB NOT NULL, place INTEGER NOT NULL, tx BLOB NOT NULL, block INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS commitment_by_record ON commitment (record);
  CREATE INDEX IF NOT EXISTS commitment_by_patient ON commitment (patient);
  CREATE INDEX IF NOT EXISTS commitment_by_doctor ON commitment (doctor);
  CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), height INTEGER NOT NULL) STRICT;`

const COLUMNS = 'record, version, patient, doctor, batch, place, tx, block'

export class CommitmentIndex {
  readonly #database: DatabaseSync
  readonly #statements
  #height: number
  #size: number

  private constructor(path: string) {
    this.#database = openDatabase(path)
    try {
      this.#statements = prepare(this.#database)
      this.#height = numberOf(this.#statements.height.get()) ?? -1
      this.#size = numberOf(this.#statements.size.get()) ?? 0
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** @param path of a file that keeps the index; it is made, and made anew if it cannot be read. Default: memory. */
  static open(path?: string): CommitmentIndex {
    if (path === undefined) return new CommitmentIndex(':memory:')
    try {
      return new CommitmentIndex(path)
    } catch {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
      return new CommitmentIndex(path)
    }
  }

  /** Number of the newest block in the index; -1 if it is empty. */
  get height(): number {
    return this.#height
  }

  /** Number of commitments. */
  get size(): number {
    return this.#size
  }

  /**
   * Takes the next block.
   * @returns the commitments that are new with it.
   * @throws {RangeError} if it is not the next one.
   */
  apply(block: LedgerBlock): readonly IndexedCommitment[] {
    if (block.number !== this.#height + 1) throw new RangeError('blocks are indexed in order')
    const commitments = block.transactions.flatMap(commitmentsOf)
    this.#write(block.number, commitments)
    this.#size += commitments.length
    this.#height = block.number
    return commitments
  }

  /** Takes blocks as they come, until `signal` is aborted. `onCommitments` is told of new ones, `onBlock` of every block. */
  async follow(
    ledger: Pick<Ledger, 'blocks'>,
    options: {
      readonly signal: AbortSignal
      readonly onCommitments?: (commitments: readonly IndexedCommitment[]) => void
      readonly onBlock?: (block: LedgerBlock) => void
    },
  ): Promise<void> {
    for await (const block of ledger.blocks(this.#height + 1, { signal: options.signal })) {
      const commitments = this.apply(block)
      if (commitments.length > 0) options.onCommitments?.(commitments)
      options.onBlock?.(block)
    }
  }

  /** All commitments to a record, in the order of the ledger; authors other than the record's may have put some there. */
  ofRecord(recordId: RecordId): readonly IndexedCommitment[] {
    return this.#statements.ofRecord.all(idBytes(recordId)).map(commitmentOf)
  }

  /**
   * The commitment with the highest version under one patient tag; the first on the ledger, if there are two.
   * @param patientTag the record's: without it, anybody could put a higher version of a stranger's record on the ledger.
   */
  newest(recordId: RecordId, patientTag: Sha256Hex): IndexedCommitment | undefined {
    let newest: IndexedCommitment | undefined
    for (const one of this.ofRecord(recordId)) {
      if (one.patientTag === patientTag && one.version > (newest?.version ?? 0)) newest = one
    }
    return newest
  }

  ofPatientTag(tag: Sha256Hex): readonly IndexedCommitment[] {
    return this.#statements.ofPatient.all(decodeHex(tag)).map(commitmentOf)
  }

  countOfPatientTag(tag: Sha256Hex): number {
    return numberOf(this.#statements.countOfPatient.get(decodeHex(tag))) ?? 0
  }

  ofDoctorTag(tag: Sha256Hex): readonly IndexedCommitment[] {
    return this.#statements.ofDoctor.all(decodeHex(tag)).map(commitmentOf)
  }

  close(): void {
    this.#database.close()
  }

  /** A block and the position after it, or neither. */
  #write(height: number, commitments: readonly IndexedCommitment[]): void {
    const { insert, move } = this.#statements
    this.#database.exec('BEGIN')
    try {
      for (const { recordId, version, patientTag, doctorTag, batchId, index, txId, block } of commitments) {
        const [patient, doctor, tx] = [decodeHex(patientTag), decodeHex(doctorTag), decodeHex(txId)]
        insert.run(idBytes(recordId), version, patient, doctor, idBytes(batchId), index, tx, block)
      }
      move.run(height)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    // What a crash loses is read from the ledger again: the position is lost together with the rows.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec(SCHEMA)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function prepare(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text)
  return {
    height: sql('SELECT height AS n FROM position'),
    size: sql('SELECT max(id) AS n FROM commitment'),
    insert: sql(`INSERT INTO commitment (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    move: sql('INSERT OR REPLACE INTO position VALUES (1, ?)'),
    ofRecord: sql(`SELECT ${COLUMNS} FROM commitment WHERE record = ? ORDER BY id`),
    ofPatient: sql(`SELECT ${COLUMNS} FROM commitment WHERE patient = ? ORDER BY id`),
    countOfPatient: sql('SELECT count(*) AS n FROM commitment WHERE patient = ?'),
    ofDoctor: sql(`SELECT ${COLUMNS} FROM commitment WHERE doctor = ? ORDER BY id`),
  }
}

function numberOf(row: Record<string, unknown> | undefined): number | undefined {
  return typeof row?.['n'] === 'number' ? row['n'] : undefined
}

/** A row of `COLUMNS`, which only `#write` makes. */
function commitmentOf(row: Record<string, unknown>): IndexedCommitment {
  const { record, version, patient, doctor, batch, place, tx, block } = row as unknown as Row
  return {
    recordId: `r-${encodeHex(record)}` as RecordId,
    version,
    patientTag: encodeHex(patient) as Sha256Hex,
    doctorTag: encodeHex(doctor) as Sha256Hex,
    batchId: `b-${encodeHex(batch)}` as BatchId,
    index: place,
    txId: encodeHex(tx) as TxId,
    block,
  }
}

interface Row {
  readonly record: Uint8Array
  readonly version: number
  readonly patient: Uint8Array
  readonly doctor: Uint8Array
  readonly batch: Uint8Array
  readonly place: number
  readonly tx: Uint8Array
  readonly block: number
}

/** The 16 bytes of an identifier with a letter before them. */
function idBytes(id: string): Uint8Array {
  return decodeHex(id.slice(2))
}

/** Only a transaction that wrote its batch counts: a repeated one has no event. */
function commitmentsOf({ fn, status, args, event, txId, block }: CommittedTransaction): IndexedCommitment[] {
  if (fn !== 'commit' || status !== 'VALID' || event?.name !== 'BatchCommitted') return []
  const { batchId, groups } = batchOf(args)
  let index = 0
  return groups.flatMap(({ items }) =>
    items.map(({ recordId, version, patientTag, doctorTag }) => ({
      recordId,
      version,
      patientTag,
      doctorTag,
      batchId,
      index: index++,
      txId,
      block,
    })),
  )
}

function batchOf([batchText, groupsText = '']: readonly string[]): {
  batchId: BatchId
  groups: readonly CommitGroup[]
} {
  const groups = decodeCommitGroups(groupsText)
  if (groups === undefined) throw new LedgerError('LEDGER_BLOCK_INVALID', 'a committed batch is malformed')
  try {
    return { batchId: batchIdShape(batchText, 'batchId'), groups }
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'a committed batch is malformed', { cause })
  }
}
