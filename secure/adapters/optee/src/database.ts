/**
 * The database port on SQLCipher inside the secure world, whose pages lie in the secure file system (optee/storage).
 *
 * @module
 */
import { StorageError } from '../../../core/src/errors.ts'
import type { DatabasePort, SqlDatabase, SqlRow, SqlStatement, SqlValue } from '../../../core/src/ports.ts'
import type { Native, NativeDatabase, NativeStatement } from './native.ts'

export interface OpteeDatabaseOptions {
  /** Secure memory for decrypted pages. */
  readonly cacheKib: number
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** SQLite's primary result codes: damage of what is stored, and faults of the store. Others are our own bugs. */
const DAMAGED: readonly number[] = [11 /* CORRUPT */, 26 /* NOTADB */]
/** SQLITE_IOERR_DATA: the secure file system found a block that it did not write. */
const TAMPERED = 8_202
const FAILED: readonly number[] = [5, 6, 7, 8, 10, 13, 14, 15]

export function createOpteeDatabasePort(native: Native, { cacheKib }: OpteeDatabaseOptions): DatabasePort {
  return {
    open(name, key) {
      if (key.length !== 32) throw new RangeError('key must have 32 bytes')
      checkName(name)
      return databaseOf(
        native,
        mapErrors(() => native.openDatabase(name, key, cacheKib)),
      )
    },
  }
}

function databaseOf(native: Native, database: NativeDatabase): SqlDatabase {
  return {
    exec: (sql) => mapErrors(() => native.execute(database, sql)),
    prepare: (sql) => mapErrors(() => new OpteeStatement(native, native.prepare(database, sql))),
    backup(name) {
      checkName(name)
      mapErrors(() => native.backup(database, name))
    },
    close: () => mapErrors(() => native.closeDatabase(database)),
  }
}

class OpteeStatement implements SqlStatement {
  readonly #native: Native
  readonly #statement: NativeStatement
  constructor(native: Native, statement: NativeStatement) {
    this.#native = native
    this.#statement = statement
  }

  run(...parameters: readonly SqlValue[]): void {
    this.get(...parameters)
  }

  get(...parameters: readonly SqlValue[]): SqlRow | undefined {
    return mapErrors(() => {
      this.#native.bind(this.#statement, parameters)
      try {
        return this.#native.step(this.#statement)
      } finally {
        this.#native.reset(this.#statement)
      }
    })
  }

  all(...parameters: readonly SqlValue[]): SqlRow[] {
    return [...this.iterate(...parameters)]
  }

  *iterate(...parameters: readonly SqlValue[]): Iterable<SqlRow> {
    mapErrors(() => this.#native.bind(this.#statement, parameters))
    try {
      for (;;) {
        const row = mapErrors(() => this.#native.step(this.#statement))
        if (row === undefined) return
        yield row
      }
    } finally {
      this.#native.reset(this.#statement)
    }
  }
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new RangeError('name must be a plain file name')
}

function mapErrors<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    const extended = (error as { sqlite?: unknown }).sqlite
    if (typeof extended !== 'number') throw error
    const code = extended & 0xff
    if (DAMAGED.includes(code) || extended === TAMPERED) {
      throw new StorageError('STORE_DAMAGED', 'the store cannot be decrypted or is damaged', { cause: error })
    }
    if (FAILED.includes(code)) {
      throw new StorageError('STORE_FAILED', 'the store cannot be read or written', { cause: error })
    }
    throw error
  }
}
