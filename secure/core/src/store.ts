/**
 * The database, the authenticated state and the log as one thing that changes in one transaction. Everything that
 * arrived together is written and committed together (docs/protocol/10-tee-abi.md §10.4).
 *
 * The last entry of each transaction that appends any is of kind `commit` and holds the state's root, so that the log's
 * checkpoint, and so the ledger, vouch for the rows (docs/protocol/06-log-and-checkpoints.md §6.8).
 *
 * @module
 */
import { equalBytes, type Crypto } from '../../../shared/crypto/src/index.ts'
import { decodeEntry, encodeEntry, type LogEntry } from './audit/entry.ts'
import { StorageError } from './errors.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { SqlDatabase, SqlStatement } from './ports.ts'
import type { Run } from './replica/change.ts'
import { encodePosition, POSITION, positionOf } from './replica/position.ts'
import { RecordingDatabase } from './replica/recorder.ts'
import { migrate } from './schema.ts'
import { createLog, openLog, type Log } from './state/log.ts'
import { createState, DEFAULT_BUCKET_BITS, openState, type State } from './state/state.ts'

/** Actor of the first entry, which is made before the server has a reference. */
const CREATOR = 'ta'

/** What the `commit` entry of a transaction says besides the root. */
export interface CommitNote {
  readonly timeMs: number
  readonly actor: string
}

/** A commit, for who follows; without `runs` the one from which on all are told. */
export interface Committed {
  readonly position: number
  readonly size: number
  readonly root: Uint8Array
  readonly runs?: readonly Run[]
}

export class Store {
  readonly crypto: Crypto
  readonly database: SqlDatabase
  readonly state: State
  readonly log: Log
  readonly hasFullText: boolean
  #root: Uint8Array
  #isWriting = false
  /** The tables are in another format only in the transaction that is open: nothing is durable until that is decided. */
  #isUndecided = false
  #writes = 0
  readonly #recorder: RecordingDatabase
  #follower: ((change: Committed) => void) | undefined
  #position: number
  readonly #selectMeta: SqlStatement
  readonly #upsertMeta: SqlStatement
  readonly #deleteMeta: SqlStatement

  private constructor(crypto: Crypto, database: RecordingDatabase, state: State, log: Log, hasFullText: boolean) {
    this.crypto = crypto
    this.database = database
    this.#recorder = database
    this.state = state
    this.log = log
    this.hasFullText = hasFullText
    this.#root = state.root()
    this.#selectMeta = database.prepare('SELECT value FROM meta WHERE name = ?')
    this.#upsertMeta = database.prepare(
      'INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    )
    this.#deleteMeta = database.prepare('DELETE FROM meta WHERE name = ?')
    this.#position = positionOf(this.findMeta(POSITION))
  }

  /**
   * Opens what is there, or makes an empty store.
   * @param bucketBits of a new store.
   * @param limits by default all of the state up to a million records is kept.
   * @param migrations of the tables, in order.
   * @throws {StorageError} `STORE_DAMAGED`; `STATE_ROLLED_BACK` if rows, log and state are not of one moment.
   */
  static open(
    crypto: Crypto,
    opened: SqlDatabase,
    bucketBits = DEFAULT_BUCKET_BITS,
    limits: Pick<Limits, 'stateBytes' | 'stateChanges' | 'logNodes'> = DEFAULT_LIMITS,
    migrations?: readonly string[],
  ): Store {
    const options = { cacheBytes: limits.stateBytes, foldAfter: limits.stateChanges }
    const database = new RecordingDatabase(opened)
    const { hasFullText, isPending } = migrate(database, migrations)
    const exists = database.prepare(`SELECT 1 AS n FROM sqlite_master WHERE name = 'log_entry'`).get() !== undefined
    if (!exists) {
      database.exec('BEGIN IMMEDIATE')
      const state = createState(database, crypto, bucketBits, options)
      const log = createLog(database, crypto, { cachedNodes: limits.logNodes })
      // So that there is always a commit entry to open by.
      log.append([encodeEntry({ t: 'commit', timeMs: 0, actor: CREATOR, digest: state.root() })])
      log.flush()
      database.exec('COMMIT')
      log.commit()
      return new Store(crypto, database, state, log, hasFullText)
    }
    const log = openLog(database, crypto, { cachedNodes: limits.logNodes })
    const state = openState(database, crypto, newestRoot(log), options)
    const store = new Store(crypto, database, state, log, hasFullText)
    store.#isWriting = isPending
    store.#isUndecided = isPending
    return store
  }

  /** Grows with each write; equal numbers mean that nothing was written in between. */
  get writes(): number {
    return this.#writes
  }

  /** Whether the tables were in an earlier format: `decide` before anything is durable, or close it and nothing was. */
  get isUndecided(): boolean {
    return this.#isUndecided
  }

  /** The store keeps the format of this program; durable with the next commit. */
  decide(): void {
    this.#isUndecided = false
  }

  /** Whether there is something to commit. */
  get isDirty(): boolean {
    return this.#isWriting
  }

  /** Number of the newest commit; it stands still while nobody follows. */
  get position(): number {
    return this.#position
  }

  /** Tells of each commit from here on; the next one is where a copy begins, unless nothing is under way now. */
  follow(follower: ((change: Committed) => void) | undefined): void {
    this.#follower = follower
    if (this.#isWriting) return
    this.#recorder.record(follower !== undefined)
    follower?.({ position: this.#position, size: this.log.committedSize, root: this.log.committedRoot() })
  }

  /** Everything that writes rows or state calls this first. */
  beginWrite(): void {
    this.#writes++
    if (this.#isWriting) return
    this.database.exec('BEGIN IMMEDIATE')
    this.#isWriting = true
  }

  /** Appends one entry to the log. @returns its index. */
  append(entry: LogEntry): number {
    this.beginWrite()
    return this.log.append([encodeEntry(entry)])
  }

  /**
   * Size of the log after the next `commit`, if nothing more is appended before it.
   */
  get nextSize(): number {
    return this.log.size + 1
  }

  /**
   * Makes everything since the last call durable: rows, state and log in one SQL transaction, one fsync. Nothing while it
   * is not decided whether the tables keep their new format.
   * @throws any error: the store cannot be relied on from then on, the trusted application stops.
   */
  commit(note: CommitNote): void {
    if (!this.#isWriting || this.#isUndecided) return
    const root = this.state.flush()
    if (this.log.size > this.log.committedSize || !equalBytes(root, this.#root)) {
      this.log.append([encodeEntry({ t: 'commit', timeMs: note.timeMs, actor: note.actor, digest: root })])
    }
    this.log.flush()
    const position = this.#follower === undefined ? this.#position : this.#position + 1
    if (this.#follower !== undefined) this.setMeta(POSITION, encodePosition(position))
    this.database.exec('COMMIT')
    this.state.commit()
    this.log.commit()
    this.#root = root
    this.#isWriting = false
    this.#position = position
    this.#tell()
  }

  #tell(): void {
    const runs = this.#recorder.take()
    this.#recorder.record(this.#follower !== undefined)
    if (this.#follower === undefined) return
    const reached = { position: this.#position, size: this.log.committedSize, root: this.log.committedRoot() }
    this.#follower(runs === undefined ? reached : { ...reached, runs })
  }

  /** A single value that is not a row of a table. */
  findMeta(name: string): Uint8Array | undefined {
    const value = this.#selectMeta.get(name)?.['value']
    return value instanceof Uint8Array ? value : undefined
  }

  setMeta(name: string, value: Uint8Array): void {
    this.beginWrite()
    this.#upsertMeta.run(name, value)
  }

  removeMeta(name: string): void {
    this.beginWrite()
    this.#deleteMeta.run(name)
  }
}

/** The state root of the newest entry, which is a `commit` (§6.9). */
function newestRoot(log: Log): Uint8Array {
  const newest = log.size === 0 ? undefined : decodeEntry(log.entryVerified(log.size - 1))
  if (newest?.t !== 'commit' || newest.digest === undefined) {
    throw new StorageError('STATE_ROLLED_BACK', 'the log does not end with a commit entry')
  }
  return newest.digest
}
