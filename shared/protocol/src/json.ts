/**
 * Strict JSON (RFC 8259), for statements and for arguments and state of the ledger: no member twice (I-JSON, RFC 7493
 * §2.3), no numbers but unsigned integers up to 2^53 - 1 in their one form, no unpaired surrogates, a nesting limit.
 * Written out because JSON.parse keeps the last of two equal members without a word.
 *
 * Member order and white space are free when reading: signed bytes are compared, not rewritten. `stringifySorted` is
 * the one form that is written where bytes must be equal (ledger state).
 *
 * @module
 */
import { ProtocolError } from './errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

export const MAX_JSON_NESTING = 16

const UNPAIRED_SURROGATE = /\p{Surrogate}/u
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * @param limits.maxBytes length of `text` in UTF-8.
 * @returns plain objects, arrays, text, numbers, booleans and null; check it with a shape.
 * @throws {ProtocolError} `MESSAGE_MALFORMED` with the position.
 */
export function parseJson(text: string, limits: { readonly maxBytes: number; readonly maxNesting?: number }): unknown {
  const maxNesting = limits.maxNesting ?? MAX_JSON_NESTING
  if (text.length * 3 <= limits.maxBytes) {
    const canonical = parseCanonical(text, maxNesting)
    if (canonical !== undefined) return canonical
  }
  if (text.length > limits.maxBytes || utf8Length(text) > limits.maxBytes) throw malformed('longer than its limit', 0)
  // Escaped halves are found where they are read; here one that stands in the text itself.
  if (UNPAIRED_SURROGATE.test(text)) throw malformed('an unpaired surrogate', 0)
  const input: Input = { text, at: 0, maxNesting }
  const value = readValue(input, 0)
  skipSpace(input)
  if (input.at !== text.length) throw malformed('text after the end', input.at)
  return value
}

/**
 * JSON without white space, members sorted by UTF-16 units as RFC 8785 §3.2.3 does: equal values give equal text.
 *
 * @throws {TypeError} for values that `parseJson` would not give back: undefined, other numbers, `__proto__`.
 */
export function stringifySorted(value: JsonValue): string {
  if (typeof value === 'string') return stringifyText(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw new TypeError('our JSON has unsigned integers up to 2^53 - 1 only')
    }
    return String(value)
  }
  if (Array.isArray(value)) return `[${Array.from(value as readonly JsonValue[], stringifySorted).join(',')}]`
  if (typeof value !== 'object') throw new TypeError('JSON has no undefined, functions or symbols')
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('JSON objects are plain objects')
  const object = value as { readonly [key: string]: JsonValue }
  const members = Object.keys(object)
    .sort()
    .map((key) => {
      if (key === '__proto__') throw new TypeError('our JSON has no member of this name')
      return `${stringifyText(key)}:${stringifySorted(object[key] as JsonValue)}`
    })
  return `{${members.join(',')}}`
}

/**
 * The quick way, for text as programs write it: what JSON.parse reads and JSON.stringify writes again letter by letter
 * has no member twice (only the last would be left) and no second form of anything. `undefined`: read it the long way,
 * which also says what is wrong.
 */
function parseCanonical(text: string, maxNesting: number): JsonValue | undefined {
  if (text.includes('\\')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return JSON.stringify(value) === text && isOurs(value, maxNesting) ? value : undefined
}

/** Whether a value that JSON.parse gave holds only what `parseJson` may give back. */
function isOurs(value: unknown, nestingLeft: number): value is JsonValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  if (typeof value !== 'object' || value === null) return true
  if (nestingLeft === 0) return false
  if (Array.isArray(value)) return value.every((item) => isOurs(item, nestingLeft - 1))
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__' || !isOurs(member, nestingLeft - 1)) return false
  }
  return true
}

interface Input {
  readonly text: string
  at: number
  readonly maxNesting: number
}

function readValue(input: Input, nesting: number): JsonValue {
  skipSpace(input)
  const { text, at } = input
  switch (text[at]) {
    case '"':
      return readText(input)
    case '{':
      return readObject(input, nesting + 1)
    case '[':
      return readArray(input, nesting + 1)
    case 't':
      return readWord(input, 'true', true)
    case 'f':
      return readWord(input, 'false', false)
    case 'n':
      return readWord(input, 'null', null)
    default:
      return readNumber(input)
  }
}

function readObject(input: Input, nesting: number): { readonly [key: string]: JsonValue } {
  open(input, nesting)
  const value: Record<string, JsonValue> = {}
  if (closes(input, '}')) return value
  for (;;) {
    skipSpace(input)
    const start = input.at
    if (input.text[start] !== '"') throw malformed('a name expected', start)
    const name = readText(input)
    if (name === '__proto__' || Object.hasOwn(value, name)) throw malformed('a member repeated', start)
    skipSpace(input)
    if (input.text[input.at] !== ':') throw malformed('a colon expected', input.at)
    input.at++
    value[name] = readValue(input, nesting)
    if (closes(input, '}')) return value
    comma(input)
  }
}

function readArray(input: Input, nesting: number): readonly JsonValue[] {
  open(input, nesting)
  const value: JsonValue[] = []
  if (closes(input, ']')) return value
  for (;;) {
    value.push(readValue(input, nesting))
    if (closes(input, ']')) return value
    comma(input)
  }
}

function readText(input: Input): string {
  const { text } = input
  let from = input.at + 1
  let value = ''
  let escaped = false
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0x22) {
      input.at = at + 1
      value += text.slice(from, at)
      if (escaped && UNPAIRED_SURROGATE.test(value)) throw malformed('an unpaired surrogate', at)
      return value
    }
    if (unit < 0x20) throw malformed('a control character in text', at)
    if (unit === 0x5c) {
      value += text.slice(from, at)
      const { unescaped, end } = readEscape(text, at)
      value += unescaped
      escaped = true
      from = end
      at = end - 1
    }
  }
  throw malformed('cut short', text.length)
}

function readEscape(text: string, at: number): { readonly unescaped: string; readonly end: number } {
  const kind = text[at + 1] ?? ''
  if (kind === 'u') {
    const digits = text.slice(at + 2, at + 6)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw malformed('a wrong escape', at)
    return { unescaped: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 6 }
  }
  if (!Object.hasOwn(ESCAPES, kind)) throw malformed('a wrong escape', at)
  return { unescaped: ESCAPES[kind] as string, end: at + 2 }
}

function readNumber(input: Input): number {
  const { text, at } = input
  let end = at
  while (isDigit(text.charCodeAt(end))) end++
  const digits = text.slice(at, end)
  const next = text[end]
  if (digits === '' || (digits.length > 1 && digits[0] === '0') || next === '.' || next === 'e' || next === 'E') {
    throw malformed('not a value that messages use', at)
  }
  const value = digits.length > 16 ? Number.POSITIVE_INFINITY : Number(digits)
  if (!Number.isSafeInteger(value)) throw malformed('a number above 2^53 - 1', at)
  input.at = end
  return value
}

function readWord<T extends boolean | null>(input: Input, word: string, value: T): T {
  if (!input.text.startsWith(word, input.at)) throw malformed('not a value that messages use', input.at)
  input.at += word.length
  return value
}

function open(input: Input, nesting: number): void {
  if (nesting > input.maxNesting) throw malformed('nested too deeply', input.at)
  input.at++
}

function closes(input: Input, bracket: string): boolean {
  skipSpace(input)
  if (input.text[input.at] !== bracket) return false
  input.at++
  return true
}

function comma(input: Input): void {
  if (input.text[input.at] !== ',') throw malformed('a comma expected', input.at)
  input.at++
}

/** RFC 8259 §2: space, tab, line feed, carriage return. */
function skipSpace(input: Input): void {
  for (;;) {
    const unit = input.text.charCodeAt(input.at)
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
    input.at++
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

function stringifyText(value: string): string {
  if (UNPAIRED_SURROGATE.test(value)) throw new TypeError('our JSON has no unpaired surrogates')
  return JSON.stringify(value)
}

function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Half of a pair counts 2 of the 4 bytes.
    if (unit >= 0x80) length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return length
}

function malformed(what: string, at: number): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', `not strict JSON: ${what}`, { at })
}
