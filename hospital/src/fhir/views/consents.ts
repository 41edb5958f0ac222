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
import type { PatientRef } from '../../../../shared/protocol/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import { FhirRequestError } from '../errors.ts'
import type { PatientIds } from '../patients.ts'
import type { Directory, Permission, Permissions } from '../ports.ts'
import { candidate, type MadeResource } from './people.ts'

export interface ConsentViewParts {
  readonly permissions: Permissions
  readonly directory: Directory
  readonly ids: PatientIds
  readonly nowMs: () => number
}

export function consentView({ permissions, directory, ids, nowMs }: ConsentViewParts): View {
  const of = async (patient: PatientRef): Promise<Candidate[]> =>
    (await permissions.of(patient)).map((one) => {
      const isActive = one.revokedMs === undefined && nowMs() < one.untilMs
      const changedMs = one.revokedMs ?? one.recordedMs ?? one.fromMs
      const resource = { ...consentOf(one, isActive), id: one.jti } as MadeResource
      const made = {
        ...resource,
        patient: { ...(resource['patient'] as object), reference: `Patient/${ids.idOf(patient)}` },
      }
      return candidate(made, changedMs, patient, one.revokedMs === undefined ? '1' : '2')
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

function consentOf(one: Permission, isActive: boolean): FhirResource {
  const status = isActive ? 'active' : 'inactive'
  const signed = one.recordedMs === undefined ? {} : { signedMs: one.recordedMs }
  if (one.kind === 'warrant' && one.hospital !== undefined) {
    const { jti, patient, parties, hospital, fromMs, untilMs, scope, aux } = one
    const view = {
      jti,
      patientRef: patient,
      doctors: parties,
      hospital,
      notBeforeMs: fromMs,
      notAfterMs: untilMs,
      scope,
    }
    return warrantToConsent({ ...view, ...(aux === undefined || aux === '' ? {} : { aux }) } as WarrantView, {
      status,
      ...signed,
    })
  }
  return grantConsent(one, status)
}

/** Access for one reader: to look only, for one purpose. */
function grantConsent(
  { jti, patient, parties, scope, fromMs, untilMs, purpose, recordedMs }: Permission,
  status: string,
) {
  const concept = (system: string, code: string) => ({ coding: [{ system, code }] })
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
      actor: parties.map((party) => ({
        role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
        reference: {
          type: party.startsWith('d-') ? 'Practitioner' : party.startsWith('h-') ? 'Organization' : 'Patient',
          identifier: { system: PARTICIPANT_SYSTEM, value: party },
        },
      })),
      action: [concept('http://terminology.hl7.org/CodeSystem/consentaction', 'access')],
      ...(purpose === undefined
        ? {}
        : { purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: purpose }] }),
      class: scope.map((kind) => ({ system: EHR_TYPE_SYSTEM, code: kind })),
    },
  } as unknown as FhirResource
}
