/**
 * The ledger's disk: one SQLite database with blocks, transactions, world state and history. A block and everything it
 * changes are one SQLite transaction (WAL, synchronous=FULL): after a crash at any instruction a block is there whole or
 * not at all, and what `append` returned from is there. Spec: docs/protocol/07-ledger.md §7.4.
 *
 * The file is not encrypted: everything in it is meant for every member. One process opens it at a time.
 * `place` numbers transactions: 1,024 · block + index. It is also the version of a state key.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { decodeHex } from '../../../shared/crypto/src/index.ts'
import {
  type BlockKind,
  type ChainHead,
  decodeTransaction,
  type EncodedBlock,
  LedgerError,
  placeOf,
  PLACES_PER_BLOCK,
  type StateWrite,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { StateCache, type StoredValue } from './state-cache.ts'

export const DATABASE_FILE = 'ledger.sqlite'

export interface StoredTransaction {
  readonly block: number
  readonly index: number
  readonly bytes: Uint8Array
}

/** One transaction of a block that is to be written. */
export interface AppendedTransaction {
  /** Undefined for a configuration. */
  readonly txId: TxId | undefined
  readonly bytes: Uint8Array
  readonly writes: readonly StateWrite[]
}

export interface StateRow {
  readonly key: string
  readonly version: number
  /** Null if it stands in the transaction. */
  readonly value: string | null
}

export interface BlockColumns {
  readonly hash: Uint8Array
  readonly timeMs: number
  readonly kind: BlockKind
}

interface BlockRow {
  readonly header: Uint8Array
  readonly signature: Uint8Array
}
interface ValueRow {
  readonly place: number
  readonly value: string | null
}

export class LedgerStore {
  /** UTF-16 units; longer values stand in their transaction only. */
  static readonly maxInlineValue = 2_048
  readonly #db: Database.Database
  readonly #crypto: Crypto
  readonly #cache = new StateCache()
  readonly #statements

  /**
   * @param folder made if it does not exist.
   * @throws {LedgerError} `LEDGER_STORAGE_FAILED`: not writable, not a ledger, or in use by another process.
   */
  constructor(crypto: Crypto, folder: string) {
    this.#crypto = crypto
    this.#db = openDatabase(folder)
    this.#statements = prepare(this.#db)
  }

  /** Number, hash and time of the newest block; undefined before block 0. */
  head(): ChainHead | undefined {
    const row = this.#statements.head.get() as { number: number; hash: Uint8Array; time_ms: number } | undefined
    return row === undefined ? undefined : { number: row.number, hash: plain(row.hash), timeMs: row.time_ms }
  }

  block(number: number): EncodedBlock | undefined {
    const row = this.#statements.block.get(number) as BlockRow | undefined
    if (row === undefined) return undefined
    const first = number * PLACES_PER_BLOCK
    const rows = this.#statements.transactions.all(first, first + PLACES_PER_BLOCK) as { bytes: Uint8Array }[]
    return {
      header: plain(row.header),
      signature: plain(row.signature),
      transactions: rows.map(({ bytes }) => plain(bytes)),
    }
  }

  /** What the columns of a block say, for verification: opening trusts them. */
  blockColumns(number: number): BlockColumns | undefined {
    const row = this.#statements.blockColumns.get(number) as
      { hash: Uint8Array; time_ms: number; is_configuration: number } | undefined
    return row === undefined
      ? undefined
      : { hash: plain(row.hash), timeMs: row.time_ms, kind: row.is_configuration === 1 ? 'config' : 'data' }
  }

  /** Numbers of the configuration blocks, ascending. */
  configurationBlocks(): readonly number[] {
    return (this.#statements.configurations.all() as { number: number }[]).map(({ number }) => number)
  }

  findTransaction(txId: TxId): StoredTransaction | undefined {
    const row = this.#statements.transaction.get(decodeHex(txId)) as { place: number; bytes: Uint8Array } | undefined
    return row === undefined ? undefined : { ...placeOf(row.place), bytes: plain(row.bytes) }
  }

  get(key: string): StoredValue | undefined {
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const row = this.#statements.value.get(key) as ValueRow | undefined
    if (row === undefined) return undefined
    const stored = { value: row.value ?? this.#writtenAt(row.place, key), version: row.place }
    this.#cache.set(key, stored)
    return stored
  }

  /** Version of a key; undefined if it has no value. */
  version(key: string): number | undefined {
    return this.get(key)?.version
  }

  /** Keys from `start` (included) to `end` (not included) in order of their bytes. */
  range(start: string, end: string, limit: number): { readonly key: string; readonly value: string }[] {
    const rows = this.#statements.range.all(start, end, limit) as (ValueRow & { key: string })[]
    return rows.map(({ key, place, value }) => ({ key, value: value ?? this.#writtenAt(place, key) }))
  }

  /** Every transaction that wrote `key`, newest first, with what it wrote (null: it deleted the key). */
  *history(key: string): Generator<{ txId: TxId; timeMs: number; value: string | null }> {
    const rows = this.#statements.history.all(key) as { place: number }[]
    for (const { place } of rows) {
      const { txId, proposal, writes } = this.#transactionAt(place)
      const write = writes.find((one) => one.key === key)
      if (write !== undefined) yield { txId, timeMs: proposal.timeMs, value: write.value }
    }
  }

  /**
   * Writes a block and its effects; durable when this returns.
   * @throws {LedgerError} `LEDGER_STORAGE_FAILED`; nothing of the block is there then.
   */
  append(block: EncodedBlock, head: ChainHead, kind: BlockKind, transactions: readonly AppendedTransaction[]): void {
    const { insertBlock, insertTransaction, putValue, deleteValue, insertHistory, begin, commit } = this.#statements
    try {
      begin.run()
      insertBlock.run(head.number, head.hash, head.timeMs, kind === 'config' ? 1 : 0, block.header, block.signature)
      for (const [index, { txId, bytes, writes }] of transactions.entries()) {
        const place = head.number * PLACES_PER_BLOCK + index
        insertTransaction.run(place, txId === undefined ? null : decodeHex(txId), bytes)
        for (const { key, value } of writes) {
          if (value === null) deleteValue.run(key)
          else putValue.run(key, place, value.length > LedgerStore.maxInlineValue ? null : value)
          insertHistory.run(key, place)
        }
      }
      commit.run()
    } catch (error) {
      if (this.#db.inTransaction) this.#statements.rollback.run()
      throw storageFailed(error)
    }
    for (const [index, { writes }] of transactions.entries()) {
      const version = head.number * PLACES_PER_BLOCK + index
      for (const { key, value } of writes) {
        if (value === null) this.#cache.delete(key)
        else this.#cache.set(key, { value, version })
      }
    }
  }

  /** The whole state table in order of the keys, for verification. */
  *stateRows(): Generator<StateRow> {
    for (const row of this.#statements.allState.iterate() as Iterable<ValueRow & { key: string }>) {
      yield { key: row.key, version: row.place, value: row.value }
    }
  }

  /** Rows of the history table, for verification. */
  *historyRows(): Generator<{ readonly key: string; readonly version: number }> {
    for (const row of this.#statements.allHistory.iterate() as Iterable<{ key: string; place: number }>) {
      yield { key: row.key, version: row.place }
    }
  }

  /** Rows of the transactions table without their bytes, for verification. */
  *transactionRows(): Generator<{ readonly place: number; readonly txId: Uint8Array | null }> {
    for (const row of this.#statements.allTransactions.iterate() as Iterable<{
      place: number
      tx_id: Uint8Array | null
    }>) {
      yield { place: row.place, txId: row.tx_id }
    }
  }

  close(): void {
    this.#db.close()
  }

  #writtenAt(place: number, key: string): string {
    const write = this.#transactionAt(place).writes.find((one) => one.key === key)
    if (write?.value === undefined || write.value === null) {
      throw new LedgerError('LEDGER_STORAGE_FAILED', 'the state names a transaction that did not write it')
    }
    return write.value
  }

  #transactionAt(place: number) {
    const row = this.#statements.transactionAt.get(place) as { bytes: Uint8Array } | undefined
    if (row === undefined)
      throw new LedgerError('LEDGER_STORAGE_FAILED', 'the state names a transaction that is missing')
    return decodeTransaction(this.#crypto, plain(row.bytes))
  }
}

function openDatabase(folder: string): Database.Database {
  try {
    mkdirSync(folder, { recursive: true })
    const db = new Database(join(folder, DATABASE_FILE), { timeout: 0 })
    db.pragma('page_size = 8192')
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('cache_size = -65536')
    const version = db.pragma('user_version', { simple: true }) as number
    if (version === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    else if (version !== SCHEMA_VERSION) throw new LedgerError('LEDGER_STORAGE_FAILED', 'not a ledger of this version')
    // A long write-ahead log from before a crash would stall the first blocks.
    db.pragma('wal_checkpoint(TRUNCATE)')
    return db
  } catch (error) {
    throw storageFailed(error)
  }
}

function prepare(db: Database.Database) {
  const sql = (text: string) => db.prepare(text)
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    rollback: sql('ROLLBACK'),
    head: sql('SELECT number, hash, time_ms FROM blocks ORDER BY number DESC LIMIT 1'),
    block: sql('SELECT header, signature FROM blocks WHERE number = ?'),
    blockColumns: sql('SELECT hash, time_ms, is_configuration FROM blocks WHERE number = ?'),
    configurations: sql('SELECT number FROM blocks WHERE is_configuration = 1 ORDER BY number'),
    transactions: sql('SELECT bytes FROM transactions WHERE place >= ? AND place < ? ORDER BY place'),
    transaction: sql('SELECT place, bytes FROM transactions WHERE tx_id = ?'),
    transactionAt: sql('SELECT bytes FROM transactions WHERE place = ?'),
    value: sql('SELECT place, value FROM state WHERE key = ?'),
    range: sql('SELECT key, place, value FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?'),
    history: sql('SELECT place FROM history WHERE key = ? ORDER BY place DESC'),
    insertBlock: sql('INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)'),
    insertTransaction: sql('INSERT INTO transactions VALUES (?, ?, ?)'),
    putValue: sql(
      'INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place, value = excluded.value',
    ),
    deleteValue: sql('DELETE FROM state WHERE key = ?'),
    insertHistory: sql('INSERT INTO history VALUES (?, ?)'),
    allState: sql('SELECT key, place, value FROM state ORDER BY key'),
    allHistory: sql('SELECT key, place FROM history ORDER BY key, place'),
    allTransactions: sql('SELECT place, tx_id FROM transactions ORDER BY place'),
  }
}

/** SQLite's texts may name files; they stay in the cause. */
function storageFailed(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error
  return new LedgerError('LEDGER_STORAGE_FAILED', 'the ledger’s database failed', { cause: error })
}

/** Plain arrays, as everything above this file expects; a Buffer’s slice would be a view. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
