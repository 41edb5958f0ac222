/**
 * A replica's copy of the store: opened and checked as a whole, then changed by what the server changed, commit by commit,
 * each once and in order. Spec: docs/protocol/11-replica.md §11.5.
 *
 * Whatever does not fit ends the trusted application (fail-stop): a copy that is wrong is given anew.
 *
 * @module
 */
import { equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { Frontier, nodeId } from '../../../../shared/tlog/src/index.ts'
import { StorageError, TrustedApplicationError } from '../errors.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import { Store } from '../store.ts'
import type { Change } from './change.ts'
import { positionOf } from './position.ts'

/** How far a copy is. */
export interface Reached {
  readonly position: number
  readonly size: number
  /** 32 bytes, of the log. */
  readonly root: Uint8Array
}

export class Follower {
  readonly #crypto: Crypto
  readonly #database: SqlDatabase
  readonly #statements = new Map<string, SqlStatement>()
  readonly #node: SqlStatement
  readonly #meta: SqlStatement
  #reached: Reached

  /** @throws {StorageError} `STORE_DAMAGED`, `STATE_ROLLED_BACK`: rows, state and log are not of one moment. */
  constructor(crypto: Crypto, database: SqlDatabase) {
    this.#crypto = crypto
    this.#database = database
    const { log, isUndecided } = Store.open(crypto, database)
    // Made by an earlier program. The server runs this one, so the next copy is of its format.
    if (isUndecided) throw new StorageError('STORE_DAMAGED', 'the copy is in an earlier format')
    this.#node = database.prepare('SELECT hash FROM log_node WHERE id = ?')
    this.#meta = database.prepare(`SELECT value FROM meta WHERE name = 'position'`)
    this.#reached = { position: this.#position(), size: log.committedSize, root: log.committedRoot() }
  }

  get reached(): Reached {
    return this.#reached
  }

  /**
   * One transaction as the server made it. Durable with the round.
   * @throws {TrustedApplicationError} `REPLICA_DIVERGED` @throws {StorageError} `STATE_ROLLED_BACK`
   */
  apply(change: Change): void {
    if (change.position !== this.#reached.position + 1) throw new TrustedApplicationError('REPLICA_DIVERGED')
    this.#database.exec('BEGIN IMMEDIATE')
    for (const { sql, parameters } of change.runs) this.#statement(sql).run(...parameters)
    const root = Frontier.load(this.#crypto, this.#read, change.size).root()
    if (!equalBytes(root, change.root) || this.#position() !== change.position) {
      this.#database.exec('ROLLBACK')
      throw new StorageError('STATE_ROLLED_BACK', 'the copy does not become what the server has')
    }
    this.#database.exec('COMMIT')
    this.#reached = { position: change.position, size: change.size, root }
  }

  close(): void {
    this.#database.close()
  }

  #position(): number {
    return positionOf(this.#meta.get()?.['value'])
  }

  #statement(sql: string): SqlStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  readonly #read = (level: number, index: number): Uint8Array => {
    const hash = this.#node.get(nodeId(level, index))?.['hash']
    if (!(hash instanceof Uint8Array)) throw new StorageError('STATE_ROLLED_BACK', 'a log node is missing')
    return hash
  }
}
