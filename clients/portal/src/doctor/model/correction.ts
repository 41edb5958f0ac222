/**
 * A correction: what the form holds of a record that is there, and the record's next version, in which everything that the
 * form does not hold stays as it was signed, digit by digit. Its own narrative goes, for it told the old text.
 *
 * Limits: what the form cannot hold whole (several dosages, a range of words, a comparator) is not offered for change; such a
 * record can still be marked as written in error.
 *
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../../../../../shared/crypto/src/index.ts'
import { CONDITIONS, OBSERVATION_KINDS, UCUM, type Unit } from './codes.ts'
import { Decimal, formatExact, parseExact, withoutControls } from '../../fhir/exact-json.ts'
import {
  base64,
  codeableOf,
  concept,
  CONDITION_VERIFICATION,
  INTERPRETATIONS,
  V3_INTERPRETATION,
} from './visit-resources.ts'
import {
  decimalOf,
  EMPTY_VISIT,
  type ConditionEntry,
  type MedicineEntry,
  type ObservationEntry,
  type Visit,
} from './visit.ts'

export type Correction =
  | { readonly kind: 'observation'; readonly entry: ObservationEntry }
  | { readonly kind: 'condition'; readonly entry: ConditionEntry }
  | { readonly kind: 'medicine'; readonly entry: MedicineEntry }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'visit'; readonly reason: string }

/** A resource whose numbers are `Decimal`. */
type Exact = Readonly<Record<string, unknown>>

const ENTRY = 'entry'
const IN_ERROR = 'entered-in-error'
/** Resources whose `status` may be `entered-in-error` in R4, of those that people write as records. */
const STATUS_IN_ERROR = new Set([
  'CarePlan',
  'ClinicalImpression',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'ImagingStudy',
  'Immunization',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
  'Observation',
  'Procedure',
  'ServiceRequest',
])
/** Those where the verification says it, and the clinical status must go (R4 con-5, ait-2). */
const VERIFICATION_IN_ERROR = new Set(['AllergyIntolerance', 'Condition'])

/** What the form holds of the record; undefined where it cannot hold it whole. @param text FHIR JSON as it was signed */
export function correctionOf(text: string): Correction | undefined {
  const resource = exactOf(text)
  if (resource === undefined) return undefined
  switch (resource['resourceType']) {
    case 'Observation':
      return observationOf(resource)
    case 'Condition':
      return conditionOf(resource)
    case 'MedicationRequest':
      return medicineOf(resource)
    case 'DocumentReference':
      return noteOf(resource)
    case 'Encounter':
      return visitOf(resource)
    default:
      return undefined
  }
}

/** Whether the record can be marked as written in error, and is not yet. */
export function canBeInError(text: string): boolean {
  const resource = exactOf(text)
  const type = resource?.['resourceType']
  if (resource === undefined || typeof type !== 'string') return false
  if (STATUS_IN_ERROR.has(type)) return resource['status'] !== IN_ERROR
  return VERIFICATION_IN_ERROR.has(type) && codeOf(resource['verificationStatus']) !== IN_ERROR
}

/** The next version: `text` with what was changed. Call it only when the form's problems are none. */
export function corrected(text: string, correction: Correction): string {
  const { text: _narrative, ...resource } = parseExact(text) as Exact
  const before = correctionOf(text)
  if (before?.kind !== correction.kind) throw new TypeError('the correction is of another kind of record')
  return formatExact({ ...resource, ...changesOf(resource, before, correction) })
}

/** The next version that says: this was never true of this patient. Its content stays readable in it. */
export function writtenInError(text: string): string {
  const resource = parseExact(text) as Exact
  if (STATUS_IN_ERROR.has(String(resource['resourceType']))) return formatExact({ ...resource, status: IN_ERROR })
  const { clinicalStatus: _gone, ...rest } = resource
  const system =
    resource['resourceType'] === 'Condition'
      ? CONDITION_VERIFICATION
      : 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification'
  return formatExact({ ...rest, verificationStatus: concept(system, IN_ERROR) })
}

/** A visit of this one entry: what is missing in a visit is missing in a correction. */
export function visitOfCorrection(correction: Correction): Visit {
  switch (correction.kind) {
    case 'observation':
      return { ...EMPTY_VISIT, observations: [correction.entry] }
    case 'condition':
      return { ...EMPTY_VISIT, conditions: [correction.entry] }
    case 'medicine':
      return { ...EMPTY_VISIT, medicines: [correction.entry] }
    case 'note':
      return { ...EMPTY_VISIT, note: correction.text }
    case 'visit':
    default:
      return { ...EMPTY_VISIT, reason: correction.reason }
  }
}

export function isSameCorrection(one: Correction, other: Correction): boolean {
  return stable(one) === stable(other)
}

/** Members in one order. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isObject(member) ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1))) : member,
  )
}

function changesOf(resource: Exact, before: Correction, after: Correction): Exact {
  if (before.kind === 'observation' && after.kind === 'observation') {
    return observationChanges(resource, before.entry, after.entry)
  }
  if (before.kind === 'condition' && after.kind === 'condition') {
    const { text, coded, certainty } = after.entry
    return {
      ...(text === before.entry.text ? {} : { code: clean(codeableOf(text, coded)) }),
      ...(certainty === before.entry.certainty
        ? {}
        : { verificationStatus: concept(CONDITION_VERIFICATION, certainty) }),
    }
  }
  if (before.kind === 'medicine' && after.kind === 'medicine') {
    return medicineChanges(resource, before.entry, after.entry)
  }
  if (after.kind === 'note') {
    const [content] = resource['content'] as readonly Exact[]
    const { size: _size, hash: _hash, ...attachment } = (content?.['attachment'] ?? {}) as Exact
    const data = base64(encodeUtf8(after.text))
    return {
      docStatus: 'amended',
      content: [{ ...content, attachment: { ...attachment, contentType: 'text/plain; charset=utf-8', data } }],
    }
  }
  const reason = after.kind === 'visit' ? withoutControls(after.reason.trim()) : ''
  return { reasonCode: reason === '' ? undefined : [{ text: reason }] }
}

function observationChanges(resource: Exact, before: ObservationEntry, after: ObservationEntry): Exact {
  const { kind, unit, interpretation, low, high } = after
  const isOtherUnit = unit?.ucum !== before.unit?.ucum
  const quantity = (old: unknown, value: string) => ({
    ...(isObject(old) ? old : {}),
    value: new Decimal(decimalOf(value) ?? '0'),
    ...(isOtherUnit && unit !== undefined ? { unit: unit.print, system: UCUM, code: unit.ucum } : {}),
  })
  const components = resource['component'] as readonly Exact[] | undefined
  const values =
    components === undefined
      ? { valueQuantity: quantity(resource['valueQuantity'], after.values[0] ?? '') }
      : {
          component: components.map((part, i) => ({
            ...part,
            valueQuantity: quantity(part['valueQuantity'], after.values[i] ?? ''),
          })),
        }
  const isOtherRange = isOtherUnit || low !== before.low || high !== before.high
  const example = isObject(resource['valueQuantity']) ? resource['valueQuantity'] : {}
  const limit = (name: 'low' | 'high', value: string) =>
    value.trim() === '' ? {} : { [name]: quantity(example, value) }
  const range = { ...limit('low', low), ...limit('high', high) }
  return {
    // R4 observation-status: `corrected` is what follows a final result that had an error.
    status: resource['status'] === 'preliminary' ? 'preliminary' : 'corrected',
    ...(after.text === before.text ? {} : { code: clean(codeableOf(kind?.name ?? after.text, kind)) }),
    ...values,
    ...(interpretation === before.interpretation
      ? {}
      : {
          interpretation:
            interpretation === undefined
              ? undefined
              : [concept(V3_INTERPRETATION, interpretation, INTERPRETATIONS[interpretation])],
        }),
    ...(isOtherRange ? { referenceRange: Object.keys(range).length === 0 ? undefined : [range] } : {}),
  }
}

function medicineChanges(resource: Exact, before: MedicineEntry, after: MedicineEntry): Exact {
  const days = after.days.trim()
  const dosage = withoutControls(after.dosage.trim())
  const dispense = (resource['dispenseRequest'] ?? {}) as Exact
  const { expectedSupplyDuration: _old, ...others } = dispense
  const duration = { value: new Decimal(days), unit: 'd', system: UCUM, code: 'd' }
  const next = days === '' ? others : { ...others, expectedSupplyDuration: duration }
  return {
    ...(after.text === before.text ? {} : { medicationCodeableConcept: { text: withoutControls(after.text.trim()) } }),
    ...(after.dosage === before.dosage ? {} : { dosageInstruction: dosage === '' ? undefined : [{ text: dosage }] }),
    ...(after.days === before.days ? {} : { dispenseRequest: Object.keys(next).length === 0 ? undefined : next }),
  }
}

function observationOf(resource: Exact): Correction | undefined {
  const name = wordsOf(resource['code'])
  const components = resource['component'] as readonly Exact[] | undefined
  const code = codeOf(resource['code'])
  const kind = OBSERVATION_KINDS.find((one) => one.code === code)
  const parts = components?.map(({ code: part }) => codeOf(part))
  // More values than one are asked for by name: only where the form knows the names.
  if (components !== undefined && JSON.stringify(parts) !== JSON.stringify(kind?.parts?.map((one) => one.code)))
    return undefined
  const quantities = (components ?? [resource]).map(({ valueQuantity }) => simpleQuantity(valueQuantity))
  const [first] = quantities
  const ranges = (resource['referenceRange'] ?? []) as readonly Exact[]
  const range = rangeOf(ranges)
  const interpretation = interpretationOf(resource['interpretation'])
  if (name === undefined || first?.unit === undefined || range === undefined || interpretation === null)
    return undefined
  if (quantities.some((one) => one?.unit?.ucum !== first.unit?.ucum)) return undefined
  if (components?.some((part) => part['referenceRange'] !== undefined || part['interpretation'] !== undefined))
    return undefined
  if (components !== undefined && resource['valueQuantity'] !== undefined) return undefined
  return {
    kind: 'observation',
    entry: {
      id: ENTRY,
      text: kind?.name ?? name,
      values: quantities.flatMap((one) => one?.value ?? []),
      ...(kind === undefined ? {} : { kind }),
      unit: first.unit,
      ...(interpretation === undefined ? {} : { interpretation }),
      ...range,
    },
  }
}

/** A number with at most a unit. */
function simpleQuantity(quantity: unknown): { readonly value: string; readonly unit?: Unit } | undefined {
  if (!isObject(quantity) || quantity['comparator'] !== undefined) return undefined
  const { value, unit, code } = quantity
  if (!(value instanceof Decimal) || decimalOf(value.digits) === undefined) return undefined
  const ucum = code ?? unit
  if (typeof ucum !== 'string') return { value: value.digits }
  return { value: value.digits, unit: { ucum, print: typeof unit === 'string' ? unit : ucum } }
}

/** One range of two numbers, or none. */
function rangeOf(ranges: readonly Exact[]): { readonly low: string; readonly high: string } | undefined {
  const [range, ...others] = ranges
  if (range === undefined) return { low: '', high: '' }
  if (others.length > 0 || Object.keys(range).some((name) => name !== 'low' && name !== 'high')) return undefined
  const limits = [range['low'], range['high']].map((limit) => (limit === undefined ? '' : simpleQuantity(limit)?.value))
  const [low, high] = limits
  return low === undefined || high === undefined ? undefined : { low, high }
}

/** `null`: one that the form does not know. */
function interpretationOf(value: unknown): ObservationEntry['interpretation'] | null {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length !== 1) return null
  const code = codeOf(value[0])
  return code !== undefined && Object.hasOwn(INTERPRETATIONS, code) ? (code as keyof typeof INTERPRETATIONS) : null
}

function conditionOf(resource: Exact): Correction | undefined {
  const text = wordsOf(resource['code'])
  const certainty = codeOf(resource['verificationStatus']) ?? 'confirmed'
  if (text === undefined || (certainty !== 'confirmed' && certainty !== 'provisional')) return undefined
  const code = codeOf(resource['code'])
  const coded = CONDITIONS.find((one) => one.code === code)
  return {
    kind: 'condition',
    entry: { id: ENTRY, text, certainty, ...(coded === undefined ? {} : { coded }) },
  }
}

function medicineOf(resource: Exact): Correction | undefined {
  const text = wordsOf(resource['medicationCodeableConcept'])
  const [dosage, ...others] = (resource['dosageInstruction'] ?? []) as readonly Exact[]
  const words = dosage === undefined ? '' : dosage['text']
  const isPlain = dosage === undefined || Object.keys(dosage).every((name) => name === 'text')
  if (text === undefined || others.length > 0 || !isPlain || typeof words !== 'string') return undefined
  const duration = (resource['dispenseRequest'] as Exact | undefined)?.['expectedSupplyDuration']
  const length = duration === undefined ? undefined : simpleQuantity(duration)
  if (duration !== undefined && length?.unit?.ucum !== 'd') return undefined
  return { kind: 'medicine', entry: { id: ENTRY, text, dosage: words, days: length?.value ?? '' } }
}

function noteOf(resource: Exact): Correction | undefined {
  const [content, ...others] = (resource['content'] ?? []) as readonly Exact[]
  const attachment = content?.['attachment']
  if (!isObject(attachment) || others.length > 0) return undefined
  const { contentType, data } = attachment
  if (typeof contentType !== 'string' || !/^text\/plain(;\s*charset=utf-8)?$/i.test(contentType)) return undefined
  if (typeof data !== 'string') return undefined
  try {
    return { kind: 'note', text: decodeUtf8(Uint8Array.from(atob(data), (one) => one.charCodeAt(0))) }
  } catch {
    // Not the base64 or UTF-8 that it says it is: nothing for a field of text.
    return undefined
  }
}

function visitOf(resource: Exact): Correction | undefined {
  const [reason, ...others] = (resource['reasonCode'] ?? []) as readonly unknown[]
  if (others.length > 0) return undefined
  const words = reason === undefined ? '' : wordsOf(reason)
  return words === undefined ? undefined : { kind: 'visit', reason: words }
}

function exactOf(text: string): Exact | undefined {
  try {
    const parsed = parseExact(text)
    return isObject(parsed) ? parsed : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isObject(value: unknown): value is Exact {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal)
}

/** The first code of a CodeableConcept. */
function codeOf(value: unknown): string | undefined {
  const [coding] = (isObject(value) ? (value['coding'] ?? []) : []) as readonly unknown[]
  const code = isObject(coding) ? coding['code'] : undefined
  return typeof code === 'string' ? code : undefined
}

function wordsOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined
  const [coding] = (value['coding'] ?? []) as readonly unknown[]
  const words = value['text'] ?? (isObject(coding) ? coding['display'] : undefined)
  return typeof words === 'string' && words !== '' ? words : undefined
}

/** Words that were typed, as FHIR may have them. */
function clean(content: object): unknown {
  return JSON.parse(formatExact(content, withoutControls))
}
