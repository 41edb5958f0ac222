/**
 * Changes of the authenticated state that wait to be written into their buckets: as rows of `state_change`, and in memory
 * as the same bytes, found by bucket. Spec: docs/protocol/06-log-and-checkpoints.md §6.7.
 *
 * `append` and `clear` go into the caller's SQL transaction; `commit` once it is durable, `discard` once it is rolled back.
 *
 * @module
 */
import { encodeHex, SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import { bucketOf, type Change } from './bucket.ts'

/** Each change: key(32) ‖ 1 ‖ value(32), or key(32) ‖ 0 ‖ zeros(32) for a key that is taken out. */
const CHANGE_BYTES = 2 * SHA256_BYTES + 1

/** The change that begins at byte `at` of `row`. */
interface Place {
  readonly row: Uint8Array
  readonly at: number
}

export class Journal {
  readonly #bits: number
  readonly #insert: SqlStatement
  readonly #select: SqlStatement
  readonly #delete: SqlStatement
  /** As of the last commit, oldest first. */
  readonly #waiting = new Map<number, Place[]>()
  #count = 0
  /** Since then. */
  #appended: Uint8Array[] = []
  #isCleared = false

  constructor(database: SqlDatabase, bits: number) {
    this.#bits = bits
    this.#insert = database.prepare('INSERT INTO state_change (changes) VALUES (?)')
    this.#select = database.prepare('SELECT changes FROM state_change ORDER BY id')
    this.#delete = database.prepare('DELETE FROM state_change')
  }

  /** How many changes wait, those since the last commit among them. */
  get count(): number {
    const appended = this.#appended.reduce((sum, row) => sum + row.length / CHANGE_BYTES, 0)
    return appended + (this.#isCleared ? 0 : this.#count)
  }

  /** Whether nothing waits since the last commit, and nothing is to wait before the next. */
  get isCleared(): boolean {
    return this.#isCleared
  }

  /** Numbers of the buckets for which changes wait, as of the last commit. */
  get buckets(): readonly number[] {
    return [...this.#waiting.keys()]
  }

  /** Reads what is stored. @throws {StorageError} `STORE_DAMAGED` */
  load(): void {
    for (const { changes } of this.#select.iterate()) {
      if (!(changes instanceof Uint8Array) || changes.length % CHANGE_BYTES !== 0) throw damaged()
      this.#appended.push(changes)
    }
    this.commit()
  }

  append(changes: readonly Change[]): void {
    const row = encodeChanges(changes)
    this.#insert.run(row)
    this.#appended.push(row)
  }

  /** The changes for one bucket as of the last commit, of each key the newest. @throws {StorageError} `STORE_DAMAGED` */
  of(bucket: number): readonly Change[] {
    const newest = new Map<string, Change>()
    for (const place of this.#waiting.get(bucket) ?? []) {
      const change = decodeChange(place)
      newest.set(encodeHex(change.key), change)
    }
    return [...newest.values()]
  }

  /** Everything stands in its bucket. */
  clear(): void {
    this.#delete.run()
    this.#appended = []
    this.#isCleared = true
  }

  commit(): void {
    if (this.#isCleared) {
      this.#waiting.clear()
      this.#count = 0
    }
    for (const row of this.#appended) {
      for (let at = 0; at < row.length; at += CHANGE_BYTES) this.#add({ row, at })
    }
    this.discard()
  }

  discard(): void {
    this.#appended = []
    this.#isCleared = false
  }

  #add(place: Place): void {
    const bucket = bucketOf(place.row.subarray(place.at, place.at + 4), this.#bits)
    const others = this.#waiting.get(bucket)
    if (others === undefined) this.#waiting.set(bucket, [place])
    else others.push(place)
    this.#count++
  }
}

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

function decodeChange({ row, at }: Place): Change {
  const middle = at + SHA256_BYTES
  const value = row.slice(middle + 1, at + CHANGE_BYTES)
  const isSet = row[middle] === 1
  if (!isSet && (row[middle] !== 0 || value.some((byte) => byte !== 0))) throw damaged()
  return { key: row.slice(at, middle), value: isSet ? value : undefined }
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'the waiting changes of the state are malformed')
}
