/**
 * Permissions of the hospital's patients as Consents, from the signed texts and the ledger: appointments' permissions
 * (warrants, ids `w-…`) and access that was given (grants, `g-…`). A Consent written through FHIR is never a permission;
 * one of this shape with status `proposed` is a request that the patient may sign.
 *
 * @module
 */
import {
  consentToWarrant,
  EHR_TYPE_SYSTEM,
  FhirError,
  formatInstant,
  PARTICIPANT_SYSTEM,
  WARRANT_ID_SYSTEM,
  warrantToConsent,
  type FhirResource,
  type WarrantView,
} from '../../../../shared/fhir/src/index.ts'
import { isObject, listOf } from '../../../../shared/fhir/src/json-value.ts'
import type { PatientRef, RecordId } from '../../../../shared/protocol/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import { FhirRequestError } from '../errors.ts'
import type { PatientIds } from '../patients.ts'
import type { Directory, Permission, Permissions } from '../ports.ts'
import type { FhirStore } from '../store.ts'
import { candidate, type MadeResource } from './people.ts'

const RECORD_SYSTEM = 'https://trusthealth.example/fhir/record'

export interface ConsentViewParts {
  readonly permissions: Permissions
  readonly directory: Directory
  readonly ids: PatientIds
  readonly store: Pick<FhirStore, 'findRecord'>
  readonly nowMs: () => number
}

export function consentView({ permissions, directory, ids, store, nowMs }: ConsentViewParts): View {
  const referenceTo: ReferenceTo = (record) => {
    const row = store.findRecord(record)
    const identifier = { system: RECORD_SYSTEM, value: record }
    return row === undefined || row.gone !== undefined
      ? { identifier }
      : { reference: `${row.type}/${row.id}`, identifier }
  }
  const of = async (patient: PatientRef): Promise<Candidate[]> =>
    (await permissions.of(patient)).map((one) => {
      const isLeftNobody = one.parties.every((party) => one.suspended.includes(party))
      const isActive = one.revokedMs === undefined && nowMs() < one.untilMs && !isLeftNobody
      const changedMs = one.revokedMs ?? one.recordedMs ?? one.fromMs
      const resource = { ...consentOf(one, isActive, referenceTo), id: one.jti } as MadeResource
      const made = {
        ...resource,
        patient: { ...(resource['patient'] as object), reference: `Patient/${ids.idOf(patient)}` },
      }
      const found = candidate(made, changedMs, patient, one.revokedMs === undefined ? '1' : '2')
      // Named by identifier, because a party of another hospital is no resource here; clients ask by reference.
      const actor = one.parties.map((party) => [`${typeOf(party)}/${party}`, `${PARTICIPANT_SYSTEM}|${party}`] as const)
      return { ...found, values: { ...found.values, actor } }
    })
  const all = async () => (await Promise.all(directory.patients().map(({ ref }) => of(ref)))).flat()
  return {
    type: 'Consent',
    find: async (id) => (/^[wg]-[0-9a-f]{32}$/.test(id) ? (await all()).find((one) => one.id === id) : undefined),
    list: async ({ patient }) => await (patient === undefined ? all() : of(patient)),
  }
}

/**
 * Whether a Consent asks for a permission here, rather than tells of one elsewhere.
 * @throws {FhirRequestError} `FHIR_CONSENT_UNSIGNED` for one that says it is active already, `FHIR_CONSENT_UNSUPPORTED`
 */
export function asksForPermission(resource: FhirResource): boolean {
  const provision = isObject(resource['provision']) ? resource['provision'] : {}
  const isOurs =
    listOf(resource['identifier']).some((one) => isObject(one) && one['system'] === WARRANT_ID_SYSTEM) ||
    listOf(provision['class']).some((one) => isObject(one) && one['system'] === EHR_TYPE_SYSTEM)
  if (!isOurs) return false
  if (resource['status'] !== 'proposed') throw new FhirRequestError('FHIR_CONSENT_UNSIGNED')
  termsOf(resource)
  return true
}

/** What the patient would sign. @throws {FhirRequestError} `FHIR_CONSENT_UNSUPPORTED` */
export function termsOf(resource: FhirResource): Omit<WarrantView, 'jti'> {
  // A request has no permission's id yet, and is not active.
  const identifier = [{ system: WARRANT_ID_SYSTEM, value: `w-${'0'.repeat(32)}` }]
  const { id: _id, meta: _meta, text: _text, patient, ...rest } = resource
  const named = isObject(patient) ? { ...patient } : {}
  delete (named as Record<string, unknown>)['reference']
  try {
    const asked = { ...rest, patient: named, identifier, status: 'active' } as FhirResource
    const { jti: _jti, ...terms } = consentToWarrant(asked).warrant
    return terms
  } catch (error) {
    if (error instanceof FhirError) throw new FhirRequestError(error.code)
    throw error
  }
}

/** A record as the façade's clients know it, where it has a resource here; always by its id. */
type ReferenceTo = (record: RecordId) => { readonly reference?: string; readonly identifier: object }

function consentOf(one: Permission, isActive: boolean, referenceTo: ReferenceTo): FhirResource {
  const status = isActive ? 'active' : 'inactive'
  const signed = one.recordedMs === undefined ? {} : { signedMs: one.recordedMs }
  const consent =
    one.kind === 'warrant' && one.hospital !== undefined
      ? warrantToConsent(warrantView(one, one.hospital), { status, ...signed })
      : grantConsent(one, status, referenceTo)
  const exceptions = exceptionsOf(one, referenceTo)
  if (exceptions.length === 0) return consent
  return { ...consent, provision: { ...(consent['provision'] as object), provision: exceptions } }
}

function warrantView(one: Permission, hospital: string): WarrantView {
  const { jti, patient, parties, fromMs, untilMs, scope, aux } = one
  const view = {
    jti,
    patientRef: patient,
    doctors: parties,
    hospital,
    notBeforeMs: fromMs,
    notAfterMs: untilMs,
    scope,
  }
  return { ...view, ...(aux === undefined || aux === '' ? {} : { aux }) } as WarrantView
}

/** What the permission does not open, and whom a sanction keeps out of it. */
function exceptionsOf({ except, suspended }: Permission, referenceTo: ReferenceTo): readonly object[] {
  return [
    ...(except.length === 0 ? [] : [{ type: 'deny', data: dataOf(except, referenceTo) }]),
    ...(suspended.length === 0 ? [] : [{ type: 'deny', actor: suspended.map(actorOf) }]),
  ]
}

function dataOf(records: readonly RecordId[], referenceTo: ReferenceTo): readonly object[] {
  return records.map((record) => ({ meaning: 'instance', reference: referenceTo(record) }))
}

function typeOf(party: string): string {
  return party.startsWith('d-') ? 'Practitioner' : party.startsWith('h-') ? 'Organization' : 'Patient'
}

function actorOf(party: string): object {
  return {
    role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
    reference: {
      type: typeOf(party),
      identifier: { system: PARTICIPANT_SYSTEM, value: party },
    },
  }
}

/** Access for one reader: to look only, for one purpose. */
function grantConsent(one: Permission, status: string, referenceTo: ReferenceTo): FhirResource {
  const { jti, patient, parties, scope, fromMs, untilMs, purpose, recordedMs, records, datesFromMs, datesToMs } = one
  const dataPeriod = {
    ...(datesFromMs === undefined ? {} : { start: formatInstant(datesFromMs) }),
    ...(datesToMs === undefined ? {} : { end: formatInstant(datesToMs) }),
  }
  return {
    resourceType: 'Consent',
    identifier: [{ system: 'https://trusthealth.example/fhir/grant', value: jti }],
    status,
    scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [concept('http://loinc.org', '59284-0')],
    patient: { type: 'Patient', identifier: { system: PARTICIPANT_SYSTEM, value: patient } },
    ...(recordedMs === undefined ? {} : { dateTime: formatInstant(recordedMs) }),
    policyRule: concept('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'OPTIN'),
    provision: {
      type: 'permit',
      period: { start: formatInstant(fromMs), end: formatInstant(untilMs) },
      actor: parties.map(actorOf),
      action: [concept('http://terminology.hl7.org/CodeSystem/consentaction', 'access')],
      ...(purpose === undefined
        ? {}
        : { purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: purpose }] }),
      class: scope.map((kind) => ({ system: EHR_TYPE_SYSTEM, code: kind })),
      ...(Object.keys(dataPeriod).length === 0 ? {} : { dataPeriod }),
      ...(records.length === 0 ? {} : { data: dataOf(records, referenceTo) }),
    },
  } as unknown as FhirResource
}

function concept(system: string, code: string) {
  return { coding: [{ system, code }] }
}
