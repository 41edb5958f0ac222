/**
 * A visit as FHIR R4 resources, each one a record of its own: Encounter, Condition, Observation, MedicationRequest, and
 * the note as a DocumentReference. They name the encounter by its identifier, because each is signed and stored alone.
 * Numbers keep the digits that were typed (R4 datatypes.html#decimal: precision is meaningful).
 *
 * @module
 */
import { encodeUtf8 } from '../../../../../shared/crypto/src/index.ts'
import { formatInstant, PARTICIPANT_SYSTEM } from '../../../../../shared/fhir/src/index.ts'
import { UCUM, type CodedConcept } from './codes.ts'
import { Decimal, formatExact, withoutControls } from '../../fhir/exact-json.ts'
import { decimalOf, type ConditionEntry, type MedicineEntry, type ObservationEntry, type Visit } from './visit.ts'

export interface VisitContext {
  readonly patient: { readonly ref: string; readonly name: string }
  readonly doctor: { readonly ref: string; readonly name: string }
  readonly hospital: { readonly ref: string; readonly name: string }
  /** When the visit began and ended, Unix ms. */
  readonly startedMs: number
  readonly endedMs: number
  /** UUID of the visit. */
  readonly visitId: string
}

/** One record to be signed. */
export interface VisitResource {
  readonly resourceType: 'Encounter' | 'Condition' | 'Observation' | 'MedicationRequest' | 'DocumentReference'
  /** What it is about, for the list of what will be signed. */
  readonly title: string
  /** FHIR JSON. */
  readonly text: string
}

const CONDITION_CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical'
export const CONDITION_VERIFICATION = 'http://terminology.hl7.org/CodeSystem/condition-ver-status'
const V3_ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
export const V3_INTERPRETATION = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation'
const CLASSES = {
  AMB: 'ambulatory',
  IMP: 'inpatient encounter',
  EMER: 'emergency',
  VR: 'virtual',
} as const
export const INTERPRETATIONS = { L: 'Low', N: 'Normal', H: 'High', LL: 'Critical low', HH: 'Critical high' } as const

/** Call it only when `problemsOf` finds nothing. The Encounter comes first. */
export function visitResources(visit: Visit, context: VisitContext): readonly VisitResource[] {
  return [
    encounterOf(visit, context),
    ...visit.conditions.map((one) => conditionOf(one, context)),
    ...visit.observations.map((one) => observationOf(one, context)),
    ...visit.medicines.map((one) => medicineOf(one, context)),
    ...(visit.note.trim() === '' ? [] : [noteOf(visit.note, context)]),
  ]
}

function encounterOf(visit: Visit, context: VisitContext): VisitResource {
  const { patient, doctor, hospital, startedMs, endedMs } = context
  return resource('Encounter', visit.reason.trim(), {
    resourceType: 'Encounter',
    identifier: [identifierOf(context)],
    status: 'finished',
    class: { system: V3_ACT, code: visit.class, display: CLASSES[visit.class] },
    subject: patientReference(patient),
    participant: [{ individual: reference('Practitioner', doctor) }],
    period: { start: formatInstant(startedMs), end: formatInstant(Math.max(startedMs, endedMs)) },
    ...(visit.reason.trim() === '' ? {} : { reasonCode: [{ text: visit.reason.trim() }] }),
    serviceProvider: reference('Organization', hospital),
  })
}

function conditionOf(one: ConditionEntry, context: VisitContext): VisitResource {
  return resource('Condition', one.text.trim(), {
    resourceType: 'Condition',
    clinicalStatus: concept(CONDITION_CLINICAL, 'active'),
    verificationStatus: concept(CONDITION_VERIFICATION, one.certainty),
    category: [concept('http://terminology.hl7.org/CodeSystem/condition-category', 'encounter-diagnosis')],
    code: codeableOf(one.text, one.coded),
    ...common(context),
    recordedDate: formatInstant(context.endedMs),
    recorder: reference('Practitioner', context.doctor),
  })
}

function observationOf(one: ObservationEntry, context: VisitContext): VisitResource {
  const { kind, unit, interpretation, low, high } = one
  const quantity = (value: string) => ({
    value: new Decimal(decimalOf(value) ?? '0'),
    ...(unit === undefined ? {} : { unit: unit.print, system: UCUM, code: unit.ucum }),
  })
  const limit = (name: 'low' | 'high', value: string) => (value.trim() === '' ? {} : { [name]: quantity(value) })
  const hasRange = low.trim() !== '' || high.trim() !== ''
  const parts = kind?.parts?.map(({ code, display }, i) => ({
    code: { coding: [{ system: kind.system, code, display }] },
    valueQuantity: quantity(one.values[i] ?? ''),
  }))
  return resource('Observation', one.text.trim(), {
    resourceType: 'Observation',
    status: 'final',
    category: [concept('http://terminology.hl7.org/CodeSystem/observation-category', kind?.category ?? 'laboratory')],
    code: codeableOf(kind?.name ?? one.text, kind),
    ...common(context),
    effectiveDateTime: formatInstant(context.endedMs),
    performer: [reference('Practitioner', context.doctor)],
    ...(parts === undefined ? { valueQuantity: quantity(one.values[0] ?? '') } : { component: parts }),
    ...(interpretation === undefined
      ? {}
      : { interpretation: [concept(V3_INTERPRETATION, interpretation, INTERPRETATIONS[interpretation])] }),
    ...(hasRange ? { referenceRange: [{ ...limit('low', low), ...limit('high', high) }] } : {}),
  })
}

function medicineOf(one: MedicineEntry, context: VisitContext): VisitResource {
  const days = one.days.trim()
  return resource('MedicationRequest', one.text.trim(), {
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { text: one.text.trim() },
    ...common(context),
    authoredOn: formatInstant(context.endedMs),
    requester: reference('Practitioner', context.doctor),
    ...(one.dosage.trim() === '' ? {} : { dosageInstruction: [{ text: one.dosage.trim() }] }),
    ...(days === ''
      ? {}
      : {
          dispenseRequest: {
            expectedSupplyDuration: { value: new Decimal(days), unit: 'd', system: UCUM, code: 'd' },
          },
        }),
  })
}

function noteOf(note: string, context: VisitContext): VisitResource {
  return resource('DocumentReference', '', {
    resourceType: 'DocumentReference',
    status: 'current',
    type: {
      coding: [{ system: 'http://loinc.org', code: '11506-3', display: 'Progress note' }],
      text: 'Visit note',
    },
    subject: patientReference(context.patient),
    date: formatInstant(context.endedMs),
    author: [reference('Practitioner', context.doctor)],
    content: [{ attachment: { contentType: 'text/plain; charset=utf-8', data: base64(encodeUtf8(note)) } }],
    context: {
      encounter: [{ type: 'Encounter', identifier: identifierOf(context) }],
      period: { start: formatInstant(context.startedMs), end: formatInstant(context.endedMs) },
    },
  })
}

function common(context: VisitContext): object {
  return {
    subject: patientReference(context.patient),
    encounter: { type: 'Encounter', identifier: identifierOf(context) },
  }
}

function identifierOf({ visitId }: VisitContext): object {
  return { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${visitId}` }
}

/** The patient's name stays out: a record names its patient by reference only. */
function patientReference({ ref }: VisitContext['patient']): object {
  return { reference: `Patient/${ref}` }
}

function reference(type: string, { ref, name }: { readonly ref: string; readonly name: string }): object {
  return { type, identifier: { system: PARTICIPANT_SYSTEM, value: ref }, display: name }
}

export function concept(system: string, code: string, display?: string): object {
  return { coding: [{ system, code, ...(display === undefined ? {} : { display }) }] }
}

export function codeableOf(text: string, coded: CodedConcept | undefined): object {
  if (coded === undefined) return { text: text.trim() }
  const { system, code, display } = coded
  return { coding: [{ system, code, display }], text: text.trim() }
}

function resource(resourceType: VisitResource['resourceType'], title: string, content: object): VisitResource {
  const text = formatExact(content, withoutControls)
  return { resourceType, title, text }
}

export function base64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
