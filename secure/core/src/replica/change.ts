/**
 * What one commit of the store changed, as statements with their parameters: what a replica does again. Both run the same
 * program on the same rows, so the same statements in the same order leave the same rows.
 * Spec: docs/protocol/11-replica.md §11.5.
 *
 * @module
 */
import { concat } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeCbor,
  encodeCbor,
  list,
  ProtocolError,
  struct,
  text,
  tuple,
  uint,
  type CborValue,
  type Shape,
} from '../../../../shared/protocol/src/index.ts'
import type { SqlValue } from '../ports.ts'

/** One commit. */
export interface Change {
  /** Number of the commit, from 1; each is one more than the one before. */
  readonly position: number
  /** Entries of the log after it, and its root, 32 bytes. */
  readonly size: number
  readonly root: Uint8Array
  readonly runs: readonly Run[]
}

export interface Run {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/** A change in a stream: length(4, big-endian) ‖ CBOR. */
const LENGTH_BYTES = 4
export const MAX_CHANGE_BYTES = 1024 * 1024 * 1024
const MAX_ITEMS = 1 << 24

/** Our messages have no negative numbers; dates of before 1970 are some. */
const valueShape: Shape<SqlValue> = (value, where) => {
  if (Array.isArray(value)) return -tuple(uint({ min: 1 }))(value, where)[0]
  if (value === null || typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array) {
    return value
  }
  throw new ProtocolError('MESSAGE_MALFORMED', `${where} is no value of a row`)
}
const changeShape = struct({
  position: uint({ min: 1 }),
  size: uint(),
  root: bytes({ length: 32 }),
  /** Each text once. */
  sql: list(text({ min: 1, max: 65_536 }), { max: 1_024 }),
  runs: list(tuple(uint({ max: 1_023 }), list(valueShape, { max: 256 })), { max: MAX_ITEMS }),
})

/** @throws {TypeError} for numbers that are no integers: our schema has none. */
export function encodeChange({ position, size, root, runs }: Change): Uint8Array {
  const numbers = new Map<string, number>()
  const encoded = runs.map(({ sql, parameters }): CborValue => {
    const known = numbers.get(sql)
    const number = known ?? numbers.size
    if (known === undefined) numbers.set(sql, number)
    return [number, parameters.map(encodeValue)]
  })
  const message = encodeCbor({ position, size, root, sql: [...numbers.keys()], runs: encoded })
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setUint32(0, message.length)
  return concat(length, message)
}

function encodeValue(value: SqlValue): CborValue {
  return typeof value === 'number' && value < 0 ? [-value] : value
}

/** @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED` */
function decodeChange(message: Uint8Array): Change {
  const { sql, runs, ...rest } = changeShape(decodeCbor(message, { maxItems: MAX_ITEMS }), 'change')
  return {
    ...rest,
    runs: runs.map(([number, parameters]) => {
      const one = sql[number]
      if (one === undefined) throw new ProtocolError('MESSAGE_MALFORMED', 'a statement that is not there')
      return { sql: one, parameters }
    }),
  }
}

/** Puts a stream that comes in pieces together again. */
export class ChangeReader {
  #pieces: Uint8Array[] = []
  #bytes = 0

  /** Bytes after the last whole change. */
  get received(): number {
    return this.#bytes
  }

  /**
   * @returns the changes that are whole now, in their order.
   * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`
   */
  push(piece: Uint8Array): Change[] {
    if (piece.length === 0) return []
    this.#pieces.push(piece)
    this.#bytes += piece.length
    const changes: Change[] = []
    if (this.#bytes < LENGTH_BYTES) return changes
    const all = this.#pieces.length === 1 ? piece : concat(...this.#pieces)
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
    let at = 0
    while (all.length - at >= LENGTH_BYTES) {
      const length = view.getUint32(at)
      if (length > MAX_CHANGE_BYTES) throw new ProtocolError('MESSAGE_MALFORMED', 'a change is too large')
      if (all.length - at - LENGTH_BYTES < length) break
      changes.push(decodeChange(all.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length)))
      at += LENGTH_BYTES + length
    }
    const rest = all.slice(at)
    this.#pieces = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
    return changes
  }
}
