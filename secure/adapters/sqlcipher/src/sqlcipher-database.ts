/**
 * The database port on SQLCipher 4 files, by better-sqlite3-multiple-ciphers (SQLite3MultipleCiphers): AES-256-CBC
 * and HMAC-SHA-512 a page, raw key, 8192-byte pages. Other SQLCipher 4 programs open the file with
 * `PRAGMA key = "x'<64 hex>'"; PRAGMA cipher_page_size = 8192`.
 *
 * Every page is authenticated, a *set* of pages is not: an old page put back is not noticed here. The trusted
 * application's authenticated state does that (secure/core/src/state).
 * Locking is exclusive, so that the write-ahead log's index lives in this process's memory and not in a
 * shared-memory file that the normal world could change under us.
 *
 * @module
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3-multiple-ciphers'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../../../core/src/errors.ts'
import type { DatabasePort, SqlDatabase, SqlRow, SqlStatement, SqlValue } from '../../../core/src/ports.ts'

export interface SqlCipherOptions {
  /** Folder of the database files; made with mode 0700 if it does not exist. */
  readonly folder: string
  /** `sqlcipher` (the default) is the format that other programs read; `aegis` (AEGIS-256) is faster. */
  readonly cipher?: 'sqlcipher' | 'aegis'
  /** Memory for decrypted pages. Decryption of pages is what costs: hold the indexes. Default 64 MiB. */
  readonly cacheKib?: number
  /** The write-ahead log is folded back when it has this many pages. Default 4,000 (32 MiB): pages that
   * change again and again are written back once, and recovery stays below a second. */
  readonly walAutocheckpointPages?: number
}

const PAGE_BYTES = 8192
const DEFAULT_CACHE_KIB = 64 * 1024
const DEFAULT_WAL_PAGES = 4000
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** `COMMIT` returns when the transaction is durable. */
export function createSqlCipherPort(options: SqlCipherOptions): DatabasePort {
  return createPort(options, undefined)
}

/**
 * The port of one database whose `COMMIT` only writes: whoever commits calls `sync` and lets nothing out that tells of
 * the transaction before it returns. Meanwhile the thread is free. What a power cut takes is a suffix of transactions.
 */
export interface DeferredSqlCipherPort extends DatabasePort {
  /**
   * Makes every transaction that was committed before the call durable; undefined if there is none since the last call.
   * @throws {StorageError} (rejects) `STORE_FAILED`: what was committed may be lost, nothing may be acknowledged.
   */
  sync(): Promise<void> | undefined
}

export function createDeferredSqlCipherPort(options: SqlCipherOptions): DeferredSqlCipherPort {
  const log = new WriteAheadLog()
  return { ...createPort(options, log), sync: () => log.sync() }
}

function createPort(options: SqlCipherOptions, log: WriteAheadLog | undefined): DatabasePort {
  return {
    open(name, key) {
      if (key.length !== 32) throw new RangeError('key must have 32 bytes')
      const path = pathOf(options.folder, name)
      return mapErrors(() => {
        mkdirSync(options.folder, { recursive: true, mode: 0o700 })
        return openDatabase(path, key, options, log)
      })
    },
    has: (name) => existsSync(pathOf(options.folder, name)),
    rekey(name, key, next) {
      if (key.length !== 32 || next.length !== 32) throw new RangeError('key must have 32 bytes')
      mapErrors(() => rekeyDatabase(pathOf(options.folder, name), key, next, options))
    },
  }
}

/** In a copy beside it, which takes the place of the database when it is whole and durable. */
function rekeyDatabase(path: string, key: Uint8Array, next: Uint8Array, options: SqlCipherOptions): void {
  const copy = `${path}.rekey`
  for (const suffix of ['', '-wal', '-journal']) rmSync(`${copy}${suffix}`, { force: true })
  // Folds its write-ahead log back into it.
  openDatabase(path, key, options, undefined).close()
  copyFileSync(path, copy)
  const sqlite = openFile(copy, key, options)
  try {
    // SQLite encrypts anew in one transaction with a rollback journal, and syncs the file at its end.
    sqlite.pragma('journal_mode = DELETE')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma(`rekey = ${keyText(next, options)}`)
  } finally {
    sqlite.close()
  }
  renameSync(copy, path)
}

/** The file that `COMMIT` appends to, made durable beside the thread that writes it. */
class WriteAheadLog {
  #file: Promise<FileHandle> | undefined
  #hasNews = false

  /** SQLite keeps the file while the database is open: its lock is exclusive. */
  open(path: string): void {
    if (this.#file !== undefined) throw new TypeError('one database only')
    this.#file = open(`${path}-wal`, 'r+')
    // `sync` tells.
    this.#file.catch(() => undefined)
  }

  committed(): void {
    this.#hasNews = true
  }

  sync(): Promise<void> | undefined {
    const file = this.#file
    if (!this.#hasNews || file === undefined) return undefined
    this.#hasNews = false
    return datasync(file)
  }

  close(): void {
    void this.#file?.then(
      (file) => file.close(),
      () => undefined,
    )
    this.#file = undefined
    this.#hasNews = false
  }
}

async function datasync(opening: Promise<FileHandle>): Promise<void> {
  try {
    const file = await opening
    await file.datasync()
  } catch (error) {
    throw new StorageError('STORE_FAILED', 'the store cannot be made durable', { cause: error })
  }
}

function openDatabase(
  path: string,
  key: Uint8Array,
  options: SqlCipherOptions,
  log: WriteAheadLog | undefined,
): SqlDatabase {
  const sqlite = openFile(path, key, options)
  try {
    sqlite.pragma('journal_mode = WAL')
    // NORMAL: SQLite itself syncs around checkpoints only, never after a commit.
    sqlite.pragma(`synchronous = ${log === undefined ? 'FULL' : 'NORMAL'}`)
    sqlite.pragma('secure_delete = ON')
    sqlite.pragma('temp_store = MEMORY')
    sqlite.pragma('mmap_size = 0')
    sqlite.pragma('trusted_schema = OFF')
    sqlite.pragma(`cache_size = -${options.cacheKib ?? DEFAULT_CACHE_KIB}`)
    sqlite.pragma(`wal_autocheckpoint = ${options.walAutocheckpointPages ?? DEFAULT_WAL_PAGES}`)
    // A long log would make the first write after a crash stall.
    sqlite.pragma('wal_checkpoint(TRUNCATE)')
    log?.open(path)
  } catch (error) {
    sqlite.close()
    throw error
  }
  return {
    exec(sql) {
      mapErrors(() => void sqlite.exec(sql))
      if (sql === 'COMMIT') log?.committed()
    },
    prepare: (sql) => mapErrors(() => new SqlCipherStatement(sqlite.prepare(sql))),
    backup(name) {
      const target = pathOf(options.folder, name)
      if (existsSync(target)) throw new StorageError('STORE_FAILED', 'a backup of this name exists')
      // VACUUM INTO writes with the key and cipher of the source.
      mapErrors(() => void sqlite.prepare('VACUUM INTO ?').run(target))
    },
    close() {
      // The last connection folds the log back, and syncs.
      mapErrors(() => void sqlite.close())
      log?.close()
    },
  }
}

/** Only opened: how it is written is not decided yet. */
function openFile(path: string, key: Uint8Array, options: SqlCipherOptions): Sqlite.Database {
  const sqlite = new Sqlite(path)
  try {
    if (isSqlCipher(options)) {
      sqlite.pragma(`cipher = 'sqlcipher'`)
      sqlite.pragma('legacy = 4')
      sqlite.pragma(`legacy_page_size = ${PAGE_BYTES}`)
    } else sqlite.pragma(`cipher = 'aegis'`)
    sqlite.pragma(`key = ${keyText(key, options)}`)
    sqlite.pragma(`page_size = ${PAGE_BYTES}`)
    // Order matters: with this set before the first access, SQLite keeps the log's index in heap memory.
    sqlite.pragma('locking_mode = EXCLUSIVE')
    // The first access: a wrong key or a damaged first page shows here.
    sqlite.prepare('SELECT count(*) FROM sqlite_master').get()
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function isSqlCipher({ cipher }: SqlCipherOptions): boolean {
  return (cipher ?? 'sqlcipher') === 'sqlcipher'
}

/** A raw key, as the pragmas take it. */
function keyText(key: Uint8Array, options: SqlCipherOptions): string {
  const hex = encodeHex(key)
  return isSqlCipher(options) ? `"x'${hex}'"` : `'raw:${hex}'`
}

class SqlCipherStatement implements SqlStatement {
  readonly #statement: Sqlite.Statement
  constructor(statement: Sqlite.Statement) {
    this.#statement = statement
  }
  run(...parameters: readonly SqlValue[]): void {
    mapErrors(() => this.#statement.run(...parameters))
  }
  get(...parameters: readonly SqlValue[]): SqlRow | undefined {
    return mapErrors(() => {
      const row = this.#statement.get(...parameters)
      return row === undefined ? undefined : plainRow(row)
    })
  }
  all(...parameters: readonly SqlValue[]): SqlRow[] {
    return mapErrors(() => this.#statement.all(...parameters).map(plainRow))
  }
  *iterate(...parameters: readonly SqlValue[]): Iterable<SqlRow> {
    const rows = mapErrors(() => this.#statement.iterate(...parameters))
    try {
      for (;;) {
        const next = mapErrors(() => rows.next())
        if (next.done === true) return
        yield plainRow(next.value)
      }
    } finally {
      rows.return?.()
    }
  }
}

/** BLOBs as plain arrays: `slice` of a Buffer is a view, of a Uint8Array a copy. */
function plainRow(row: unknown): SqlRow {
  const values = row as Record<string, SqlValue>
  for (const column in values) {
    const value = values[column]
    if (value instanceof Uint8Array) values[column] = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  return values
}

function pathOf(folder: string, name: string): string {
  if (!NAME.test(name)) throw new RangeError('name must be a plain file name')
  return join(folder, name)
}

/** SQLite's result codes as ours. A constraint or a misuse is our own bug and passes through. */
function mapErrors<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (typeof code !== 'string') throw error
    if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
      throw new StorageError('STORE_DAMAGED', 'the store cannot be decrypted or is damaged', { cause: error })
    }
    if (/^(SQLITE_(IOERR|FULL|READONLY|CANTOPEN|NOMEM|BUSY|LOCKED|PROTOCOL)|E[A-Z]+$)/.test(code)) {
      throw new StorageError('STORE_FAILED', 'the store cannot be read or written', { cause: error })
    }
    throw error
  }
}
