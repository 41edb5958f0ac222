/**
 * Whose record a resource becomes: the patient whom its own elements name, by an id of this server.
 *
 * @module
 */
import {
  FhirError,
  isResourceType,
  linkBundle,
  PARTICIPANT_SYSTEM,
  splitBundle,
  type FhirResource,
} from '../../../shared/fhir/src/index.ts'
import { isObject, valuesAt } from '../../../shared/fhir/src/json-value.ts'
import { referenceTextOf, subjectReferencesOf, targetTypeOf } from '../../../shared/fhir/src/references.ts'
import { rowOf } from '../../../shared/fhir/src/resource-types.ts'
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import { FhirRequestError } from './errors.ts'
import type { PatientIds } from './patients.ts'

/** Without an element for the patient, but about one. */
const ABOUT_SOMEBODY = new Set(['Binary', 'Bundle', 'Patient'])
const MAX_REFERENCES = 256

/** Whether records of a type are about a patient at all. */
export function isPersonal(type: string): boolean {
  return ABOUT_SOMEBODY.has(type) || (isResourceType(type) && rowOf(type).subject.length > 0)
}

/**
 * @param text the resource as sent, for Bundles.
 * @returns `undefined` when it names no patient.
 * @throws {FhirRequestError} `FHIR_UNRESOLVED_PATIENT`, `FHIR_PATIENT_NOT_REGISTERED`
 */
export function patientOf(resource: FhirResource, text: string, ids: PatientIds, base: string): PatientRef | undefined {
  const named = [...namedBy(resource, text)].map((reference) => relativeTo(reference, base))
  const found = new Set<PatientRef>()
  let unresolved: string | undefined
  for (const reference of named) {
    const id = /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(reference)?.[1]
    const patient = id === undefined ? undefined : ids.resolve(id)
    if (patient !== undefined) found.add(patient)
    else if (id !== undefined && ids.isWaiting(id)) {
      throw new FhirRequestError('FHIR_PATIENT_NOT_REGISTERED', {
        detail: `Patient/${id}`,
      })
    } else unresolved ??= reference
  }
  if (unresolved !== undefined) throw unknown(`${unresolved} is no patient of this hospital`)
  if (found.size > 1) throw unknown('it names more than one patient')
  return [...found][0]
}

function namedBy(resource: FhirResource, text: string): ReadonlySet<string> {
  if (resource.resourceType === 'Bundle') return patientsOfBundle(text)
  const named = new Set<string>()
  for (const reference of subjectReferencesOf(resource)) {
    const literal = referenceTextOf(reference)
    if (literal !== undefined && targetTypeOf(reference) === 'Patient') named.add(literal)
  }
  // By pseudonym, as our own Consents do.
  for (const path of rowOf(resource.resourceType).subject) {
    for (const value of valuesAt(resource, path, MAX_REFERENCES)) {
      const identifier = isObject(value) ? value['identifier'] : undefined
      if (!isObject(identifier) || identifier['system'] !== PARTICIPANT_SYSTEM) continue
      if (typeof identifier['value'] === 'string' && identifier['value'].startsWith('p-')) {
        named.add(`Patient/${identifier['value']}`)
      }
    }
  }
  return named
}

/** A document or message: everybody whom its entries are about. */
function patientsOfBundle(text: string): ReadonlySet<string> {
  try {
    const { entries } = linkBundle(splitBundle(text))
    return new Set(entries.flatMap(({ patient }) => patient ?? []))
  } catch (error) {
    if (error instanceof FhirError) throw new FhirRequestError(error.code, { detail: `entry ${error.position ?? 0}` })
    throw error
  }
}

function relativeTo(reference: string, base: string): string {
  return reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference
}

function unknown(detail: string): FhirRequestError {
  return new FhirRequestError('FHIR_UNRESOLVED_PATIENT', {
    detail,
  })
}
