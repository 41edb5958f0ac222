/**
 * Deterministic CBOR (RFC 8949 §4.2.1), the part of it that our messages use: unsigned integers up to 2^53 - 1, byte
 * strings, text, arrays, maps with text keys, booleans and null. One encoding per value: the decoder refuses every
 * other encoding of the same value, so that equal messages have equal bytes and a digest names one message only.
 *
 * Limits come before contents: a length is compared with the bytes that are left before anything is reserved for it.
 * Spec: docs/protocol/01-conventions.md §1.5 and §1.6.
 *
 * @module
 */
import { copyBytes, decodeUtf8, encodeUtf8, newBytes } from '../../crypto/src/bytes.ts'
import { ProtocolError } from './errors.ts'

export type CborValue =
  null | boolean | number | string | Uint8Array | readonly CborValue[] | { readonly [key: string]: CborValue }

export interface CborLimits {
  /** Length of the whole input; default: no limit of its own. */
  readonly maxBytes?: number
  /** Containers inside containers, the outermost counted; default 16. */
  readonly maxNesting?: number
  /** Items of one array, or pairs of one map; default 65,536. */
  readonly maxItems?: number
  /** Byte strings of so many bytes and more are views on the input, which nobody may write to again; default: none. */
  readonly viewsFrom?: number
}

export const MAX_CBOR_NESTING = 16
export const MAX_CBOR_ITEMS = 65_536

const UINT = 0
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
/** Longer text is left to the engine, where that is quicker. */
const SHORT_TEXT = 64
/** What a message in parts has around its long byte strings, mostly. */
const PARTS_BYTES = 256
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6

/**
 * The one encoding of `value`.
 *
 * @throws {TypeError} for what the format cannot hold: undefined (also as a member), other numbers than unsigned safe
 * integers, text with an unpaired surrogate, other objects than plain ones, and a member `__proto__`.
 * @throws {RangeError} past the nesting or item limit: no decoder of ours would take it.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const output: Output = { bytes: newBytes(expectedSize(value, 0)), at: 0, views: [], viewsFrom: Infinity }
  write(output, value, 0)
  return output.at === output.bytes.length ? output.bytes : output.bytes.subarray(0, output.at)
}

/**
 * The same encoding in parts, for writers that gather: byte strings of `viewsFrom` bytes and more are not copied but
 * stand among them as they are, and must not be written to until the parts are.
 */
export function encodeCborParts(value: CborValue, viewsFrom: number): readonly Uint8Array[] {
  const output: Output = { bytes: newBytes(PARTS_BYTES), at: 0, views: [], viewsFrom }
  write(output, value, 0)
  const parts: Uint8Array[] = []
  let from = 0
  for (const { at, view } of output.views) {
    parts.push(output.bytes.subarray(from, at), view)
    from = at
  }
  if (from < output.at) parts.push(output.bytes.subarray(from, output.at))
  return parts
}

/**
 * The value of one complete message. Byte strings are copies; maps are plain objects.
 *
 * @throws {ProtocolError} `CBOR_MALFORMED` with the position, for everything that `encodeCbor` would not have written.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): CborValue {
  // A subclass (Buffer) may hand out views where a copy is promised: read it as a plain array.
  const plain =
    bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const input: Input = {
    bytes: plain,
    at: 0,
    maxNesting: limits.maxNesting ?? MAX_CBOR_NESTING,
    maxItems: limits.maxItems ?? MAX_CBOR_ITEMS,
    viewsFrom: limits.viewsFrom ?? Infinity,
  }
  if (limits.maxBytes !== undefined && plain.length > limits.maxBytes) throw malformed('longer than its limit', 0)
  const value = read(input, 0)
  if (input.at !== plain.length) throw malformed('bytes after the end', input.at)
  return value
}

/** Order of map keys: shorter first, then by bytes, which is the order of their encodings (RFC 8949 §4.2.1). */
export function compareCborKeys(a: string, b: string): number {
  const difference = utf8Length(a) - utf8Length(b)
  if (difference !== 0) return difference
  for (let i = 0; i < a.length && i < b.length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    // UTF-8 orders by code point: surrogates (U+10000 and up) come after every other unit.
    const leftHigh = isSurrogate(left)
    return leftHigh === isSurrogate(right) ? left - right : leftHigh ? 1 : -1
  }
  return a.length - b.length
}

// ---- decoding

interface Input {
  readonly bytes: Uint8Array
  at: number
  readonly maxNesting: number
  readonly maxItems: number
  readonly viewsFrom: number
}

function read(input: Input, nesting: number): CborValue {
  const initial = input.bytes[input.at]
  if (initial === undefined) throw malformed('cut short', input.at)
  switch (initial >> 5) {
    case UINT:
      return readArgument(input)
    case BYTES: {
      const end = readEnd(input)
      const isView = end - input.at >= input.viewsFrom
      const value = isView ? input.bytes.subarray(input.at, end) : copyBytes(input.bytes, input.at, end)
      input.at = end
      return value
    }
    case TEXT:
      return readText(input)
    case ARRAY:
      return readArray(input, nesting + 1)
    case MAP:
      return readMap(input, nesting + 1)
    default:
      return readSimple(input, initial)
  }
}

/** RFC 8949 §3 without negative integers, tags, floats, `undefined` and other simple values. */
function readSimple(input: Input, initial: number): CborValue {
  input.at++
  if (initial === FALSE) return false
  if (initial === TRUE) return true
  if (initial === NULL) return null
  throw malformed('a kind of value that messages do not use', input.at - 1)
}

/** The number in an item's head; only the shortest form is taken, up to 2^53 - 1. */
function readArgument(input: Input): number {
  const { bytes, at } = input
  const info = (bytes[at] as number) & 31
  if (info < 24) {
    input.at = at + 1
    return info
  }
  const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
  if (size === 0) throw malformed('an indefinite or reserved length', at)
  if (at + 1 + size > bytes.length) throw malformed('cut short', at)
  let value = 0
  for (let i = 1; i <= size; i++) value = value * 256 + (bytes[at + i] as number)
  const least = size === 1 ? 24 : size === 2 ? 0x100 : size === 4 ? 0x1_0000 : 0x1_0000_0000
  if (value < least) throw malformed('not the shortest form', at)
  if (value > Number.MAX_SAFE_INTEGER) throw malformed('a number above 2^53 - 1', at)
  input.at = at + 1 + size
  return value
}

/** Where the string that starts here ends; its head is consumed. */
function readEnd(input: Input): number {
  const start = input.at
  const length = readArgument(input)
  if (length > input.bytes.length - input.at) throw malformed('cut short', start)
  return input.at + length
}

function readText(input: Input): string {
  const start = input.at
  const end = readEnd(input)
  const { bytes } = input
  const from = input.at
  input.at = end
  const ascii = end - from <= SHORT_TEXT ? readAscii(bytes, from, end) : undefined
  if (ascii !== undefined) return ascii
  try {
    return decodeUtf8(bytes.subarray(from, end))
  } catch {
    throw malformed('text that is not UTF-8', start)
  }
}

function readArray(input: Input, nesting: number): CborValue[] {
  const count = readCount(input, nesting, 1)
  const value: CborValue[] = []
  for (let i = 0; i < count; i++) value.push(read(input, nesting))
  return value
}

function readMap(input: Input, nesting: number): { readonly [key: string]: CborValue } {
  const count = readCount(input, nesting, 2)
  const value: Record<string, CborValue> = {}
  let previous = -1
  let previousEnd = 0
  for (let i = 0; i < count; i++) {
    const start = input.at
    if ((input.bytes[start] ?? 0) >> 5 !== TEXT) throw malformed('a key that is not text', start)
    const key = readKey(input)
    if (previous >= 0 && !isAfter(input.bytes, previous, previousEnd, start, input.at)) {
      throw malformed('keys repeated or out of order', start)
    }
    // Assigning this member would set the object's prototype.
    if (key === '__proto__') throw malformed('a key that messages do not use', start)
    previous = start
    previousEnd = input.at
    value[key] = read(input, nesting)
  }
  return value
}

/** Keys read lately, by a hash of their bytes: they come again in nearly every message, and equal texts are made once. */
const KEYS: (string | undefined)[] = Array.from({ length: 512 })
const LONGEST_KEPT_KEY = 32

function readKey(input: Input): string {
  const start = input.at
  const end = readEnd(input)
  const { bytes } = input
  const from = input.at
  const length = end - from
  let hash = length
  for (let i = from; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) & 0x7fff_ffff
  const slot = hash % KEYS.length
  const kept = KEYS[slot]
  if (kept?.length === length && holds(bytes, from, kept)) {
    input.at = end
    return kept
  }
  input.at = start
  const key = readText(input)
  if (length <= LONGEST_KEPT_KEY) KEYS[slot] = key
  return key
}

/** Whether the bytes from `from` on are the ASCII text `text`. */
function holds(bytes: Uint8Array, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
  return true
}

/** Each item takes one byte at least, so a count beyond the bytes left is refused before the first is read. */
function readCount(input: Input, nesting: number, bytesPerItem: number): number {
  const start = input.at
  if (nesting > input.maxNesting) throw malformed('nested too deeply', start)
  const count = readArgument(input)
  if (count > input.maxItems) throw malformed('too many items', start)
  if (count * bytesPerItem > input.bytes.length - input.at) throw malformed('cut short', start)
  return count
}

/** Whether the bytes of `[b, bEnd)` come after those of `[a, aEnd)`. */
function isAfter(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  const length = Math.min(aEnd - a, bEnd - b)
  for (let i = 0; i < length; i++) {
    const difference = (bytes[b + i] as number) - (bytes[a + i] as number)
    if (difference !== 0) return difference > 0
  }
  return bEnd - b > aEnd - a
}

/**
 * Text of bytes below 0x80, or undefined if there are others. Eight at a time: spreading or applying an array of
 * characters costs ten times as much in V8, and nearly all our text is ASCII.
 */
function readAscii(bytes: Uint8Array, from: number, end: number): string | undefined {
  let text = ''
  let i = from
  for (; i + 8 <= end; i += 8) {
    const [a, b, c, d] = [bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number]
    const [e, f, g, h] = [
      bytes[i + 4] as number,
      bytes[i + 5] as number,
      bytes[i + 6] as number,
      bytes[i + 7] as number,
    ]
    if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined
    text += String.fromCharCode(a, b, c, d, e, f, g, h)
  }
  for (; i < end; i++) {
    const byte = bytes[i] as number
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

function malformed(what: string, at: number): ProtocolError {
  return new ProtocolError('CBOR_MALFORMED', `not deterministic CBOR: ${what}`, { at })
}

// ---- encoding

interface Output {
  bytes: Uint8Array
  at: number
  /** Byte strings that stand at a place of `bytes` without being in it. */
  readonly views: { readonly at: number; readonly view: Uint8Array }[]
  readonly viewsFrom: number
}

function write(output: Output, value: CborValue, nesting: number): void {
  if (typeof value === 'string') return writeText(output, value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw new TypeError('CBOR numbers are unsigned integers up to 2^53 - 1')
    }
    return writeHead(output, UINT, value)
  }
  if (typeof value === 'boolean') return writeByte(output, value ? TRUE : FALSE)
  if (value === null) return writeByte(output, NULL)
  if (value instanceof Uint8Array) {
    writeHead(output, BYTES, value.length)
    if (value.length >= output.viewsFrom) {
      output.views.push({ at: output.at, view: value })
      return
    }
    reserve(output, value.length)
    output.bytes.set(value, output.at)
    output.at += value.length
    return
  }
  if (Array.isArray(value)) return writeArray(output, value as readonly CborValue[], nesting + 1)
  if (typeof value === 'object') return writeMap(output, value as { readonly [key: string]: CborValue }, nesting + 1)
  throw new TypeError('CBOR has no undefined, functions or symbols')
}

/** Bytes of the encoding if all text is ASCII, else fewer: one allocation is most of the cost of a short message. */
function expectedSize(value: CborValue, nesting: number): number {
  if (typeof value === 'string') return headSize(value.length) + value.length
  if (typeof value === 'number') return headSize(value)
  if (typeof value !== 'object' || value === null) return 1
  if (value instanceof Uint8Array) return headSize(value.length) + value.length
  if (nesting >= MAX_CBOR_NESTING) return 0 // refused when it is written
  let size = 0
  if (Array.isArray(value)) {
    const items = value as readonly CborValue[]
    for (const item of items) size += expectedSize(item, nesting + 1)
    return headSize(items.length) + size
  }
  const map = value as { readonly [key: string]: CborValue }
  const keys = Object.keys(map)
  for (const key of keys) size += headSize(key.length) + key.length + expectedSize(map[key] as CborValue, nesting + 1)
  return headSize(keys.length) + size
}

function headSize(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9
}

function writeArray(output: Output, value: readonly CborValue[], nesting: number): void {
  requireLimits(value.length, nesting)
  writeHead(output, ARRAY, value.length)
  // By index, so that a hole is met as undefined and refused.
  for (let i = 0; i < value.length; i++) write(output, value[i] as CborValue, nesting)
}

function writeMap(output: Output, value: { readonly [key: string]: CborValue }, nesting: number): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('CBOR maps are plain objects')
  const given = Object.keys(value)
  requireLimits(given.length, nesting)
  const keys = inOrder(given)
  writeHead(output, MAP, keys.length)
  for (const key of keys) {
    if (key === '__proto__') throw new TypeError('CBOR maps have no member of this name')
    writeText(output, key)
    write(output, value[key] as CborValue, nesting)
  }
}

/** Orders made lately: most messages have the members of another one before, and sorting them is a third of the work. */
const ORDERS = new Map<string, { readonly given: readonly string[]; readonly inOrder: readonly string[] }>()
const MAX_ORDERS = 256
const LONGEST_KEPT_NAMES = 512

function inOrder(keys: readonly string[]): readonly string[] {
  if (keys.length < 2) return keys
  const names = keys.join(' ')
  const known = ORDERS.get(names)
  if (known !== undefined && areSame(known.given, keys)) return known.inOrder
  const sorted = keys.toSorted(compareCborKeys)
  if (names.length > LONGEST_KEPT_NAMES) return sorted
  if (ORDERS.size >= MAX_ORDERS) ORDERS.clear()
  ORDERS.set(names, { given: keys, inOrder: sorted })
  return sorted
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function requireLimits(items: number, nesting: number): void {
  if (nesting > MAX_CBOR_NESTING) throw new RangeError(`CBOR is nested at most ${MAX_CBOR_NESTING} deep`)
  if (items > MAX_CBOR_ITEMS) throw new RangeError(`CBOR arrays and maps have at most ${MAX_CBOR_ITEMS} items`)
}

function writeText(output: Output, text: string): void {
  if (text.length > SHORT_TEXT) return writeUtf8(output, text)
  const start = output.at
  writeHead(output, TEXT, text.length)
  reserve(output, text.length)
  const { bytes } = output
  let at = output.at
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) {
      output.at = start
      return writeUtf8(output, text)
    }
    bytes[at++] = unit
  }
  output.at = at
}

function writeUtf8(output: Output, text: string): void {
  let utf8: Uint8Array
  try {
    utf8 = encodeUtf8(text)
  } catch {
    throw new TypeError('CBOR text has no unpaired surrogates')
  }
  writeHead(output, TEXT, utf8.length)
  reserve(output, utf8.length)
  output.bytes.set(utf8, output.at)
  output.at += utf8.length
}

function writeByte(output: Output, byte: number): void {
  reserve(output, 1)
  output.bytes[output.at++] = byte
}

function writeHead(output: Output, major: number, argument: number): void {
  const size = headSize(argument) - 1
  reserve(output, size + 1)
  const { bytes } = output
  const lead = major << 5
  if (size === 0) {
    bytes[output.at++] = lead | argument
    return
  }
  bytes[output.at++] = lead | (size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27)
  let rest = argument
  for (let i = size - 1; i >= 0; i--) {
    bytes[output.at + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  output.at += size
}

function reserve(output: Output, length: number): void {
  const needed = output.at + length
  if (needed <= output.bytes.length) return
  const larger = new Uint8Array(Math.max(needed, output.bytes.length * 2))
  larger.set(output.bytes)
  output.bytes = larger
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

/** Bytes of well-formed text; what an unpaired surrogate counts does not matter, it is refused when written. */
function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) length += unit < 0x800 || isSurrogate(unit) ? 1 : 2
  }
  return length
}
