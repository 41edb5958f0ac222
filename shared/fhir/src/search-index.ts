/**
 * What a record store indexes of a resource: who it is about, what it is, when it was, and its words. The trusted
 * application runs this on every record it accepts, so it is total: odd elements are left out, never an error.
 *
 * Limits: the counts and lengths below. The index is derived data: it can be made again from the bytes, and the bytes
 * decide. Which elements of which type are read is one row in resource-types.ts.
 *
 * @module
 */
import type { EhrType } from './ehr-type.ts'
import { ehrTypeOf } from './ehr-type-of.ts'
import { parseDateTime } from './fhir-date.ts'
import type { MsInterval } from './fhir-date.ts'
import { isObject, listOf, textOf, valuesAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { findContained, referenceTextOf, subjectReferencesOf, targetTypeOf } from './references.ts'
import { rowOf } from './resource-types.ts'
import type { IndexRow, ResourceType } from './resource-types.ts'
import type { FhirResource } from './resource.ts'
import { searchTextOf } from './search-text.ts'
import { titleOf } from './title.ts'

export const MAX_CODES = 64
export const MAX_AUTHORS = 16
/** For a system, a code and a display, in UTF-16 units; a longer one is left out, not cut: half a code is another code. */
export const MAX_CODE_CHARS = 1024
const MAX_VALUES = 256

/** One code of a resource. */
export interface IndexedCode {
  /** The code system's URI; empty when the resource gives none. */
  readonly system: string
  readonly code: string
  readonly display?: string
}

export interface RecordIndex {
  readonly resourceType: ResourceType
  readonly ehrType: EhrType
  /** The literal reference to the patient, as written: `Patient/1`, a URL or a `urn:uuid:`. */
  readonly subjectReference?: string
  /** In the order of the row's elements, each system and code once. */
  readonly codes: readonly IndexedCode[]
  /** First millisecond of the clinical time at its stated precision; absent if the resource states none. */
  readonly dateStartMs?: number
  /** Last millisecond of it; absent without a time and for a period that has not ended. */
  readonly dateEndMs?: number
  readonly status?: string
  /** For lists, at most 200 UTF-16 units; plain text, from the record: show it escaped. */
  readonly title: string
  /** Literal references of who made or signed it, as written. */
  readonly authorReferences: readonly string[]
  /** Words for full-text search, at most 65,536 UTF-16 units; plain text. */
  readonly narrativeText: string
}

/** Extracts the index of a resource. Never throws, whatever the elements hold. */
export function extractIndex(resource: FhirResource): RecordIndex {
  const row = rowOf(resource.resourceType)
  const codes = codesOf(resource, row)
  const subjectReference = subjectReferenceOf(resource)
  const date = dateOf(resource, row)
  const status = statusOf(resource[row.status])
  return {
    resourceType: resource.resourceType,
    ehrType: ehrTypeOf(resource),
    ...(subjectReference === undefined ? {} : { subjectReference }),
    codes,
    ...(date?.startMs === undefined ? {} : { dateStartMs: date.startMs }),
    ...(date?.endMs === undefined ? {} : { dateEndMs: date.endMs }),
    ...(status === undefined ? {} : { status }),
    title: titleOf(resource, row),
    authorReferences: authorsOf(resource, row),
    narrativeText: searchTextOf(resource),
  }
}

/** A reference that names a Patient goes before one whose type only a Bundle could tell. */
function subjectReferenceOf(resource: FhirResource): string | undefined {
  if (resource.resourceType === 'Patient') {
    const id = textOf(resource.id)
    return id === undefined ? undefined : `Patient/${id}`
  }
  const references = subjectReferencesOf(resource)
  const patient = references.find((reference) => targetTypeOf(reference) === 'Patient')
  if (patient !== undefined) return referenceTextOf(patient)
  // With several elements or targets (an appointment's participants) an untyped reference could be anybody.
  return references.length === 1 && references[0] !== undefined ? referenceTextOf(references[0]) : undefined
}

function codesOf(resource: FhirResource, row: IndexRow): readonly IndexedCode[] {
  const codes = new Map<string, IndexedCode>()
  for (const path of row.codes) {
    for (const value of valuesAt(resource, path, MAX_VALUES)) {
      if (!isObject(value)) continue
      const contained = findContained(resource, value)
      addCodes(contained === undefined ? value : contained['code'], codes)
      if (codes.size >= MAX_CODES) return [...codes.values()]
    }
  }
  return [...codes.values()]
}

/** Adds the codings of a CodeableConcept, or a Coding itself. */
function addCodes(value: unknown, codes: Map<string, IndexedCode>): void {
  if (!isObject(value)) return
  for (const coding of listOf(value['coding'] ?? value)) {
    if (codes.size >= MAX_CODES) return
    if (!isObject(coding)) continue
    const code = codeTextOf(coding['code'])
    if (code === undefined) continue
    const system = coding['system'] === undefined ? '' : codeTextOf(coding['system'])
    if (system === undefined) continue
    const key = `${system}|${code}`
    const display = codeTextOf(coding['display'])
    if (!codes.has(key)) codes.set(key, display === undefined ? { system, code } : { system, code, display })
  }
}

function codeTextOf(value: unknown): string | undefined {
  const text = textOf(value)
  return text !== undefined && text.length <= MAX_CODE_CHARS ? text : undefined
}

/** The first element of the row that holds a time; several values of it become one interval around them all. */
function dateOf(resource: FhirResource, row: IndexRow): MsInterval | undefined {
  for (const path of row.dates) {
    const intervals = valuesAt(resource, path, MAX_VALUES).flatMap(intervalsOf)
    if (intervals.length > 0) return around(intervals)
  }
  return undefined
}

/** The intervals of a date, Period or Timing. */
function intervalsOf(value: unknown): readonly MsInterval[] {
  const date = parseDateTime(value)
  if (date !== undefined) return [date]
  if (!isObject(value)) return []
  const period = periodOf(value)
  if (period !== undefined) return [period]
  const events = listOf(value['event'])
    .slice(0, MAX_VALUES)
    .flatMap((event) => parseDateTime(event) ?? [])
  if (events.length > 0) return events
  const repeat = value['repeat']
  const bounds = isObject(repeat) && isObject(repeat['boundsPeriod']) ? periodOf(repeat['boundsPeriod']) : undefined
  return bounds === undefined ? [] : [bounds]
}

/** Both ends, each at its own precision. A period that ends before it starts is not one. */
function periodOf(value: JsonObject): MsInterval | undefined {
  const startMs = parseDateTime(value['start'])?.startMs
  const endMs = parseDateTime(value['end'])?.endMs
  if (startMs === undefined && endMs === undefined) return undefined
  if (startMs !== undefined && endMs !== undefined && endMs < startMs) return undefined
  return { ...(startMs === undefined ? {} : { startMs }), ...(endMs === undefined ? {} : { endMs }) }
}

function around(intervals: readonly MsInterval[]): MsInterval {
  let { startMs, endMs } = intervals[0] as MsInterval
  for (const interval of intervals) {
    startMs = startMs === undefined || interval.startMs === undefined ? undefined : Math.min(startMs, interval.startMs)
    endMs = endMs === undefined || interval.endMs === undefined ? undefined : Math.max(endMs, interval.endMs)
  }
  return { ...(startMs === undefined ? {} : { startMs }), ...(endMs === undefined ? {} : { endMs }) }
}

/** A `code`, or the first code of a CodeableConcept (Condition.clinicalStatus). */
function statusOf(value: unknown): string | undefined {
  if (!isObject(value)) return codeTextOf(value)
  for (const coding of listOf(value['coding'])) {
    const code = isObject(coding) ? codeTextOf(coding['code']) : undefined
    if (code !== undefined) return code
  }
  return undefined
}

function authorsOf(resource: FhirResource, row: IndexRow): readonly string[] {
  const authors = new Set<string>()
  for (const path of row.authors) {
    for (const value of valuesAt(resource, path, MAX_VALUES)) {
      const text = isObject(value) ? referenceTextOf(value) : undefined
      // `#id` is a resource inside this one; nobody outside could look it up.
      if (text !== undefined && !text.startsWith('#') && authors.size < MAX_AUTHORS) authors.add(text)
    }
  }
  return [...authors]
}
