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
import { Journal } from './journal.ts'
import { DIGEST_TABLE, StoredDigests } from './stored-digests.ts'

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
  ${DIGEST_TABLE}
`

/** Changes that wait in `state_change`: 8 to 16 MiB of it, and as much memory. */
const DEFAULT_FOLD_AFTER = 131_072

export interface StateOptions {
  /** Contents of buckets that were checked once and are kept; memory decides about them from then on. Default 0. */
  readonly cacheBytes?: number
  /** Changes that wait in `state_change` before they are folded into their buckets; at most twice as many wait. Default 131,072. */
  readonly foldAfter?: number
}

/** Buckets that are being written. */
interface Folding {
  /** The newest row of the journal when it began. */
  readonly last: number
  readonly buckets: readonly number[]
  /** How many of them were written. */
  readonly written: number
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
  return new State(database, crypto, bucketBits, options)
}

/**
 * Opens the stored state: reads the digests and computes the root. A bucket is read, and compared with its digest, when
 * it is needed.
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
  const state = new State(database, crypto, bucketBits, options)
  state.load()
  if (!equalBytes(state.root(), expectedRoot)) {
    throw new StorageError('STATE_ROLLED_BACK', 'the stored state is not the one of the newest commit')
  }
  return state
}

export class State {
  readonly #crypto: Crypto
  readonly #bits: number
  readonly #empty: Uint8Array
  readonly #tree: DigestTree
  readonly #digests: StoredDigests
  readonly #journal: Journal
  readonly #cache: BucketCache
  readonly #select: SqlStatement
  readonly #selectNumbers: SqlStatement
  readonly #upsert: SqlStatement
  readonly #remove: SqlStatement
  readonly #foldAfter: number
  /** As of now, and as of the last commit. */
  #folding: Folding | undefined
  #committedFolding: Folding | undefined
  /** Contents that were flushed since the last commit. */
  readonly #recent = new Map<number, Uint8Array>()
  readonly #pending = new Map<string, Change>()
  readonly #undo: { readonly name: string; readonly before: Change | undefined }[] = []

  /** Not for callers: `createState` and `openState` make one. */
  constructor(database: SqlDatabase, crypto: Crypto, bits: number, options: StateOptions) {
    this.#crypto = crypto
    this.#bits = bits
    this.#empty = emptyDigest(crypto)
    this.#tree = new DigestTree(crypto, bits, this.#empty)
    this.#digests = new StoredDigests(database, this.#tree, this.#empty)
    this.#journal = new Journal(database, bits)
    this.#cache = new BucketCache(options.cacheBytes ?? 0)
    this.#select = database.prepare('SELECT content FROM state_bucket WHERE bucket = ?')
    this.#selectNumbers = database.prepare('SELECT bucket FROM state_bucket')
    this.#upsert = database.prepare(
      'INSERT INTO state_bucket (bucket, content) VALUES (?, ?) ON CONFLICT (bucket) DO UPDATE SET content = excluded.content',
    )
    this.#remove = database.prepare('DELETE FROM state_bucket WHERE bucket = ?')
    this.#foldAfter = options.foldAfter ?? DEFAULT_FOLD_AFTER
  }

  /** For `openState`: what is stored, of which only `root` tells whether it is to be believed. */
  load(): void {
    this.#journal.load()
    if (!this.#digests.load()) this.#loadBuckets()
    this.#tree.commit()
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
    return { changes: this.#undo.length }
  }

  /** Drops the changes since `savepoint`. @throws {RangeError} if they were flushed or dropped before. */
  rollbackTo(savepoint: StateSavepoint): void {
    if (savepoint.changes > this.#undo.length) throw new RangeError('savepoint of another transaction')
    for (const { name, before } of this.#undo.splice(savepoint.changes).toReversed()) {
      if (before === undefined) this.#pending.delete(name)
      else this.#pending.set(name, before)
    }
  }

  /**
   * Writes the changes through the open SQL transaction: side by side into `state_change`, and from there, when many
   * wait, some buckets with each flush. Keys are spread evenly, so writing the bucket of every change at once would write
   * a page for each.
   *
   * @returns 32 bytes, the state root that the `commit` entry of the log records.
   * @throws {StorageError} `STATE_ROLLED_BACK` if a bucket to change is not the one last written. Then, and on any
   * other exception, the caller rolls the transaction back and calls `discard`.
   */
  flush(): Uint8Array {
    const changes = [...this.#pending.values()]
    if (changes.length > 0) {
      const contents = this.#apply(changes)
      this.#journal.append(changes)
      this.#digests.append(contents.keys())
      this.#fold(changes.length)
    }
    this.#forgetPending()
    return this.root()
  }

  /** The SQL transaction with everything flushed is durable. @throws {Error} if there are changes not flushed. */
  commit(): void {
    if (this.#pending.size > 0) throw new Error('flush before commit')
    for (const [bucket, content] of this.#recent) this.#cache.set(bucket, content)
    this.#recent.clear()
    this.#committedFolding = this.#folding
    this.#journal.commit()
    this.#digests.commit()
    this.#tree.commit()
  }

  /** The SQL transaction was rolled back (or never begun): back to the last `commit`. */
  discard(): void {
    this.#forgetPending()
    this.#recent.clear()
    this.#folding = this.#committedFolding
    this.#journal.discard()
    this.#digests.discard()
    this.#tree.discard()
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
      this.#tree.set(bucket, this.#digestOf(bucket, content))
    }
    return contents
  }

  /**
   * Writes some buckets as they are now, of those for which changes wait, when many wait: so many with each change that
   * all are written before twice as many wait. Then the rows from before the first of them are forgotten. In between a
   * bucket may have what waits for it already: to set a key or to take it out again changes nothing.
   */
  #fold(changes: number): void {
    if (this.#folding === undefined) {
      if (this.#journal.count <= this.#foldAfter) return
      const buckets = new Set([...this.#journal.buckets, ...this.#recent.keys()])
      // In the order of the table, so that a page is met once.
      this.#folding = { last: this.#journal.last, buckets: [...buckets].toSorted((a, b) => a - b), written: 0 }
    }
    const { last, buckets, written } = this.#folding
    const until = written + Math.ceil((2 * changes * this.#tree.width) / Math.max(1, this.#foldAfter))
    for (const bucket of buckets.slice(written, until)) {
      const content = this.#read(bucket)
      if (content.length === 0) this.#remove.run(bucket)
      else this.#upsert.run(bucket, content)
    }
    this.#folding = until < buckets.length ? { last, buckets, written: until } : undefined
    if (this.#folding !== undefined) return
    this.#journal.forget(last)
    this.#digests.rewrite()
  }

  #forgetPending(): void {
    this.#pending.clear()
    this.#undo.length = 0
  }

  #change(kind: string, id: string, value: Uint8Array | undefined): void {
    const name = nameOf(kind, id)
    const before = this.#pending.get(name)
    this.#undo.push({ name, before })
    this.#pending.set(name, { key: before?.key ?? this.#key(kind, id), value })
  }

  /** SHA-256(L(state-key) ‖ kind ‖ 0x00 ‖ id): a kind has no zero byte, so no two pairs meet. */
  #key(kind: string, id: string): Uint8Array {
    return this.#crypto.sha256(concat(KEY_LABEL, encodeUtf8(nameOf(kind, id))))
  }

  #read(bucket: number): Uint8Array {
    const known = this.#recent.get(bucket) ?? this.#cache.get(bucket)
    if (known !== undefined) return known
    const content = this.#stored(bucket)
    if (!equalBytes(this.#digestOf(bucket, content), this.#tree.digest(bucket))) throw bucketRolledBack(bucket)
    this.#cache.set(bucket, content)
    return content
  }

  /** The content of a bucket as it is on disk, with what waits. */
  #stored(bucket: number): Uint8Array {
    const row = this.#select.get(bucket)
    const content = row === undefined ? EMPTY_CONTENT : contentOf(row)
    // An empty row is never stored.
    if (row !== undefined && content.length === 0) throw bucketRolledBack(bucket)
    const waiting = this.#journal.of(bucket)
    return waiting.length === 0 ? content : applyChanges(content, waiting)
  }

  /** Of a store from before the digests were stored: they are computed from the buckets. */
  #loadBuckets(): void {
    const stored = this.#selectNumbers.all().map((row) => row['bucket'])
    for (const bucket of new Set([...stored, ...this.#journal.buckets])) {
      if (typeof bucket !== 'number' || bucket < 0 || bucket >= this.#tree.width) throw damaged()
      this.#tree.set(bucket, this.#digestOf(bucket, this.#stored(bucket)))
    }
  }

  /**
   * SHA-256(L(state-bucket) ‖ bucket(4, big-endian) ‖ content); without entries, where nothing was ever written or
   * everything was deleted, SHA-256(L(state-bucket)).
   */
  #digestOf(bucket: number, content: Uint8Array): Uint8Array {
    if (content.length === 0) return this.#empty
    const number = Uint8Array.of(bucket >>> 24, bucket >>> 16, bucket >>> 8, bucket)
    return this.#crypto.sha256(concat(BUCKET_LABEL, number, content))
  }
}

function nameOf(kind: string, id: string): string {
  if (!KIND.test(kind)) throw new RangeError('kind must be lower-case letters, digits and hyphens')
  return `${kind}\0${id}`
}

function emptyDigest(crypto: Crypto): Uint8Array {
  return crypto.sha256(BUCKET_LABEL)
}

function contentOf(row: SqlRow): Uint8Array {
  const content = row['content']
  if (!(content instanceof Uint8Array) || content.length % (2 * SHA256_BYTES) !== 0) throw damaged()
  return content
}

function isBucketBits(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_BUCKET_BITS
}

function bucketRolledBack(bucket: number): StorageError {
  return rolledBack(`state bucket ${bucket}`)
}

function rolledBack(what: string): StorageError {
  return new StorageError('STATE_ROLLED_BACK', `${what} is not what was last written`)
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'the stored state is malformed')
}
