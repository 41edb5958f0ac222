/**
 * FHIR R4 resources as a person reads them: title, date, values with unit, range and flag. Flags come from the resource's own
 * interpretation and range, never from limits of ours; digits stay as they were recorded.
 *
 * Limits: what is not known here is shown by the narrative or as data; nothing is looked up in a terminology.
 *
 * @module
 */
type Json = unknown
type Obj = Readonly<Record<string, Json>>
export type Resource = Obj

export function isObj(value: Json): value is Obj {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listAt(value: Json, key: string): readonly Json[] {
  const found = isObj(value) ? value[key] : undefined
  return Array.isArray(found) ? (found as readonly Json[]) : found === undefined ? [] : [found]
}

export function at(value: Json, ...path: readonly string[]): Json {
  let found: Json = value
  for (const key of path) {
    if (Array.isArray(found)) found = (found as readonly Json[])[0]
    found = isObj(found) ? found[key] : undefined
  }
  return Array.isArray(found) ? (found as readonly Json[])[0] : found
}

export function textAt(value: Json, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  if (typeof found === 'number') return String(found)
  return typeof found === 'string' && found.trim() !== '' ? found : undefined
}

/** A number, or digits that stand as text so that none is lost. */
function numberAt(value: Json, ...path: readonly string[]): number | undefined {
  const found = textAt(value, ...path)
  const number = Number(found)
  return found === undefined || !Number.isFinite(number) ? undefined : number
}

/** Words of a CodeableConcept, Coding or Reference. */
export function conceptText(concept: Json): string | undefined {
  return (
    textAt(concept, 'text') ??
    textAt(concept, 'display') ??
    listAt(concept, 'coding')
      .map((coding) => textAt(coding, 'display'))
      .find((one) => one !== undefined) ??
    textAt(concept, 'coding', 'code')
  )
}

const LOINC = 'http://loinc.org'

const TITLE_PATHS = [
  'code',
  'medicationCodeableConcept',
  'vaccineCode',
  'type',
  'category',
  'serviceType',
  'class',
] as const

export function titleOf(resource: Resource): string | undefined {
  const direct = textAt(resource, 'title') ?? textAt(resource, 'description')
  if (direct !== undefined) return direct
  for (const path of TITLE_PATHS) {
    const words = conceptText(at(resource, path))
    if (words !== undefined) return words
  }
  return textAt(resource, 'resourceType')
}

/** Whether its authors say that it was never true of this patient (R4: `status` or `verificationStatus`). */
export function isWrittenInError(resource: Resource): boolean {
  const status = textAt(resource, 'status') ?? textAt(resource, 'verificationStatus', 'coding', 'code')
  return status === 'entered-in-error'
}

const DATE_PATHS = [
  ['effectiveDateTime'],
  ['effectivePeriod', 'start'],
  ['effectiveInstant'],
  ['performedDateTime'],
  ['performedPeriod', 'start'],
  ['occurrenceDateTime'],
  ['authoredOn'],
  ['onsetDateTime'],
  ['recordedDate'],
  ['period', 'start'],
  ['started'],
  ['date'],
  ['issued'],
  ['created'],
] as const

/** The clinical date as FHIR text: it may be a year or a month only. */
export function dateTextOf(resource: Resource): string | undefined {
  for (const path of DATE_PATHS) {
    const found = textAt(resource, ...path)
    if (found !== undefined) return found
  }
  return undefined
}

/** Of a FHIR date, with or without a time. */
const DAY = /^(\d{4})-(\d{2})-(\d{2})(T|$)/

/**
 * Of a FHIR date, Unix ms. A day without a time begins here: in whatever zone it is read it stays that day.
 * @returns NaN where the day is not known: a year or a month has no place on an axis of time.
 */
export function timeOf(text: string | undefined): number {
  const [, year, month, day, time] = DAY.exec(text ?? '') ?? []
  if (text === undefined || time === undefined) return Number.NaN
  return time === 'T' ? Date.parse(text) : new Date(Number(year), Number(month) - 1, Number(day)).getTime()
}

export type Flag = 'high' | 'low' | 'critical-high' | 'critical-low' | 'usual' | 'other' | 'none'

export interface Measured {
  readonly name: string
  /** LOINC code of what was measured, where it has one. */
  readonly loinc?: string
  /** Digits as they were recorded, or words. */
  readonly text: string
  readonly unit: string
  /** For a plot; absent where the value is no number. */
  readonly number?: number
  readonly comparator?: '<' | '<=' | '>=' | '>'
  readonly low?: number
  readonly high?: number
  readonly rangeText?: string
  readonly flag: Flag
}

const FLAGS: Readonly<Record<string, Flag>> = {
  H: 'high',
  HU: 'high',
  HH: 'critical-high',
  L: 'low',
  LU: 'low',
  LL: 'critical-low',
  N: 'usual',
  A: 'other',
  AA: 'other',
}

/** Units of UCUM in the form in which they are printed. */
const UNITS: Readonly<Record<string, string>> = {
  '10*9/L': '×10⁹/L',
  '10*12/L': '×10¹²/L',
  '10*3/uL': '×10³/µL',
  '10*6/uL': '×10⁶/µL',
  ug: 'µg',
  'mm[Hg]': 'mmHg',
  Cel: '°C',
  '{score}': '',
  '1': '',
  'mL/min/{1.73_m2}': 'mL/min/1.73 m²',
  'kg/m2': 'kg/m²',
}

export function unitText(unit: string | undefined): string {
  if (unit === undefined) return ''
  return UNITS[unit] ?? unit.replaceAll(/\{[^}]*\}/g, '').replace(/^u(g|mol|L)/, 'µ$1')
}

/** Values of an Observation: its own, or those of its components (blood pressure). */
export function measuredOf(observation: Resource): readonly Measured[] {
  const own = measuredFrom(observation, titleOf(observation) ?? '')
  const parts = listAt(observation, 'component').flatMap((component) => {
    const found = measuredFrom(component, conceptText(at(component, 'code')) ?? '')
    return found === undefined ? [] : [found]
  })
  return own === undefined ? parts : [own, ...parts]
}

function measuredFrom(source: Json, name: string): Measured | undefined {
  const quantity = at(source, 'valueQuantity')
  const range = rangeOf(source)
  const loinc = loincOf(source)
  const base = { name, ...range, ...(loinc === undefined ? {} : { loinc }) }
  if (isObj(quantity)) {
    const value = quantity['value']
    const number = typeof value === 'number' ? value : Number(value)
    const comparator = textAt(quantity, 'comparator') as Measured['comparator']
    const unit = unitText(textAt(quantity, 'unit') ?? textAt(quantity, 'code'))
    const text = `${comparator === undefined ? '' : `${comparator} `}${textAt(quantity, 'value') ?? ''}`
    return {
      ...base,
      text,
      unit,
      flag: flagOf(source, Number.isFinite(number) ? number : undefined, range),
      ...(Number.isFinite(number) ? { number } : {}),
      ...(comparator === undefined ? {} : { comparator }),
    }
  }
  const words =
    conceptText(at(source, 'valueCodeableConcept')) ??
    textAt(source, 'valueString') ??
    textAt(source, 'valueInteger') ??
    textAt(source, 'valueDateTime') ??
    booleanText(at(source, 'valueBoolean'))
  if (words === undefined) return undefined
  return { ...base, text: words, unit: '', flag: flagOf(source, undefined, range) }
}

/** LOINC code of what a resource or one part of it speaks of. */
export function loincOf(source: Json): string | undefined {
  const codings = listAt(at(source, 'code'), 'coding')
  return codings.filter((coding) => textAt(coding, 'system') === LOINC).map((coding) => textAt(coding, 'code'))[0]
}

function booleanText(value: Json): string | undefined {
  return typeof value === 'boolean' ? String(value) : undefined
}

function rangeOf(source: Json): { low?: number; high?: number; rangeText?: string } {
  const range = at(source, 'referenceRange')
  const low = numberAt(range, 'low', 'value')
  const high = numberAt(range, 'high', 'value')
  const rangeText = textAt(range, 'text')
  return {
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    ...(rangeText === undefined ? {} : { rangeText }),
  }
}

/** The resource's own interpretation; without one, where the value lies in the resource's own range. */
function flagOf(source: Json, number: number | undefined, { low, high }: { low?: number; high?: number }): Flag {
  const code = textAt(source, 'interpretation', 'coding', 'code')
  const found = code === undefined ? undefined : FLAGS[code]
  if (found !== undefined) return found
  if (code !== undefined) return 'other'
  if (number === undefined || (low === undefined && high === undefined)) return 'none'
  if (high !== undefined && number > high) return 'high'
  if (low !== undefined && number < low) return 'low'
  return 'usual'
}

/** The code of what was measured: results with the same one belong on one plot. */
export function codeKeyOf(resource: Resource): string | undefined {
  const coding = listAt(at(resource, 'code'), 'coding')[0]
  const code = textAt(coding, 'code')
  return code === undefined ? undefined : `${textAt(coding, 'system') ?? ''}|${code}`
}

/** Text of the narrative, without markup. */
export function narrativeText(resource: Resource): string | undefined {
  const div = textAt(resource, 'text', 'div')
  if (div === undefined) return undefined
  const plain = div
    .replaceAll(/<(br|\/p|\/div|\/li|\/tr|\/h\d)\b[^>]*>/gi, '\n')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(nbsp|#160);/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
  const lines = plain.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim())
  return lines.filter((line) => line !== '').join('\n')
}
