/**
 * Which kind one resource is.
 *
 * Limits: one resource has one kind. What the tables and rules below do not place is `other`, which a scope must name
 * like any kind: an unknown record is never let in under a friendlier word.
 *
 * @module
 */
import type { EhrType } from './ehr-type.ts'
import { isObject, listOf, textOf } from './json-value.ts'
import { rowOf } from './resource-types.ts'
import type { FhirResource } from './resource.ts'

/** `system|code` of a category to the kind it means. Tables: FHIR observation-category, HL7 v2 0074, US Core. */
const CATEGORY_KIND: ReadonlyMap<string, EhrType> = new Map([
  ...kinds('http://terminology.hl7.org/CodeSystem/observation-category', {
    laboratory: 'lab',
    'vital-signs': 'vital-signs',
    imaging: 'imaging',
    procedure: 'procedure',
    survey: 'other',
    'social-history': 'other',
    exam: 'other',
    therapy: 'other',
    activity: 'other',
  }),
  ...kinds('http://terminology.hl7.org/CodeSystem/v2-0074', {
    ...same('lab', 'BG BLB CG CH CP GE HM IMM LAB MB MCB MYC OSL PAR PAT SP SR TX URN VR'),
    ...same('imaging', 'CT CTH CUS IMG NMR NMS OUS RAD RUS RX VUS XRC'),
    ...same('document', 'PHY'),
  }),
  ...kinds('http://loinc.org', {
    'LP29684-5': 'imaging',
    'LP7839-6': 'lab',
    'LP29693-6': 'lab',
    ...same('document', '11506-3 11488-4 18842-5 28570-0 34117-2 34748-4 51847-2 LP29708-2'),
  }),
])

/** LOINC codes of the FHIR vital signs profiles (R4 observation-vitalsigns.html) and of their usual variants. */
const VITAL_SIGNS: ReadonlySet<string> = new Set(
  (
    '85353-1 9279-1 8867-4 2708-6 59408-5 8310-5 8302-2 8306-3 9843-4 29463-7 39156-5 85354-9 8480-6 8462-4 8478-0 ' +
    '59576-9 8287-5 77606-2'
  ).split(' '),
)

/** The kind of one resource: its category when a table above knows it, else what its content shows, else its type's kind. */
export function ehrTypeOf(resource: FhirResource): EhrType {
  const { resourceType } = resource
  if (resourceType === 'Observation') return categoryKind(resource) ?? kindOfObservation(resource)
  if (resourceType === 'DiagnosticReport') return categoryKind(resource) ?? kindOfReport(resource)
  return rowOf(resourceType).kind ?? 'other'
}

function kindOfObservation(resource: FhirResource): EhrType {
  for (const coding of codingsOf(resource['code'])) {
    if (coding['system'] === 'http://loinc.org' && VITAL_SIGNS.has(textOf(coding['code']) ?? '')) return 'vital-signs'
  }
  // Without a category: only laboratory results come from a specimen, and nearly only they state a reference range.
  return isFilled(resource['specimen']) || isFilled(resource['referenceRange']) ? 'lab' : 'other'
}

function kindOfReport(resource: FhirResource): EhrType {
  if (isFilled(resource['imagingStudy']) || isFilled(resource['media'])) return 'imaging'
  return isFilled(resource['specimen']) ? 'lab' : 'other'
}

/** The first category that the table knows; later ones do not widen it. */
function categoryKind(resource: FhirResource): EhrType | undefined {
  for (const concept of listOf(resource['category'])) {
    for (const coding of codingsOf(concept)) {
      const kind = CATEGORY_KIND.get(`${textOf(coding['system']) ?? ''}|${textOf(coding['code']) ?? ''}`)
      if (kind !== undefined) return kind
    }
  }
  return undefined
}

function codingsOf(concept: unknown): readonly Readonly<Record<string, unknown>>[] {
  const coding = isObject(concept) ? concept['coding'] : undefined
  return Array.isArray(coding) ? coding.filter(isObject) : []
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : isObject(value)
}

function kinds(system: string, table: Readonly<Record<string, EhrType>>): [string, EhrType][] {
  return Object.entries(table).map(([code, kind]) => [`${system}|${code}`, kind])
}

function same(kind: EhrType, codes: string): Record<string, EhrType> {
  return Object.fromEntries(codes.split(' ').map((code) => [code, kind]))
}
