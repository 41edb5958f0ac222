/**
 * Where the ledger shows each version of each record: looked up when the trusted application asks for one that is
 * long on the ledger. A cache on disk of what the blocks say; when it does not fit the ledger it is made anew.
 * Holds references only, and nobody relies on it: the trusted application checks every hint by an endorsed read.
 *
 * @module
 */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decodeHex, encodeHex } from '../../../shared/crypto/src/index.ts'
import type { CommittedItem } from '../../../shared/tee-abi/src/index.ts'

/** What stands at the beginning of the ledger and how far this index has read. */
export interface IndexPosition {
  /** 64 hex digits, hash of block 0; undefined in a new index. */
  readonly chain: string | undefined
  /** Number of the first block that was not read. */
  readonly nextBlock: number
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS committed (
    record BLOB NOT NULL, version INTEGER NOT NULL, batch BLOB NOT NULL, place INTEGER NOT NULL,
    tx BLOB NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (record, version)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS position (
    one INTEGER PRIMARY KEY CHECK (one = 1), chain TEXT NOT NULL, next_block INTEGER NOT NULL
  ) STRICT;
  SELECT record, version, batch, place, tx, block FROM committed LIMIT 0;
  SELECT chain, next_block FROM position LIMIT 1;`

export class CommitmentIndex {
  readonly #path: string
  #database: DatabaseSync
  #position: IndexPosition

  private constructor(path: string) {
    this.#path = path
    this.#database = openFile(path)
    this.#position = readPosition(this.#database)
  }

  /** Opens the index, or makes a new one if there is none or it cannot be read. */
  static open(path: string): CommitmentIndex {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    try {
      return new CommitmentIndex(path)
    } catch {
      removeFiles(path)
      return new CommitmentIndex(path)
    }
  }

  get position(): IndexPosition {
    return this.#position
  }

  /** Forgets everything: it was made from another ledger. */
  clear(): void {
    this.#database.close()
    removeFiles(this.#path)
    this.#database = openFile(this.#path)
    this.#position = readPosition(this.#database)
  }

  /**
   * Takes the next block. Of a record that is shown twice the first place stays: a batch that is repeated changes
   * nothing on the ledger either.
   * @param chain hash of block 0, hex.
   */
  add(chain: string, block: number, items: readonly CommittedItem[]): void {
    if (block !== this.#position.nextBlock) throw new RangeError('blocks are read in order')
    const insert = this.#database.prepare('INSERT OR IGNORE INTO committed VALUES (?, ?, ?, ?, ?, ?)')
    const move = this.#database.prepare('INSERT OR REPLACE INTO position VALUES (1, ?, ?)')
    this.#database.exec('BEGIN')
    try {
      for (const [recordId, version, batchId, index, txId, number] of items) {
        insert.run(idBytes(recordId), version, idBytes(batchId), index, decodeHex(txId), number)
      }
      move.run(chain, block + 1)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
    this.#position = { chain, nextBlock: block + 1 }
  }

  find(recordId: string, version: number): CommittedItem | undefined {
    const row = this.#database
      .prepare('SELECT batch, place, tx, block FROM committed WHERE record = ? AND version = ?')
      .get(idBytes(recordId), version) as Row | undefined
    if (row === undefined) return undefined
    return [
      recordId,
      version,
      `b-${encodeHex(row.batch)}`,
      row.place,
      encodeHex(row.tx),
      row.block,
    ] as unknown as CommittedItem
  }

  close(): void {
    this.#database.close()
  }
}

interface PositionRow {
  readonly chain: string
  readonly next_block: number
}

interface Row {
  readonly batch: Uint8Array
  readonly place: number
  readonly tx: Uint8Array
  readonly block: number
}

function openFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    // What a crash loses is read from the ledger again: the position is lost together with the rows.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    database.exec(SCHEMA)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function removeFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

function readPosition(database: DatabaseSync): IndexPosition {
  const row = database.prepare('SELECT chain, next_block FROM position').get() as PositionRow | undefined
  return { chain: row?.chain, nextBlock: row?.next_block ?? 0 }
}

/** The 16 bytes of an identifier with a letter before them. */
function idBytes(id: string): Uint8Array {
  return decodeHex(id.slice(2))
}
