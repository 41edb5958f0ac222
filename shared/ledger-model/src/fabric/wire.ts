/**
 * As much of Protocol Buffers' wire format as Fabric's signed messages need: a writer with one encoding (fields in order
 * of their numbers, defaults left out), and a strict reader. No library, because the trusted application reads with it.
 *
 * Stricter than the format: a field stands at most once, groups are refused, numbers are at most 2^53 - 1. Fields that we
 * do not know are passed over: newer peers may add some.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @module
 */
import { concat, encodeUtf8 } from '../../../crypto/src/index.ts'
import { LedgerError } from '../errors.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
const MAX_FIELD_NUMBER = 2 ** 29 - 1

/** An unsigned number; 0 is the default and not written. */
export function numberField(field: number, value: number): Uint8Array {
  return value === 0 ? new Uint8Array(0) : concat(varint(field * 8 + VARINT), varint(value))
}

/** Bytes, text, or a message inside; what is empty is the default and not written. */
export function bytesField(field: number, value: Uint8Array | string): Uint8Array {
  const content = typeof value === 'string' ? encodeUtf8(value) : value
  return content.length === 0 ? content : elementField(field, content)
}

/** One element of a repeated field: written also when it is empty. */
export function elementField(field: number, value: Uint8Array | string): Uint8Array {
  const content = typeof value === 'string' ? encodeUtf8(value) : value
  return concat(varint(field * 8 + BYTES), varint(content.length), content)
}

/** The fields of one message. Absent ones have their defaults: 0, no bytes. */
export class WireMessage {
  readonly #numbers: ReadonlyMap<number, number>
  readonly #bytes: ReadonlyMap<number, Uint8Array>

  /** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
  constructor(encoded: Uint8Array) {
    const reader = new WireReader(encoded)
    const numbers = new Map<number, number>()
    const bytes = new Map<number, Uint8Array>()
    while (!reader.atEnd) {
      const { field, type } = reader.tag()
      if (numbers.has(field) || bytes.has(field)) throw malformed()
      if (type === VARINT) numbers.set(field, reader.varint())
      else if (type === BYTES) bytes.set(field, reader.take(reader.varint()))
      else if (type === FIXED64) reader.take(8)
      else if (type === FIXED32) reader.take(4)
      else throw malformed()
    }
    this.#numbers = numbers
    this.#bytes = bytes
  }

  /** @throws {LedgerError} `ENDORSEMENT_MALFORMED` if it is there as bytes. */
  number(field: number): number {
    if (this.#bytes.has(field)) throw malformed()
    return this.#numbers.get(field) ?? 0
  }

  /** A view on the message. @throws {LedgerError} `ENDORSEMENT_MALFORMED` if it is there as a number. */
  bytes(field: number): Uint8Array {
    if (this.#numbers.has(field)) throw malformed()
    return this.#bytes.get(field) ?? new Uint8Array(0)
  }
}

class WireReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  tag(): { readonly field: number; readonly type: number } {
    const tag = this.varint()
    const field = Math.floor(tag / 8)
    if (field < 1 || field > MAX_FIELD_NUMBER) throw malformed()
    return { field, type: tag % 8 }
  }

  /** Shortest form only: there is one encoding for each number. */
  varint(): number {
    let value = 0
    for (let power = 1; ; power *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw malformed()
      value += (byte & 0x7f) * power
      if (!Number.isSafeInteger(value)) throw malformed()
      if (byte < 0x80) {
        if (byte === 0 && power > 1) throw malformed()
        return value
      }
    }
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low + 128 : low)
  } while (rest > 0)
  return Uint8Array.from(bytes)
}

function malformed(): LedgerError {
  return new LedgerError('ENDORSEMENT_MALFORMED', 'not a message of Fabric')
}
