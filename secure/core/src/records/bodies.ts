/**
 * Encrypted contents of records, one BLOB each, apart from the rows that change.
 *
 * @module
 */
import type { SqlStatement } from '../ports.ts'
import { bytesOf } from '../sql-values.ts'
import type { Store } from '../store.ts'

export class Bodies {
  readonly #store: Store
  readonly #insert: SqlStatement
  readonly #select: SqlStatement
  readonly #remove: SqlStatement

  constructor(store: Store) {
    this.#store = store
    this.#insert = store.database.prepare('INSERT INTO record_body VALUES (?, ?)')
    this.#select = store.database.prepare('SELECT body FROM record_body WHERE id = ?')
    this.#remove = store.database.prepare('DELETE FROM record_body WHERE id = ?')
  }

  /** @param id of the record's row. @param body nonce(12) ‖ AES-256-GCM. */
  add(id: number, body: Uint8Array): void {
    this.#store.beginWrite()
    this.#insert.run(id, body)
  }

  /** @throws {StorageError} `STORE_DAMAGED` if there is none: the row says that there is. */
  get(id: number): Uint8Array {
    return bytesOf(this.#select.get(id), 'body')
  }

  remove(id: number): void {
    this.#store.beginWrite()
    this.#remove.run(id)
  }
}
