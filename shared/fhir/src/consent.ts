/**
 * A warrant as a FHIR Consent and back, so that other EHR systems can show one and draft one. The Consent is a view:
 * what permits anything is the patient's signature on the warrant itself, never a Consent.
 *
 * Limits: only Consents of exactly this shape become a warrant. Whatever would narrow or change the meaning and a warrant
 * cannot carry (exceptions, purposes, labels, data filters, modifier extensions, other actions) is refused: ignoring it
 * would permit more than was agreed.
 * Source: docs/protocol/03-envelopes-and-warrants.md §3.3; FHIR R4 https://hl7.org/fhir/R4/consent.html
 *
 * @module
 */
import { isEhrType } from './ehr-type.ts'
import type { EhrType } from './ehr-type.ts'
import { FhirError } from './errors.ts'
import { formatInstant, parseDateTime } from './fhir-date.ts'
import { isObject, listOf, textOf } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import type { FhirResource } from './resource.ts'
import { EHR_TYPE_SYSTEM, PARTICIPANT_SYSTEM, WARRANT_AUX_EXTENSION, WARRANT_ID_SYSTEM } from './systems.ts'

/** What a warrant says (its JWS payload, times in milliseconds). */
export interface WarrantView {
  readonly jti: string
  readonly patientRef: string
  /** 1 to 16 participant references, in the order of the warrant. */
  readonly doctors: readonly string[]
  readonly hospital: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Kinds of records, or `['*']` for every kind. */
  readonly scope: readonly (EhrType | '*')[]
  readonly aux?: string
}

/** `inactive`: revoked, or past its end. */
export type ConsentStatus = 'active' | 'inactive'

export interface ConsentDetails {
  readonly status: ConsentStatus
  /** When the patient signed; becomes `dateTime`. */
  readonly signedMs?: number
}

const SCOPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/consentscope'
const ACTION_SYSTEM = 'http://terminology.hl7.org/CodeSystem/consentaction'
const ACT_CODE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
const PARTICIPATION_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType'
/** A warrant lets its doctors see records, work with them and add some. */
const ACTIONS = ['access', 'collect', 'use'] as const
/** v3 ParticipationType: who the information is for, and who keeps it. */
const DOCTOR_ROLE = 'IRCP'
const HOSPITAL_ROLE = 'CST'
const MAX_DOCTORS = 16

/** Elements that say nothing about what is permitted; all others must be as written here. */
const CONSENT_ELEMENTS = new Set(
  'resourceType id meta language text identifier status scope category patient dateTime policyRule provision extension'.split(
    ' ',
  ),
)
const PROVISION_ELEMENTS = new Set('id type period actor action class'.split(' '))

/**
 * Shows a warrant as a Consent.
 *
 * @throws {RangeError} a time outside the years 1 to 9999.
 */
export function warrantToConsent(warrant: WarrantView, details: ConsentDetails): FhirResource {
  return {
    resourceType: 'Consent',
    ...(warrant.aux === undefined ? {} : { extension: [{ url: WARRANT_AUX_EXTENSION, valueString: warrant.aux }] }),
    identifier: [{ system: WARRANT_ID_SYSTEM, value: warrant.jti }],
    status: details.status,
    scope: concept(SCOPE_SYSTEM, 'patient-privacy'),
    category: [concept('http://loinc.org', '59284-0')],
    patient: participant('Patient', warrant.patientRef),
    ...(details.signedMs === undefined ? {} : { dateTime: formatInstant(details.signedMs) }),
    // R4 invariant ppc-1 asks for a policy. OPTIN: nothing is permitted but what the provision names.
    policyRule: concept(ACT_CODE_SYSTEM, 'OPTIN'),
    provision: {
      type: 'permit',
      period: { start: formatInstant(warrant.notBeforeMs), end: formatInstant(warrant.notAfterMs) },
      actor: [
        ...warrant.doctors.map((doctor) => actor(DOCTOR_ROLE, typeOfParticipant(doctor), doctor)),
        actor(HOSPITAL_ROLE, 'Organization', warrant.hospital),
      ],
      action: ACTIONS.map((action) => concept(ACTION_SYSTEM, action)),
      class: warrant.scope.map((kind) => ({ system: EHR_TYPE_SYSTEM, code: kind })),
    },
  }
}

/**
 * Reads a Consent of the shape that `warrantToConsent` makes. Dates may be partial: the period is all of them.
 *
 * @throws {FhirError} `FHIR_CONSENT_UNSUPPORTED`: an element is missing, unknown or of another value.
 */
export function consentToWarrant(consent: FhirResource): {
  readonly warrant: WarrantView
  readonly details: ConsentDetails
} {
  require(consent.resourceType === 'Consent' && hasOnly(consent, CONSENT_ELEMENTS))
  const { status } = consent as { readonly status?: unknown }
  require(status === 'active' || status === 'inactive')
  require(isConcept(consent['scope'], SCOPE_SYSTEM, 'patient-privacy'))
  require(isConcept(consent['policyRule'], ACT_CODE_SYSTEM, 'OPTIN'))
  const provision = consent['provision']
  require(isObject(provision) && hasOnly(provision, PROVISION_ELEMENTS) && provision['type'] === 'permit')
  const period = isObject(provision['period']) ? provision['period'] : {}
  const notBeforeMs = parseDateTime(period['start'])?.startMs
  const notAfterMs = parseDateTime(period['end'])?.endMs
  require(notBeforeMs !== undefined && notAfterMs !== undefined && notBeforeMs <= notAfterMs)
  require(
    isSameSet(
      listOf(provision['action']).map((action) => codeOf(action, ACTION_SYSTEM)),
      ACTIONS,
    ),
  )
  const actors = listOf(provision['actor']).map(readActor)
  const doctors = actors.flatMap(({ role, reference }) => (role === DOCTOR_ROLE ? [reference] : []))
  const hospitals = actors.flatMap(({ role, reference }) => (role === HOSPITAL_ROLE ? [reference] : []))
  const [hospital] = hospitals
  require(doctors.length >= 1 && doctors.length <= MAX_DOCTORS && hospitals.length === 1 && hospital !== undefined)
  const aux = readAux(consent['extension'])
  const signedMs = consent['dateTime'] === undefined ? undefined : parseDateTime(consent['dateTime'])?.startMs
  require(consent['dateTime'] === undefined || signedMs !== undefined)
  return {
    warrant: {
      jti: readIdentifier(only(consent['identifier']), WARRANT_ID_SYSTEM),
      patientRef: readParticipant(consent['patient']),
      doctors,
      hospital,
      notBeforeMs,
      notAfterMs,
      scope: readScope(provision['class']),
      ...(aux === undefined ? {} : { aux }),
    },
    details: { status, ...(signedMs === undefined ? {} : { signedMs }) },
  }
}

/** Absence refuses: in FHIR a Consent without classes means all of them; here the patient must say `*`. */
function readScope(classes: unknown): WarrantView['scope'] {
  const scope = listOf(classes).map((coding) => {
    const kind = isObject(coding) && coding['system'] === EHR_TYPE_SYSTEM ? coding['code'] : undefined
    require(kind === '*' || isEhrType(kind))
    return kind
  })
  require(scope.length > 0 && new Set(scope).size === scope.length && (scope.length === 1 || !scope.includes('*')))
  return scope
}

function readActor(value: unknown): { readonly role: string; readonly reference: string } {
  require(isObject(value) && hasOnly(value, new Set(['id', 'role', 'reference'])))
  const role = codeOf(value['role'], PARTICIPATION_SYSTEM)
  require(role === DOCTOR_ROLE || role === HOSPITAL_ROLE)
  return { role, reference: readParticipant(value['reference']) }
}

function readParticipant(reference: unknown): string {
  require(isObject(reference))
  return readIdentifier(reference['identifier'], PARTICIPANT_SYSTEM)
}

function readIdentifier(identifier: unknown, system: string): string {
  require(isObject(identifier) && identifier['system'] === system)
  const value = textOf(identifier['value'])
  require(value !== undefined)
  return value
}

/** Only our own extension is known; one that is not could change what the Consent means to its author. */
function readAux(extensions: unknown): string | undefined {
  if (extensions === undefined) return undefined
  const extension = only(extensions)
  require(isObject(extension) && extension['url'] === WARRANT_AUX_EXTENSION)
  const aux = extension['valueString']
  require(typeof aux === 'string')
  return aux
}

function actor(role: string, type: string, reference: string): JsonObject {
  return { role: concept(PARTICIPATION_SYSTEM, role), reference: participant(type, reference) }
}

function participant(type: string, reference: string): JsonObject {
  return { type, identifier: { system: PARTICIPANT_SYSTEM, value: reference } }
}

/** The hospital itself may stand among the doctors (registration warrant, §3.3). */
function typeOfParticipant(reference: string): string {
  return reference.startsWith('h-') ? 'Organization' : 'Practitioner'
}

function concept(system: string, code: string): JsonObject {
  return { coding: [{ system, code }] }
}

/** The code that a CodeableConcept has in one system; a concept that says more than that is none. */
function codeOf(value: unknown, system: string): string | undefined {
  const coding = isObject(value) ? only(value['coding']) : undefined
  return isObject(coding) && coding['system'] === system ? textOf(coding['code']) : undefined
}

function isConcept(value: unknown, system: string, code: string): boolean {
  return codeOf(value, system) === code
}

function isSameSet(found: readonly (string | undefined)[], wanted: readonly string[]): boolean {
  return found.length === wanted.length && wanted.every((item) => found.includes(item))
}

/** The one element of a list; `undefined` if there are none or more. */
function only(value: unknown): unknown {
  const list = listOf(value)
  return list.length === 1 ? list[0] : undefined
}

function hasOnly(object: JsonObject, names: ReadonlySet<string>): boolean {
  return Object.keys(object).every((name) => names.has(name))
}

function require(condition: boolean): asserts condition {
  if (!condition) throw new FhirError('FHIR_CONSENT_UNSUPPORTED', 'the Consent cannot be expressed as a warrant')
}
