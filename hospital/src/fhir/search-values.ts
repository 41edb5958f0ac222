/**
 * What of a resource can be searched: the values of each search parameter of its type, by R4's own FHIRPath.
 *
 * Limits: values are taken by their shape, so a type that a FHIRPath cannot tell is indexed as what it looks like. At most
 * 512 values a parameter; texts longer than 1,024 characters are cut. Derived data: the resource itself decides.
 * Source: FHIR R4 https://hl7.org/fhir/R4/search.html §3.1.1.5
 *
 * @module
 */
import { evalFhirPathTyped } from '@medplum/core'
import { parseDateTime } from '../../../shared/fhir/src/fhir-date.ts'
import { isObject, listOf, textOf, type JsonObject } from '../../../shared/fhir/src/json-value.ts'
import { searchParametersOf, type SearchComponent, type SearchKind, type SimpleKind } from './r4-tables.ts'

/** `[system, code, text]`, empty where there is none. */
export type TokenValue = readonly [system: string, code: string, text: string]
/** Unix ms, both included; `null` where open. */
export type DateValue = readonly [startMs: number | null, endMs: number | null]
/** `reference` as written, and `system|value` of an identifier. */
export type ReferenceValue = readonly [reference: string, identifier: string]
export type QuantityValue = readonly [value: number, system: string, code: string, unit: string]

/** Of one element: the values of each component, in order. */
export type CompositeValue = readonly (readonly unknown[])[]

export interface ValueOf {
  readonly token: TokenValue
  readonly string: string
  readonly reference: ReferenceValue
  readonly date: DateValue
  readonly quantity: QuantityValue
  readonly uri: string
  readonly number: number
  readonly composite: CompositeValue
}
export type SearchValues = Readonly<Record<string, readonly ValueOf[SearchKind][]>>

const MAX_VALUES = 512
const MAX_TEXT = 1_024

/** @param resource parsed JSON of a resource; odd elements are left out, never an error. */
export function searchValuesOf(resource: JsonObject): SearchValues {
  const type = textOf(resource['resourceType']) ?? ''
  const values: Record<string, ValueOf[SearchKind][]> = {}
  const root = [{ type, value: resource }]
  for (const { name, kind, expression, components } of searchParametersOf(type).values()) {
    if (name === '_id' || name === '_lastUpdated') continue
    if (kind === 'composite') {
      const together = compositesOf(evaluate(expression, root), components)
      if (together.length > 0) values[name] = together.slice(0, MAX_VALUES)
      continue
    }
    const read: (value: unknown) => readonly ValueOf[SearchKind][] = READERS[kind]
    const found = evaluate(expression, root).flatMap(({ value }) => read(value))
    if (found.length > 0) values[name] = found.slice(0, MAX_VALUES)
  }
  return values
}

type TypedValues = ReturnType<typeof evalFhirPathTyped>

/** Each element with the values of all components; one that lacks any is not found by it. */
function compositesOf(elements: TypedValues, components: readonly SearchComponent[]): CompositeValue[] {
  return elements.flatMap((element) => {
    const parts = components.map(({ kind, expression }) => {
      const read: (value: unknown) => readonly unknown[] = READERS[kind]
      return evaluate(expression, [element]).flatMap(({ value }) => read(value))
    })
    return parts.every((part) => part.length > 0) ? [parts] : []
  })
}

function evaluate(expression: string, root: Parameters<typeof evalFhirPathTyped>[1]): TypedValues {
  try {
    return evalFhirPathTyped(expression, root)
  } catch {
    // An element of another shape than R4 says: this parameter does not find the resource.
    return []
  }
}

const READERS: { readonly [K in SimpleKind]: (value: unknown) => readonly ValueOf[K][] } = {
  token: tokensOf,
  string: stringsOf,
  reference: referencesOf,
  date: datesOf,
  quantity: quantitiesOf,
  uri: (value) => (typeof value === 'string' ? [cut(value)] : []),
  number: (value) => (typeof value === 'number' ? [value] : []),
}

function tokensOf(value: unknown): TokenValue[] {
  if (typeof value === 'string') return [['', cut(value), '']]
  if (typeof value === 'boolean') return [['', String(value), '']]
  if (!isObject(value)) return []
  const { coding, system, code, text: plain, value: inner, display, type } = value
  if (coding !== undefined || (plain !== undefined && code === undefined)) {
    const concept = textOf(plain) ?? ''
    const codings = listOf(coding).flatMap((one) => tokensOf(one))
    return codings.length === 0
      ? [['', '', cut(concept)]]
      : codings.map(([s, c, t]) => [s, c, cut([t, concept].filter((words) => words !== '').join('\n'))])
  }
  if (typeof code === 'string') return [[textOf(system) ?? '', cut(code), cut(textOf(display) ?? '')]]
  // Identifier and ContactPoint; R4 does not search a phone number by its kind.
  if (typeof inner === 'string') {
    const of = isObject(type) ? (textOf(type['text']) ?? '') : ''
    return [[textOf(system) ?? '', cut(inner), of]]
  }
  return []
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [cut(value)]
  if (!isObject(value)) return []
  // HumanName, Address, CodeableConcept: each of their texts.
  const names = [
    'text',
    'family',
    'given',
    'prefix',
    'suffix',
    'line',
    'city',
    'district',
    'state',
    'postalCode',
    'country',
  ]
  return names.flatMap((name) => listOf(value[name]).flatMap((one) => (typeof one === 'string' ? [cut(one)] : [])))
}

function referencesOf(value: unknown): ReferenceValue[] {
  // A canonical.
  if (typeof value === 'string') return [[cut(value), '']]
  if (!isObject(value)) return []
  const { identifier } = value
  const reference = textOf(value['reference']) ?? ''
  const named = isObject(identifier) ? `${textOf(identifier['system']) ?? ''}|${textOf(identifier['value']) ?? ''}` : ''
  return reference === '' && named === '' ? [] : [[cut(reference), cut(named)]]
}

function datesOf(value: unknown): DateValue[] {
  const date = parseDateTime(value)
  if (date !== undefined) return [[date.startMs, date.endMs]]
  if (!isObject(value)) return []
  const startMs = parseDateTime(value['start'])?.startMs
  const endMs = parseDateTime(value['end'])?.endMs
  if (startMs !== undefined || endMs !== undefined) return [[startMs ?? null, endMs ?? null]]
  // Timing: from its first event to its last.
  const events = listOf(value['event']).flatMap((event) => parseDateTime(event) ?? [])
  if (events.length > 0) {
    return [[Math.min(...events.map((one) => one.startMs)), Math.max(...events.map((one) => one.endMs))]]
  }
  const repeat = value['repeat']
  return isObject(repeat) ? datesOf(repeat['boundsPeriod']) : []
}

function quantitiesOf(value: unknown): QuantityValue[] {
  if (!isObject(value)) return []
  const { value: number, system, code, unit, currency } = value
  if (typeof number !== 'number') return []
  return [[number, textOf(system) ?? '', textOf(code) ?? textOf(currency) ?? '', textOf(unit) ?? '']]
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
}
