/**
 * Linear scans of JSON text: what JSON.parse cannot tell (depth before the stack is used, repeated names, lone
 * surrogates) and where a value stands in the text (so that its bytes can be kept as they were sent).
 *
 * Limits: no number is interpreted and no tree is built here. `skipValue`, `eachMember` and `eachElement` expect
 * text that JSON.parse has accepted; on other text they still end, with a meaningless range.
 * Source: RFC 8259; RFC 7493 (I-JSON) §2.1 and §2.3 for surrogates and repeated names.
 *
 * @module
 */
import { FhirError } from './errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Sizes that are refused before a parser sees the text. */
export interface JsonLimits {
  /** Bytes of the text as UTF-8. */
  readonly maxBytes: number
  /** Objects and arrays inside each other; the outermost counts as 1. */
  readonly maxDepth: number
}

/**
 * Checks size, nesting and surrogates of text that may be anything.
 *
 * @returns How many names the text has, in all objects together.
 * @throws {FhirError} `FHIR_TOO_LARGE`, `FHIR_TOO_DEEP`, `FHIR_NOT_JSON` (half a surrogate pair)
 */
export function checkJsonText(text: string, limits: JsonLimits): number {
  const { maxBytes, maxDepth } = limits
  if (text.length > maxBytes) throw tooLarge()
  let bytes = text.length
  let names = 0
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c >= 0x80) {
      // UTF-8 takes 2 bytes to U+07FF, 4 for a pair (two units), else 3.
      bytes += c < 0x800 ? 1 : 2
      if (c >= 0xd800 && c <= 0xdfff) {
        if (c > 0xdbff || !isLowSurrogate(text.charCodeAt(i + 1))) throw halfPair()
        i++
      }
    } else if (inString) {
      if (c === QUOTE) inString = false
      else if (c === BACKSLASH) i += escapeLength(text, i) - 1
    } else if (c === QUOTE) inString = true
    else if (c === COLON) names++
    else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (++depth > maxDepth) throw new FhirError('FHIR_TOO_DEEP', 'the resource is nested too deeply')
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) depth--
  }
  if (bytes > maxBytes) throw tooLarge()
  return names
}

/**
 * How many names a parsed value has, in all objects together. JSON.parse keeps one member of each name, so this is
 * less than what `checkJsonText` counted exactly if some object repeats a name.
 */
export function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object') count += countMembers(element)
    return count
  }
  const members = value as Readonly<Record<string, unknown>>
  for (const name in members) {
    count++
    const member = members[name]
    if (typeof member === 'object') count += countMembers(member)
  }
  return count
}

/** The index after the value that starts at `start`. */
export function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return skipString(text, start)
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return skipScalar(text, start)
  let depth = 0
  let i = start
  while (i < text.length) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) {
      i = skipString(text, i)
      continue
    }
    i++
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++
    else if ((c === CLOSE_OBJECT || c === CLOSE_ARRAY) && --depth === 0) return i
  }
  return i
}

/** Calls `visit` with each name (decoded) and the range of its value; nothing if no object starts at `start`. */
export function eachMember(text: string, start: number, visit: (name: string, from: number, to: number) => void): void {
  if (text.charCodeAt(start) !== OPEN_OBJECT) return
  let i = skipSpace(text, start + 1)
  while (text.charCodeAt(i) === QUOTE) {
    const afterName = skipString(text, i)
    const name = decodeName(text.slice(i, afterName))
    const from = skipSpace(text, skipSpace(text, afterName) + 1)
    const to = skipValue(text, from)
    visit(name, from, to)
    i = skipSpace(text, skipSpace(text, to) + 1)
  }
}

/** Calls `visit` with the range of each element; nothing if no array starts at `start`. */
export function eachElement(text: string, start: number, visit: (from: number, to: number) => void): void {
  if (text.charCodeAt(start) !== OPEN_ARRAY) return
  let i = skipSpace(text, start + 1)
  while (i < text.length && text.charCodeAt(i) !== CLOSE_ARRAY) {
    const to = skipValue(text, i)
    visit(i, to)
    const next = skipSpace(text, to)
    if (text.charCodeAt(next) !== COMMA) return
    i = skipSpace(text, next + 1)
  }
}

/** The index of the first character at or after `start` that is not white space of JSON. */
export function skipSpace(text: string, start: number): number {
  let i = start
  for (;;) {
    const c = text.charCodeAt(i)
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i
    i++
  }
}

function skipString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) return i + 1
    i += c === BACKSLASH ? 2 : 1
  }
  return text.length
}

function skipScalar(text: string, start: number): number {
  let i = start
  while (i < text.length) {
    const c = text.charCodeAt(i)
    if (c === COMMA || c === CLOSE_OBJECT || c === CLOSE_ARRAY || c <= 0x20) break
    i++
  }
  return i
}

function decodeName(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
}

/** Length of the escape at `start`, a pair of `\u` escapes being one. */
function escapeLength(text: string, start: number): number {
  if (text.charCodeAt(start + 1) !== 0x75) return 2
  const unit = hexUnit(text, start + 2)
  if (unit < 0xd800 || unit > 0xdfff) return 6
  const isPair =
    unit <= 0xdbff &&
    text.charCodeAt(start + 6) === BACKSLASH &&
    text.charCodeAt(start + 7) === 0x75 &&
    isLowSurrogate(hexUnit(text, start + 8))
  if (!isPair) throw halfPair()
  return 12
}

/** The value of 4 hex digits; -1 for anything else, which JSON.parse refuses later. */
function hexUnit(text: string, start: number): number {
  const digits = text.slice(start, start + 4)
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

function tooLarge(): FhirError {
  return new FhirError('FHIR_TOO_LARGE', 'the resource is larger than the limit')
}

function halfPair(): FhirError {
  return new FhirError('FHIR_NOT_JSON', 'the text has half a surrogate pair')
}
