/**
 * The digests of all buckets as rows of `state_digest`, so that a start needs no bucket: what these rows say is worth
 * nothing until the root over them is the one of the log. Spec: docs/protocol/06-log-and-checkpoints.md §6.7, §6.9.
 *
 * Each row holds bucket(4, big-endian) ‖ digest(32), repeated; of a bucket that is there twice the newest row counts.
 * `append` and `rewrite` go into the caller's SQL transaction, `commit` and `discard` follow it.
 *
 * @module
 */
import { equalBytes, SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import type { DigestTree } from './digest-tree.ts'

/** Also a migration of the tables (schema.ts), of stores from before it: never edited. */
export const DIGEST_TABLE =
  'CREATE TABLE IF NOT EXISTS state_digest (id INTEGER PRIMARY KEY, digests BLOB NOT NULL) STRICT;'

const ENTRY_BYTES = 4 + SHA256_BYTES
/** Of one row when all are written: 36 KiB. */
const ENTRIES_PER_ROW = 1_024

export class StoredDigests {
  readonly #tree: DigestTree
  readonly #empty: Uint8Array
  readonly #insert: SqlStatement
  readonly #select: SqlStatement
  readonly #delete: SqlStatement
  /** Every bucket that is not empty has its digest here: as of the last commit, and now. */
  #wasComplete = false
  #isComplete = false

  /** @param empty 32 bytes, the digest of an empty bucket, which need not be stored. */
  constructor(database: SqlDatabase, tree: DigestTree, empty: Uint8Array) {
    this.#tree = tree
    this.#empty = empty
    this.#insert = database.prepare('INSERT INTO state_digest (digests) VALUES (?)')
    this.#select = database.prepare('SELECT digests FROM state_digest ORDER BY id')
    this.#delete = database.prepare('DELETE FROM state_digest')
  }

  /** Puts what is stored into the tree. @returns false if there is none. @throws {StorageError} `STORE_DAMAGED` */
  load(): boolean {
    for (const { digests } of this.#select.iterate()) {
      if (!(digests instanceof Uint8Array) || digests.length % ENTRY_BYTES !== 0) throw damaged()
      const view = new DataView(digests.buffer, digests.byteOffset, digests.length)
      for (let at = 0; at < digests.length; at += ENTRY_BYTES) {
        const bucket = view.getUint32(at)
        if (bucket >= this.#tree.width) throw damaged()
        this.#tree.set(bucket, digests.subarray(at + 4, at + ENTRY_BYTES))
      }
      this.#isComplete = true
    }
    this.commit()
    return this.#isComplete
  }

  /** The digests of these buckets are others now. */
  append(buckets: Iterable<number>): void {
    if (this.#isComplete) this.#write([...buckets])
    else this.rewrite()
  }

  /** All anew, each once. */
  rewrite(): void {
    this.#delete.run()
    const buckets = Array.from({ length: this.#tree.width }, (_, bucket) => bucket)
    const filled = buckets.filter((bucket) => !equalBytes(this.#tree.digest(bucket), this.#empty))
    for (let at = 0; at < filled.length; at += ENTRIES_PER_ROW) this.#write(filled.slice(at, at + ENTRIES_PER_ROW))
    this.#isComplete = true
  }

  commit(): void {
    this.#wasComplete = this.#isComplete
  }

  discard(): void {
    this.#isComplete = this.#wasComplete
  }

  #write(buckets: readonly number[]): void {
    const digests = new Uint8Array(buckets.length * ENTRY_BYTES)
    const view = new DataView(digests.buffer)
    for (const [i, bucket] of buckets.entries()) {
      view.setUint32(i * ENTRY_BYTES, bucket)
      digests.set(this.#tree.digest(bucket), i * ENTRY_BYTES + 4)
    }
    this.#insert.run(digests)
  }
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'the stored digests of the state are malformed')
}
