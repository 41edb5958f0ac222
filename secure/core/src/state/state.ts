/**
 * The authenticated state: for every security-relevant row of the database, the digest the row must have now.
 *
 * The store's page MACs accept an old page put back. So the trusted application holds the digest of every bucket of
 * this map in memory, checks what it reads against it, and lets the log (and so the ledger) remember the root.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.7 to §6.9.
 *
 * The life of a change: `set` or `delete` (in memory) → `flush` (into the caller's SQL transaction) → `commit` once that
 * transaction is durable, or `discard` once it is rolled back. Any exception from here but a caller's bug means
 * that the store cannot be relied on: the trusted application stops.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  encodeUtf8,
  equalBytes,
  label,
  SHA256_BYTES,
} from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlDatabase, SqlRow, SqlStatement } from '../ports.ts'
import { BucketCache } from './bucket-cache.ts'
import { applyChanges, bucketOf, type Change, EMPTY_CONTENT, findValue } from './bucket.ts'
import { DigestTree } from './digest-tree.ts'

const KEY_LABEL = label('state-key')
const BUCKET_LABEL = label('state-bucket')
const ROOT_LABEL = label('state-root')
const KIND = /^[a-z][a-z0-9-]{0,31}$/

export const DEFAULT_BUCKET_BITS = 14
const MAX_BUCKET_BITS = 20

const TABLES = `
  CREATE TABLE state_shape (bucket_bits INTEGER NOT NULL) STRICT;
  CREATE TABLE state_bucket (bucket INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
  CREATE TABLE state_change (id INTEGER PRIMARY KEY, changes BLOB NOT NULL) STRICT;
`

/** Changes that wait in `state_change`: 2 MiB of it, and a fraction of a second when it is opened. */
const DEFAULT_FOLD_AFTER = 32_768

export interface StateOptions {
  /** Contents of buckets that were checked once and are kept; memory decides about them from then on. Default 0. */
  readonly cacheBytes?: number
  /** Changes that wait in `state_change` until they are folded into their buckets. Default 32,768. */
  readonly foldAfter?: number
}

/** A moment to return to, of one `State` between two flushes. */
export interface StateSavepoint {
  readonly changes: number
}

/**
 * Makes the tables and an empty state. The caller has begun a transaction, or does not mind one each.
 *
 * @param bucketBits 1 to 20; 2^bits buckets, fixed for the life of the database. 14 suits 10^5 to 10^7 rows.
 */
export function createState(
  database: SqlDatabase,
  crypto: Crypto,
  bucketBits = DEFAULT_BUCKET_BITS,
  options: StateOptions = {},
): State {
  if (!isBucketBits(bucketBits)) throw new RangeError(`bucketBits must be an integer from 1 to ${MAX_BUCKET_BITS}`)
  database.exec(TABLES)
  database.prepare('INSERT INTO state_shape (bucket_bits) VALUES (?)').run(bucketBits)
  return new State(database, crypto, bucketBits, new DigestTree(crypto, bucketBits, emptyDigest(crypto)), options)
}

/**
 * Opens the stored state: reads every bucket once and computes the root.
 *
 * @param expectedRoot 32 bytes, from the newest `commit` entry of the log (§6.9). Without it nothing read here
 * would be worth more than the disk it comes from.
 * @throws {StorageError} `STATE_ROLLED_BACK` if the stored state has another root; `STORE_DAMAGED` if it is not one.
 */
export function openState(
  database: SqlDatabase,
  crypto: Crypto,
  expectedRoot: Uint8Array,
  options: StateOptions = {},
): State {
  const bucketBits = database.prepare('SELECT bucket_bits FROM state_shape').get()?.['bucket_bits']
  if (!isBucketBits(bucketBits)) throw damaged()
  const tree = new DigestTree(crypto, bucketBits, emptyDigest(crypto))
  for (const row of database.prepare('SELECT bucket, content FROM state_bucket ORDER BY bucket').iterate()) {
    const bucket = row['bucket']
    if (typeof bucket !== 'number' || bucket < 0 || bucket >= 2 ** bucketBits) throw damaged()
    tree.set(bucket, rowDigest(crypto, bucket, contentOf(row)))
  }
  const state = new State(database, crypto, bucketBits, tree, options)
  state.replay()
  state.commit()
  if (!equalBytes(state.root(), expectedRoot)) {
    throw new StorageError('STATE_ROLLED_BACK', 'the stored state is not the one of the newest commit')
  }
  return state
}

export class State {
  readonly #crypto: Crypto
  readonly #bits: number
  readonly #tree: DigestTree
  readonly #cache: BucketCache
  readonly #empty: Uint8Array
  readonly #select: SqlStatement
  readonly #upsert: SqlStatement
  readonly #remove: SqlStatement
  readonly #journalize: SqlStatement
  readonly #selectJournal: SqlStatement
  readonly #clearJournal: SqlStatement
  readonly #foldAfter: number
  /** Contents of buckets whose newest changes wait in `state_change`, as of the last commit. */
  #waiting = new Map<number, Uint8Array>()
  /** Contents that were flushed since the last commit. */
  #recent = new Map<number, Uint8Array>()
  /** Changes in `state_change`. */
  #waitingChanges = 0
  #recentChanges = 0
  /** Since the last commit everything was written into its buckets, and nothing waits. */
  #isFolded = false
  readonly #pending = new Map<string, Change>()
  readonly #journal: { readonly name: string; readonly before: Change | undefined }[] = []

  /** Not for callers: `createState` and `openState` make one. */
  constructor(database: SqlDatabase, crypto: Crypto, bits: number, tree: DigestTree, options: StateOptions) {
    this.#crypto = crypto
    this.#cache = new BucketCache(options.cacheBytes ?? 0)
    this.#bits = bits
    this.#tree = tree
    this.#empty = emptyDigest(crypto)
    this.#select = database.prepare('SELECT content FROM state_bucket WHERE bucket = ?')
    this.#upsert = database.prepare(
      'INSERT INTO state_bucket (bucket, content) VALUES (?, ?) ON CONFLICT (bucket) DO UPDATE SET content = excluded.content',
    )
    this.#remove = database.prepare('DELETE FROM state_bucket WHERE bucket = ?')
    this.#journalize = database.prepare('INSERT INTO state_change (changes) VALUES (?)')
    this.#selectJournal = database.prepare('SELECT changes FROM state_change ORDER BY id')
    this.#clearJournal = database.prepare('DELETE FROM state_change')
    this.#foldAfter = options.foldAfter ?? DEFAULT_FOLD_AFTER
  }

  /**
   * The digest that the row `id` of `kind` must have, or `undefined` if there must be no such row.
   *
   * @param kind a constant of lower-case letters, digits and hyphens. @param id any text, unique within its kind.
   * @returns 32 bytes, a copy. Changes not yet flushed are seen.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the stored bucket is not the one last written.
   */
  get(kind: string, id: string): Uint8Array | undefined {
    const pending = this.#pending.get(nameOf(kind, id))
    if (pending !== undefined) return pending.value?.slice()
    const key = this.#key(kind, id)
    return findValue(this.#read(bucketOf(key, this.#bits)), key)
  }

  /** @param value 32 bytes, the digest of the row's new content; copied. */
  set(kind: string, id: string, value: Uint8Array): void {
    if (value.length !== SHA256_BYTES) throw new RangeError(`value must have ${SHA256_BYTES} bytes`)
    this.#change(kind, id, value.slice())
  }

  /** There must be no such row from now on; it does not matter whether there was one. */
  delete(kind: string, id: string): void {
    this.#change(kind, id, undefined)
  }

  /**
   * Checks a row that was read from the database.
   *
   * @param digest 32 bytes, computed from what was read.
   * @throws {StorageError} `STATE_ROLLED_BACK` if this is not the row's current content, or the row must not exist.
   */
  checkRow(kind: string, id: string, digest: Uint8Array): void {
    const value = this.get(kind, id)
    if (value === undefined || !equalBytes(value, digest)) throw rolledBack(`a row of kind ${kind}`)
  }

  /**
   * Checks that a row which was not found in the database does not exist: a deleted row is an attack too.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the row must exist.
   */
  checkAbsent(kind: string, id: string): void {
    if (this.get(kind, id) !== undefined) throw rolledBack(`a row of kind ${kind}`)
  }

  /**
   * 32 bytes, the state root of what has been flushed.
   * @throws {Error} if there are changes not flushed: a root without them would be taken for one with them.
   */
  root(): Uint8Array {
    if (this.#pending.size > 0) throw new Error('flush before root')
    return this.#crypto.sha256(concat(ROOT_LABEL, Uint8Array.of(this.#bits), this.#tree.root()))
  }

  /** Remembers the changes up to here, so that one request of a group can be undone without the others. */
  savepoint(): StateSavepoint {
    return { changes: this.#journal.length }
  }

  /** Drops the changes since `savepoint`. @throws {RangeError} if they were flushed or dropped before. */
  rollbackTo(savepoint: StateSavepoint): void {
    if (savepoint.changes > this.#journal.length) throw new RangeError('savepoint of another transaction')
    for (const { name, before } of this.#journal.splice(savepoint.changes).toReversed()) {
      if (before === undefined) this.#pending.delete(name)
      else this.#pending.set(name, before)
    }
  }

  /**
   * Writes the changes through the open SQL transaction: side by side into `state_change`, and from there, when many
   * wait, each bucket once. Keys are spread evenly, so writing every bucket at once would write a page for each change.
   *
   * @returns 32 bytes, the state root that the `commit` entry of the log records.
   * @throws {StorageError} `STATE_ROLLED_BACK` if a bucket to change is not the one last written. Then, and on any
   * other exception, the caller rolls the transaction back and calls `discard`.
   */
  flush(): Uint8Array {
    const changes = [...this.#pending.values()]
    if (changes.length > 0) {
      const contents = this.#apply(changes)
      if (this.#isFolded) this.#write(contents)
      else if (this.#waitingChanges + this.#recentChanges > this.#foldAfter) this.#fold()
      else this.#journalize.run(encodeChanges(changes))
    }
    this.#forgetPending()
    return this.root()
  }

  /** The SQL transaction with everything flushed is durable. @throws {Error} if there are changes not flushed. */
  commit(): void {
    if (this.#pending.size > 0) throw new Error('flush before commit')
    if (this.#isFolded) {
      for (const contents of [this.#waiting, this.#recent]) {
        for (const [bucket, content] of contents) this.#cache.set(bucket, content)
      }
      this.#waiting.clear()
      this.#waitingChanges = 0
    } else {
      for (const [bucket, content] of this.#recent) this.#waiting.set(bucket, content)
      this.#waitingChanges += this.#recentChanges
    }
    this.#recent.clear()
    this.#recentChanges = 0
    this.#isFolded = false
    this.#tree.commit()
  }

  /** The SQL transaction was rolled back (or never begun): back to the last `commit`. */
  discard(): void {
    this.#forgetPending()
    this.#recent.clear()
    this.#recentChanges = 0
    this.#isFolded = false
    this.#tree.discard()
  }

  /** For `openState`: the changes that wait in `state_change`, in their order. `commit` makes them the state. */
  replay(): void {
    for (const row of this.#selectJournal.iterate()) this.#apply(decodeChanges(row))
  }

  #apply(changes: readonly Change[]): ReadonlyMap<number, Uint8Array> {
    const byBucket = new Map<number, Change[]>()
    for (const change of changes) {
      const bucket = bucketOf(change.key, this.#bits)
      const others = byBucket.get(bucket)
      if (others === undefined) byBucket.set(bucket, [change])
      else others.push(change)
    }
    const contents = new Map<number, Uint8Array>()
    for (const [bucket, some] of byBucket) contents.set(bucket, applyChanges(this.#read(bucket), some))
    for (const [bucket, content] of contents) {
      this.#recent.set(bucket, content)
      this.#tree.set(bucket, content.length === 0 ? this.#empty : rowDigest(this.#crypto, bucket, content))
    }
    this.#recentChanges += changes.length
    return contents
  }

  /** Writes what waits into its buckets; `state_change` begins anew. */
  #fold(): void {
    this.#write(new Map([...this.#waiting, ...this.#recent]))
    this.#clearJournal.run()
    this.#isFolded = true
  }

  /** In the order of the table, so that a page is met once. */
  #write(contents: ReadonlyMap<number, Uint8Array>): void {
    for (const [bucket, content] of [...contents].toSorted(([a], [b]) => a - b)) {
      if (content.length === 0) this.#remove.run(bucket)
      else this.#upsert.run(bucket, content)
    }
  }

  #forgetPending(): void {
    this.#pending.clear()
    this.#journal.length = 0
  }

  #change(kind: string, id: string, value: Uint8Array | undefined): void {
    const name = nameOf(kind, id)
    const before = this.#pending.get(name)
    this.#journal.push({ name, before })
    this.#pending.set(name, { key: before?.key ?? this.#key(kind, id), value })
  }

  /** SHA-256(L(state-key) ‖ kind ‖ 0x00 ‖ id): a kind has no zero byte, so no two pairs meet. */
  #key(kind: string, id: string): Uint8Array {
    return this.#crypto.sha256(concat(KEY_LABEL, encodeUtf8(nameOf(kind, id))))
  }

  #read(bucket: number): Uint8Array {
    const known = this.#recent.get(bucket) ?? this.#waiting.get(bucket) ?? this.#cache.get(bucket)
    if (known !== undefined) return known
    const row = this.#select.get(bucket)
    const content = row === undefined ? EMPTY_CONTENT : contentOf(row)
    const digest = row === undefined ? this.#empty : rowDigest(this.#crypto, bucket, content)
    if (!equalBytes(digest, this.#tree.digest(bucket))) throw rolledBack(`state bucket ${bucket}`)
    this.#cache.set(bucket, content)
    return content
  }
}

function nameOf(kind: string, id: string): string {
  if (!KIND.test(kind)) throw new RangeError('kind must be lower-case letters, digits and hyphens')
  return `${kind}\0${id}`
}

/** SHA-256(L(state-bucket) ‖ bucket(4, big-endian) ‖ content), of a stored row; an empty row is never stored. */
function rowDigest(crypto: Crypto, bucket: number, content: Uint8Array): Uint8Array {
  const number = Uint8Array.of(bucket >>> 24, bucket >>> 16, bucket >>> 8, bucket)
  return crypto.sha256(concat(BUCKET_LABEL, number, content))
}

/** SHA-256(L(state-bucket)): where nothing was ever written, or everything was deleted. */
function emptyDigest(crypto: Crypto): Uint8Array {
  return crypto.sha256(BUCKET_LABEL)
}

/** Each change: key(32) ‖ 1 ‖ value(32), or key(32) ‖ 0 ‖ zeros(32) for a key that is taken out. */
const CHANGE_BYTES = 2 * SHA256_BYTES + 1

function encodeChanges(changes: readonly Change[]): Uint8Array {
  const out = new Uint8Array(changes.length * CHANGE_BYTES)
  for (const [i, { key, value }] of changes.entries()) {
    const at = i * CHANGE_BYTES
    out.set(key, at)
    if (value === undefined) continue
    out[at + SHA256_BYTES] = 1
    out.set(value, at + SHA256_BYTES + 1)
  }
  return out
}

function decodeChanges(row: SqlRow): Change[] {
  const bytes = row['changes']
  if (!(bytes instanceof Uint8Array) || bytes.length % CHANGE_BYTES !== 0) throw damaged()
  const changes: Change[] = []
  for (let at = 0; at < bytes.length; at += CHANGE_BYTES) {
    const middle = at + SHA256_BYTES
    const value = bytes.slice(middle + 1, at + CHANGE_BYTES)
    const isSet = bytes[middle] === 1
    if (!isSet && (bytes[middle] !== 0 || value.some((byte) => byte !== 0))) throw damaged()
    changes.push({ key: bytes.slice(at, middle), value: isSet ? value : undefined })
  }
  return changes
}

function contentOf(row: SqlRow): Uint8Array {
  const content = row['content']
  if (!(content instanceof Uint8Array) || content.length % (2 * SHA256_BYTES) !== 0) throw damaged()
  return content
}

function isBucketBits(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_BUCKET_BITS
}

function rolledBack(what: string): StorageError {
  return new StorageError('STATE_ROLLED_BACK', `${what} is not what was last written`)
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'the stored state is malformed')
}
