/**
 * The store's database, which remembers what each transaction wrote while somebody follows. Off, it costs one look a
 * statement. Spec: docs/protocol/11-replica.md §11.5.
 *
 * @module
 */
import type { SqlDatabase, SqlStatement, SqlValue } from '../ports.ts'
import type { Run } from './change.ts'

export class RecordingDatabase implements SqlDatabase {
  readonly #database: SqlDatabase
  #runs: Run[] | undefined

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Between transactions only: half a transaction is of no use. */
  record(isOn: boolean): void {
    this.#runs = isOn ? [] : undefined
  }

  /** What was written since the last call; undefined if nobody follows. */
  take(): readonly Run[] | undefined {
    const runs = this.#runs
    if (runs !== undefined) this.#runs = []
    return runs
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  prepare(sql: string): SqlStatement {
    const statement = this.#database.prepare(sql)
    if (sql.startsWith('SELECT')) return statement
    return {
      run: (...parameters) => {
        statement.run(...parameters)
        this.#runs?.push({ sql, parameters: parameters.map(copyOf) })
      },
      get: (...parameters) => statement.get(...parameters),
      all: (...parameters) => statement.all(...parameters),
      iterate: (...parameters) => statement.iterate(...parameters),
    }
  }

  backup(name: string): void {
    this.#database.backup(name)
  }

  close(): void {
    this.#database.close()
  }
}

/** Whoever gave the bytes may use them again. */
function copyOf(value: SqlValue): SqlValue {
  return value instanceof Uint8Array ? value.slice() : value
}
