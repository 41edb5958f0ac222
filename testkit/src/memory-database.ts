/**
 * The database port's `SqlDatabase` on SQLite in memory, without encryption: for tests of what stands on it.
 * `content()` and opening it again make another database with the same rows, as an attacker's copy is.
 *
 * @module
 */
import Sqlite from 'better-sqlite3-multiple-ciphers'
import type { SqlDatabase, SqlRow, SqlStatement, SqlValue } from '../../secure/core/src/ports.ts'

/** A database in memory. */
export interface MemoryDatabase extends SqlDatabase {
  /** The whole database as the bytes of a file. */
  content(): Uint8Array
}

export function openMemoryDatabase(content?: Uint8Array): MemoryDatabase {
  const sqlite = content === undefined ? new Sqlite(':memory:') : new Sqlite(Buffer.from(content))
  return {
    exec: (sql) => void sqlite.exec(sql),
    prepare: (sql) => new MemoryStatement(sqlite.prepare(sql)),
    backup() {
      throw new Error('not implemented in the memory database')
    },
    close: () => void sqlite.close(),
    content: () => new Uint8Array(sqlite.serialize()),
  }
}

class MemoryStatement implements SqlStatement {
  readonly #statement: Sqlite.Statement
  constructor(statement: Sqlite.Statement) {
    this.#statement = statement
  }
  run(...parameters: readonly SqlValue[]): void {
    this.#statement.run(...parameters)
  }
  get(...parameters: readonly SqlValue[]): SqlRow | undefined {
    const row = this.#statement.get(...parameters)
    return row === undefined ? undefined : plainRow(row)
  }
  all(...parameters: readonly SqlValue[]): SqlRow[] {
    return this.#statement.all(...parameters).map(plainRow)
  }
  *iterate(...parameters: readonly SqlValue[]): Iterable<SqlRow> {
    for (const row of this.#statement.iterate(...parameters)) yield plainRow(row)
  }
}

/** BLOBs as plain arrays, as the port demands. */
function plainRow(row: unknown): SqlRow {
  const out: Record<string, SqlValue> = {}
  for (const [column, value] of Object.entries(row ?? {})) {
    out[column] = value instanceof Uint8Array ? new Uint8Array(value) : (value as SqlValue)
  }
  return out
}
