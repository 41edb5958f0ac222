/**
 * Changes of the authenticated state that wait to be written into their buckets: as rows of `state_change`, and in memory
 * as the same bytes, found by bucket. Spec: docs/protocol/06-log-and-checkpoints.md §6.7.
 *
 * `append` and `forget` go into the caller's SQL transaction; `commit` once it is durable, `discard` once it is rolled back.
 *
 * @module
 */
import { encodeHex, SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import { bucketOf, type Change } from './bucket.ts'

/** Each change: key(32) ‖ 1 ‖ value(32), or key(32) ‖ 0 ‖ zeros(32) for a key that is taken out. */
const CHANGE_BYTES = 2 * SHA256_BYTES + 1

/** A row of `state_change`. */
interface Row {
  readonly id: number
  readonly changes: Uint8Array
}

/** The change that begins at byte `at` of `row`. */
interface Place {
  readonly row: Row
  readonly at: number
}

export class Journal {
  readonly #bits: number
  readonly #insert: SqlStatement
  readonly #select: SqlStatement
  readonly #delete: SqlStatement
  /** As of the last commit, by bucket, oldest first. */
  readonly #waiting = new Map<number, Place[]>()
  #count = 0
  #last = 0
  /** Since then. */
  #appended: Row[] = []
  #forgotten = 0

  constructor(database: SqlDatabase, bits: number) {
    this.#bits = bits
    this.#insert = database.prepare('INSERT INTO state_change (id, changes) VALUES (?, ?)')
    this.#select = database.prepare('SELECT id, changes FROM state_change ORDER BY id')
    this.#delete = database.prepare('DELETE FROM state_change WHERE id <= ?')
  }

  /** How many changes wait, those since the last commit among them. */
  get count(): number {
    return this.#appended.reduce((sum, row) => sum + changesIn(row), this.#count)
  }

  /** Number of the newest row; 0 if there was none. */
  get last(): number {
    return this.#appended.at(-1)?.id ?? this.#last
  }

  /** Numbers of the buckets for which changes wait, as of the last commit. */
  get buckets(): readonly number[] {
    return [...this.#waiting.keys()]
  }

  /** Reads what is stored. @throws {StorageError} `STORE_DAMAGED` */
  load(): void {
    for (const { id, changes } of this.#select.iterate()) {
      if (typeof id !== 'number' || !(changes instanceof Uint8Array) || changes.length % CHANGE_BYTES !== 0) {
        throw damaged()
      }
      this.#appended.push({ id, changes })
    }
    this.commit()
  }

  append(changes: readonly Change[]): void {
    const row = { id: this.last + 1, changes: encodeChanges(changes) }
    this.#insert.run(row.id, row.changes)
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

  /** What the rows up to number `last` say stands in the buckets, where it may be said again by newer rows. */
  forget(last: number): void {
    this.#delete.run(last)
    this.#forgotten = last
  }

  commit(): void {
    this.#last = this.last
    for (const row of this.#appended) {
      for (let at = 0; at < row.changes.length; at += CHANGE_BYTES) this.#add({ row, at })
    }
    if (this.#forgotten > 0) this.#drop(this.#forgotten)
    this.discard()
  }

  discard(): void {
    this.#appended = []
    this.#forgotten = 0
  }

  #add(place: Place): void {
    const { row, at } = place
    const bucket = bucketOf(row.changes.subarray(at, at + SHA256_BYTES), this.#bits)
    const others = this.#waiting.get(bucket)
    if (others === undefined) this.#waiting.set(bucket, [place])
    else others.push(place)
    this.#count++
  }

  #drop(last: number): void {
    for (const [bucket, places] of this.#waiting) {
      const rest = places.filter(({ row }) => row.id > last)
      this.#count -= places.length - rest.length
      if (rest.length === 0) this.#waiting.delete(bucket)
      else this.#waiting.set(bucket, rest)
    }
  }
}

function changesIn({ changes }: Row): number {
  return changes.length / CHANGE_BYTES
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
  const { changes } = row
  const middle = at + SHA256_BYTES
  const value = changes.slice(middle + 1, at + CHANGE_BYTES)
  const isSet = changes[middle] === 1
  if (!isSet && (changes[middle] !== 0 || value.some((byte) => byte !== 0))) throw damaged()
  return { key: changes.slice(at, middle), value: isSet ? value : undefined }
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'the waiting changes of the state are malformed')
}
