/**
 * The trusted application's append-only log over SQL: entries, the complete subtrees over them, and in memory the
 * frontier, which is what decides. Spec: docs/protocol/06-log-and-checkpoints.md §6.6 and §6.9.
 *
 * The life of an entry: `append` (in memory; has its index and is in `root()` at once) → `flush` (into the caller's SQL
 * transaction) → `commit` once that is durable, or `discard` once it is rolled back. Nothing that rests on an entry
 * leaves the trusted application before `commit`: neither an answer nor a checkpoint.
 *
 * @module
 */
import { type Crypto, SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'
import {
  consistencyProof,
  type EdgeHashes,
  Frontier,
  inclusionProof,
  leafHash,
  LogError,
  nodeCount,
  nodeId,
  type TreeNode,
  verifyConsistency,
  verifyInclusion,
} from '../../../../shared/tlog/src/index.ts'
import { StorageError, TrustedApplicationError } from '../errors.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import { NodeCache } from './node-cache.ts'

const TABLES = `
  CREATE TABLE log_entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
  CREATE TABLE log_node (id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
`

/** How many of the newest entries are checked against the tree at opening. */
const CHECKED_AT_OPENING = 64

export interface LogOptions {
  /** Bound of the node cache; default 65,536 (about 10 MB). */
  readonly cachedNodes?: number
}

/** A moment to return to, of one `Log` between two flushes. */
export interface LogSavepoint {
  readonly size: number
}

/** Makes the tables and an empty log. */
export function createLog(database: SqlDatabase, crypto: Crypto, options: LogOptions = {}): Log {
  database.exec(TABLES)
  return new Log(database, crypto, Frontier.empty(crypto), options)
}

/**
 * Opens the stored log: loads the frontier from one node for each 1 bit of the size, and checks that the newest
 * entries belong under it. Whether it is the newest log is not known before `checkExtends` with the ledger's checkpoint.
 *
 * @throws {StorageError} `STATE_ROLLED_BACK` if entries and nodes are not of one moment.
 */
export function openLog(database: SqlDatabase, crypto: Crypto, options: LogOptions = {}): Log {
  const size = countFrom(database, 'SELECT max(position) AS last FROM log_entry')
  const nodes = countFrom(database, 'SELECT max(id) AS last FROM log_node')
  if (nodes !== nodeCount(size)) throw rolledBack('the number of log nodes')
  const select = database.prepare('SELECT hash FROM log_node WHERE id = ?')
  const frontier = Frontier.load(crypto, (level, index) => hashOf(select, nodeId(level, index)), size)
  const log = new Log(database, crypto, frontier, options)
  for (let index = Math.max(0, size - CHECKED_AT_OPENING); index < size; index++) log.entryVerified(index)
  return log
}

export class Log {
  readonly #crypto: Crypto
  readonly #cache: NodeCache
  readonly #selectEntry: SqlStatement
  readonly #selectNode: SqlStatement
  readonly #insertEntry: SqlStatement
  readonly #insertNode: SqlStatement
  #committed: Frontier
  #frontier: Frontier
  readonly #bodies: Uint8Array[] = [] // appended since the last commit
  readonly #nodes: TreeNode[] = [] // completed since the last commit, in the order of their ids
  #recent: readonly Uint8Array[] = [] // bodies of the last commit: their receipts are made right after it
  #recentFrom = 0
  #flushedSize: number
  /** What proofs at one size share. */
  #edges: { readonly size: number; readonly hashes: EdgeHashes } = { size: 0, hashes: new Map() }

  /** Not for callers: `createLog` and `openLog` make one. */
  constructor(database: SqlDatabase, crypto: Crypto, frontier: Frontier, options: LogOptions) {
    this.#crypto = crypto
    this.#cache = new NodeCache(options.cachedNodes ?? 65_536)
    this.#selectEntry = database.prepare('SELECT body FROM log_entry WHERE position = ?')
    this.#selectNode = database.prepare('SELECT hash FROM log_node WHERE id = ?')
    this.#insertEntry = database.prepare('INSERT INTO log_entry (position, body) VALUES (?, ?)')
    this.#insertNode = database.prepare('INSERT INTO log_node (id, hash) VALUES (?, ?)')
    this.#committed = frontier
    this.#frontier = frontier.clone()
    this.#flushedSize = frontier.size
  }

  /** Number of entries, those not yet flushed among them. */
  get size(): number {
    return this.#frontier.size
  }

  /** Number of entries that are durable: the largest size a checkpoint may be signed for. */
  get committedSize(): number {
    return this.#committed.size
  }

  /** 32 bytes, the RFC 6962 root at `size`. */
  root(): Uint8Array {
    return this.#frontier.root()
  }

  /** 32 bytes, the RFC 6962 root at `committedSize`. */
  committedRoot(): Uint8Array {
    return this.#committed.root()
  }

  /** Appends entries, each the bytes of one CBOR map (docs/protocol/08-access.md §8.3). @returns index of the first. */
  append(bodies: readonly Uint8Array[]): number {
    const first = this.#frontier.size
    for (const body of bodies) {
      this.#nodes.push(...this.#frontier.append(leafHash(this.#crypto, body)))
      this.#bodies.push(body.slice())
    }
    return first
  }

  /**
   * The stored body of one entry, as it is on disk: for lists whose proof travels with them, or is checked in other ways.
   *
   * @throws {LogError} `LOG_SIZE_INVALID` if there is no such index yet.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the row is gone.
   */
  entry(index: number): Uint8Array {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.size) {
      throw new LogError('LOG_SIZE_INVALID', 'no entry with that index')
    }
    const pending = this.#bodies[index - this.#committed.size]
    if (pending !== undefined) return pending.slice()
    const body = this.#selectEntry.get(index)?.['body']
    if (!(body instanceof Uint8Array)) throw rolledBack('a log entry')
    return body
  }

  /** The body of an entry of the last commit, from memory; undefined for every other index. */
  recentEntry(index: number): Uint8Array | undefined {
    return this.#recent[index - this.#recentFrom]?.slice()
  }

  /**
   * The body of one entry, proven against the root in memory: what was appended, or an exception.
   *
   * @throws {LogError} `LOG_SIZE_INVALID`. @throws {StorageError} `STATE_ROLLED_BACK`
   */
  entryVerified(index: number): Uint8Array {
    const body = this.entry(index)
    try {
      verifyInclusion(
        this.#crypto,
        leafHash(this.#crypto, body),
        index,
        this.size,
        this.inclusionProof(index),
        this.root(),
      )
    } catch (error) {
      throw error instanceof LogError ? rolledBack('a log entry') : error
    }
    return body
  }

  /**
   * Inclusion proof at `size`, default now. Made of stored nodes: whoever gets it verifies it against a checkpoint.
   *
   * @throws {LogError} `LOG_SIZE_INVALID`. @throws {StorageError} `STATE_ROLLED_BACK` if a node is gone.
   */
  inclusionProof(index: number, size = this.size): Uint8Array[] {
    this.#checkSize(size)
    // Entries that are appended and dropped again may share a size with others: only what is durable is kept.
    if (size > this.committedSize) return inclusionProof(this.#crypto, this.#readNode, index, size)
    if (this.#edges.size !== size) this.#edges = { size, hashes: new Map() }
    return inclusionProof(this.#crypto, this.#readNode, index, size, this.#edges.hashes)
  }

  /** Consistency proof between two sizes, 0 < from ≤ to; as `inclusionProof`. */
  consistencyProof(from: number, to = this.size): Uint8Array[] {
    this.#checkSize(to)
    return consistencyProof(this.#crypto, this.#readNode, from, to)
  }

  /**
   * Checks that this log goes on from one that is known from elsewhere: the newest checkpoint on the ledger.
   *
   * @throws {StorageError} `STATE_ROLLED_BACK` if this log is shorter.
   * @throws {TrustedApplicationError} `CHECKPOINT_FORKED` if it tells another history.
   */
  checkExtends(known: { readonly size: number; readonly root: Uint8Array }): void {
    if (known.size > this.size) throw rolledBack('the log')
    if (known.size === 0) return
    const proof = this.consistencyProof(known.size)
    try {
      verifyConsistency(this.#crypto, known.size, this.size, known.root, this.root(), proof)
    } catch (error) {
      throw error instanceof LogError ? new TrustedApplicationError('CHECKPOINT_FORKED', { cause: error }) : error
    }
  }

  /** Remembers the entries up to here, so that one request of a group can be undone without the others. */
  savepoint(): LogSavepoint {
    return { size: this.size }
  }

  /** Drops the entries since `savepoint`. @throws {RangeError} if they were flushed or dropped before. */
  rollbackTo({ size }: LogSavepoint): void {
    if (size < this.#flushedSize || size > this.size) throw new RangeError('savepoint of another transaction')
    this.#bodies.length = size - this.#committed.size
    this.#nodes.length = nodeCount(size) - nodeCount(this.#committed.size)
    // A frontier does not shrink: append again what stays.
    this.#frontier = this.#committed.clone()
    for (const { level, hash } of this.#nodes) if (level === 0) this.#frontier.append(hash)
  }

  /** Writes the new entries and nodes through the open SQL transaction. */
  flush(): void {
    const base = this.#committed.size
    for (let position = this.#flushedSize; position < this.size; position++) {
      this.#insertEntry.run(position, this.#bodies[position - base]!)
    }
    const baseId = nodeCount(base)
    for (let id = nodeCount(this.#flushedSize); id < baseId + this.#nodes.length; id++) {
      this.#insertNode.run(id, this.#nodes[id - baseId]!.hash)
    }
    this.#flushedSize = this.size
  }

  /** The SQL transaction with everything flushed is durable. @throws {Error} if there are entries not flushed. */
  commit(): void {
    if (this.#flushedSize !== this.size) throw new Error('flush before commit')
    let id = nodeCount(this.#committed.size)
    for (const { level, hash } of this.#nodes) this.#cache.set(level, id++, hash)
    this.#recentFrom = this.#committed.size
    this.#recent = [...this.#bodies]
    this.#committed = this.#frontier.clone()
    this.#forgetPending()
  }

  /** The SQL transaction was rolled back (or never begun): back to the last `commit`. */
  discard(): void {
    this.#frontier = this.#committed.clone()
    this.#flushedSize = this.#committed.size
    this.#forgetPending()
  }

  #forgetPending(): void {
    this.#bodies.length = 0
    this.#nodes.length = 0
  }

  #checkSize(size: number): void {
    if (size > this.size) throw new LogError('LOG_SIZE_INVALID', 'the log is not that large yet')
  }

  readonly #readNode = (level: number, index: number): Uint8Array => {
    const id = nodeId(level, index)
    const pending = this.#nodes[id - nodeCount(this.#committed.size)]
    if (pending !== undefined) return pending.hash
    const cached = this.#cache.get(level, id)
    if (cached !== undefined) return cached
    const hash = hashOf(this.#selectNode, id)
    this.#cache.set(level, id, hash)
    return hash
  }
}

function hashOf(select: SqlStatement, id: number): Uint8Array {
  const hash = select.get(id)?.['hash']
  if (!(hash instanceof Uint8Array) || hash.length !== SHA256_BYTES) throw rolledBack('a log node')
  return hash
}

/** One more than the largest number of an append-only table; 0 if it is empty. */
function countFrom(database: SqlDatabase, query: string): number {
  const last = database.prepare(query).get()?.['last']
  return typeof last === 'number' ? last + 1 : 0
}

function rolledBack(what: string): StorageError {
  return new StorageError('STATE_ROLLED_BACK', `${what} is not what was last written`)
}
