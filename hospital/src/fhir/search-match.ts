/**
 * Whether indexed values fit what was asked, by R4's rules for each kind of parameter.
 *
 * Source: FHIR R4 https://hl7.org/fhir/R4/search.html §3.1.1.5.4 to §3.1.1.5.15. Codes are compared without regard to
 * case; strings without regard to case and accents.
 *
 * @module
 */
import { parseDateTime } from '../../../shared/fhir/src/fhir-date.ts'
import { FhirRequestError } from './errors.ts'
import type { SearchKind, SearchParameter, SimpleKind } from './r4-tables.ts'
import type { CompositeValue, DateValue, QuantityValue, ReferenceValue, TokenValue, ValueOf } from './search-values.ts'

export const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const
export type Prefix = (typeof PREFIXES)[number]

/** Modifiers of each kind, `:missing` aside, which all have. A reference may also be given a type. */
export const MODIFIERS: Readonly<Record<SearchKind, readonly string[]>> = {
  token: ['not', 'text'],
  string: ['exact', 'contains'],
  reference: ['identifier'],
  date: [],
  quantity: [],
  uri: ['below', 'above'],
  number: [],
  composite: [],
}

const DAY_MS = 86_400_000

export type Test<K extends SearchKind> = (value: ValueOf[K]) => boolean

/**
 * One of the alternatives that a parameter names, ready to be asked of many values. `:not` is the caller's.
 * @throws {FhirRequestError} `FHIR_SEARCH_INVALID` for a value that is none of this kind.
 */
export function testOf<K extends SimpleKind>(kind: K, text: string, modifier?: string): Test<K> {
  return MAKERS[kind](text, modifier)
}

/** As `testOf`, for a parameter of any kind: `code$value` of a composite must both be of one element. */
export function testOfParameter(
  { name, kind, components }: Pick<SearchParameter, 'name' | 'kind' | 'components'>,
  text: string,
  modifier?: string,
): (value: unknown) => boolean {
  if (kind !== 'composite') return testOf(kind, text, modifier) as (value: unknown) => boolean
  const parts = rawParts(text, '$')
  if (parts.length !== components.length) throw invalid(`${name} has ${components.length} parts with $ between them`)
  const tests = components.map((one, i) => testOf(one.kind, parts[i] ?? '') as (value: unknown) => boolean)
  return (value) => tests.every((test, i) => ((value as CompositeValue)[i] ?? []).some(test))
}

const MAKERS: { readonly [K in SimpleKind]: (text: string, modifier: string | undefined) => Test<K> } = {
  token: tokenTest,
  string: stringTest,
  reference: referenceTest,
  date: dateTest,
  quantity: quantityTest,
  uri: uriTest,
  number: numberTest,
}

/** Splits at a character that is not escaped with `\`; the parts are unescaped. */
export function splitUnescaped(text: string, separator: ',' | '|' | '$'): string[] {
  return rawParts(text, separator).map(unescape)
}

/** As `splitUnescaped`, with the escapes left for a later split. */
export function rawParts(text: string, separator: ',' | '|' | '$'): string[] {
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    if (c === '\\' && i + 1 < text.length) part += c + (text[++i] as string)
    else if (c === separator) {
      parts.push(part)
      part = ''
    } else part += c
  }
  return [...parts, part]
}

function unescape(text: string): string {
  return text.replaceAll(/\\([\\,|$])/g, '$1')
}

function tokenTest(text: string, modifier: string | undefined): Test<'token'> {
  if (modifier === 'text') {
    const wanted = fold(unescape(text))
    return ([, , words]: TokenValue) => words.split('\n').some((word) => fold(word).startsWith(wanted))
  }
  const [first = '', second] = splitUnescaped(text, '|')
  if (second === undefined) {
    const code = first.toLowerCase()
    return ([, found]) => found.toLowerCase() === code
  }
  const code = second.toLowerCase()
  if (code === '') return ([system]) => system === first
  return ([system, found]) => system === first && found.toLowerCase() === code
}

function stringTest(text: string, modifier: string | undefined): Test<'string'> {
  const wanted = unescape(text)
  if (modifier === 'exact') return (value) => value === wanted
  const folded = fold(wanted)
  if (modifier === 'contains') return (value) => fold(value).includes(folded)
  return (value) => fold(value).startsWith(folded)
}

/** Lower case without accents. */
export function fold(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
    .toLowerCase()
}

function uriTest(text: string, modifier: string | undefined): Test<'uri'> {
  const wanted = unescape(text)
  if (modifier === 'below') return (value) => value === wanted || value.startsWith(`${wanted}/`)
  if (modifier === 'above') return (value) => value === wanted || wanted.startsWith(`${value}/`)
  return (value) => value === wanted
}

/** `id`, `Type/id` or an address; with a type as modifier only that type. */
function referenceTest(text: string, modifier: string | undefined): Test<'reference'> {
  const wanted = unescape(text)
  if (modifier === 'identifier') {
    const isToken = tokenTest(text, undefined)
    return ([, identifier]: ReferenceValue) => {
      const at = identifier.indexOf('|')
      return at >= 0 && isToken([identifier.slice(0, at), identifier.slice(at + 1), ''])
    }
  }
  const isTyped = wanted.includes('/') || wanted.includes(':')
  const suffix = isTyped ? wanted : modifier === undefined ? wanted : `${modifier}/${wanted}`
  const id = suffix.slice(suffix.lastIndexOf('/') + 1)
  return ([reference]) => {
    // Imported out of a Bundle: the id by which it stood there.
    if (reference.startsWith('urn:uuid:')) return reference.slice(9) === id || reference === wanted
    const plain = reference.replace(/\/_history\/[^/]*$/, '')
    if (modifier !== undefined && !new RegExp(`(^|/)${modifier}/`).test(plain)) return false
    return plain === suffix || plain.endsWith(`/${suffix}`) || plain.split('|')[0] === suffix
  }
}

function prefixOf(text: string): [Prefix, string] {
  const prefix = PREFIXES.find((one) => text.startsWith(one))
  return prefix === undefined ? ['eq', text] : [prefix, text.slice(2)]
}

function dateTest(text: string): Test<'date'> {
  const [prefix, rest] = prefixOf(text)
  const wanted = parseDateTime(withZone(rest))
  if (wanted === undefined) throw invalid(`"${text}" is no date`)
  const { startMs } = wanted
  // Without seconds the whole minute is meant.
  const endMs = /T\d\d:\d\d(?!:)/.test(rest) ? startMs + 59_999 : wanted.endMs
  const inRange = ([start, end]: DateValue) =>
    (start ?? Number.NEGATIVE_INFINITY) >= startMs && (end ?? Number.POSITIVE_INFINITY) <= endMs
  const endsAfter = ([, end]: DateValue) => (end ?? Number.POSITIVE_INFINITY) > endMs
  const startsBefore = ([start]: DateValue) => (start ?? Number.NEGATIVE_INFINITY) < startMs
  const tests: Readonly<Record<Prefix, Test<'date'>>> = {
    eq: inRange,
    ne: (value) => !inRange(value),
    gt: endsAfter,
    ge: (value) => endsAfter(value) || inRange(value),
    lt: startsBefore,
    le: (value) => startsBefore(value) || inRange(value),
    sa: ([start]) => (start ?? Number.NEGATIVE_INFINITY) > endMs,
    eb: ([, end]) => (end ?? Number.POSITIVE_INFINITY) < startMs,
    // A day beside it is about the same time; R4 leaves the amount to servers.
    ap: ([start, end]) =>
      (end ?? Number.POSITIVE_INFINITY) >= startMs - DAY_MS && (start ?? Number.NEGATIVE_INFINITY) <= endMs + DAY_MS,
  }
  return tests[prefix]
}

/**
 * A time may come without seconds or zone in a search (R4 search.html#date); it is UTC then. The plus of a zone that was
 * not escaped in the address arrives as a space.
 */
function withZone(asked: string): string {
  if (!asked.includes('T')) return asked
  const text = asked.replace(/ (\d\d:\d\d)$/, '+$1')
  const zoned = /(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`
  return zoned.replace(/T(\d\d:\d\d)(Z|[+-])/, 'T$1:00$2')
}

interface NumberRange {
  readonly low: number
  readonly high: number
  readonly value: number
}

/** `5.40` stands for 5.395 up to 5.405 (R4 search.html#number). */
function rangeOf(text: string): NumberRange {
  const match = /^[+-]?\d+(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (match === null) throw invalid(`"${text}" is no number`)
  const value = Number(text)
  const half = 0.5 * 10 ** (Number(match[2] ?? 0) - (match[1] ?? '').length)
  return { low: value - half, high: value + half, value }
}

function compareNumber(prefix: Prefix, { low, high, value }: NumberRange): (found: number) => boolean {
  const above = (found: number) => found > value
  const below = (found: number) => found < value
  const tests: Readonly<Record<Prefix, (found: number) => boolean>> = {
    eq: (found) => found >= low && found < high,
    ne: (found) => found < low || found >= high,
    gt: above,
    sa: above,
    lt: below,
    eb: below,
    ge: (found) => found >= value,
    le: (found) => found <= value,
    ap: (found) => Math.abs(found - value) <= Math.abs(value) * 0.1,
  }
  return tests[prefix]
}

function numberTest(text: string): Test<'number'> {
  const [prefix, rest] = prefixOf(text)
  return compareNumber(prefix, rangeOf(rest))
}

function quantityTest(text: string): Test<'quantity'> {
  const [prefix, rest] = prefixOf(text)
  const [number = '', system, code] = splitUnescaped(rest, '|')
  const isNumber = compareNumber(prefix, rangeOf(number))
  return ([value, foundSystem, foundCode, unit]: QuantityValue) =>
    isNumber(value) &&
    (system === undefined || system === '' || foundSystem === system) &&
    (code === undefined || code === '' || foundCode === code || unit === code)
}

function invalid(detail: string): FhirRequestError {
  return new FhirRequestError('FHIR_SEARCH_INVALID', { detail })
}
