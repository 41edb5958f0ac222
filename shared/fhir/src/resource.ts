/**
 * Reading one FHIR R4 resource, strictly. The bytes as sent are what is hashed and stored; the parsed form is only for
 * checks and for the index, so nothing here is ever written back as the record.
 *
 * Limits: this is not validation against profiles; elements are not checked beyond `resourceType` and `id`.
 * Source: FHIR R4 https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html#id
 *
 * @module
 */
import { FhirError } from './errors.ts'
import { checkJsonText, countMembers } from './json-text.ts'
import type { JsonLimits } from './json-text.ts'
import { isObject } from './json-value.ts'
import { isResourceType } from './resource-types.ts'
import type { ResourceType } from './resource-types.ts'

/** A parsed resource. Elements other than these two may be anything that JSON can say. */
export interface FhirResource {
  readonly resourceType: ResourceType
  readonly id?: string
  readonly [element: string]: unknown
}

/** 4 MiB (docs/protocol/01-conventions.md §1.6), 64 levels. */
export const RESOURCE_LIMITS: JsonLimits = { maxBytes: 4 * 1024 * 1024, maxDepth: 64 }

/** FHIR R4 `id`. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/

/**
 * Parses the text of one resource.
 *
 * Stricter than FHIR R4 json.html, which does not speak of it: an object with a repeated name is refused, because two
 * readers could see two different records behind one hash.
 *
 * @param text Decoded from well-formed UTF-8 by the caller, without a byte order mark.
 * @throws {FhirError} `FHIR_TOO_LARGE`, `FHIR_TOO_DEEP`, `FHIR_NOT_JSON`, `FHIR_DUPLICATE_KEY`,
 *   `FHIR_UNKNOWN_RESOURCE_TYPE` (also for JSON that is not an object), `FHIR_BAD_ID`; checked in this order.
 */
export function parseResource(text: string, limits: Partial<JsonLimits> = {}): FhirResource {
  const names = checkJsonText(text, { ...RESOURCE_LIMITS, ...limits })
  const value = parseJson(text)
  if (countMembers(value) !== names) throw new FhirError('FHIR_DUPLICATE_KEY', 'an object has the same name twice')
  return checkResource(value)
}

/**
 * Checks a value that came from JSON.parse.
 *
 * @throws {FhirError} `FHIR_UNKNOWN_RESOURCE_TYPE`, `FHIR_BAD_ID`
 */
export function checkResource(value: unknown): FhirResource {
  const resource = isObject(value) ? value : {}
  if (!isResourceType(resource['resourceType'])) {
    throw new FhirError('FHIR_UNKNOWN_RESOURCE_TYPE', 'resourceType is not a resource of FHIR R4')
  }
  const id = resource['id']
  if (id !== undefined && !(typeof id === 'string' && ID.test(id))) {
    throw new FhirError('FHIR_BAD_ID', 'id is not 1 to 64 letters, digits, "-" and "."')
  }
  return resource as unknown as FhirResource
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FhirError('FHIR_NOT_JSON', 'the text is not JSON')
  }
}
