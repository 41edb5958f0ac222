/**
 * References between resources: what kind of target a reference names, and which patients a resource may be about.
 *
 * Limits: strings only; nothing is fetched. A `urn:uuid:` reference says nothing of its target's type; only the Bundle
 * around it can tell (bundle.ts).
 * Source: FHIR R4 https://hl7.org/fhir/R4/references.html
 *
 * @module
 */
import { isObject, textOf, valuesAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { rowOf } from './resource-types.ts'
import type { FhirResource } from './resource.ts'

const MAX_REFERENCES = 256
export const MAX_REFERENCE_CHARS = 1024

/** `Patient/1`, `https://server/fhir/Patient/1/_history/2`, `Patient?identifier=…`: the type before the last id. */
const TYPED = /(?:^|\/)([A-Z][A-Za-z]{1,63})(?:\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$|\?)/

/** The resource type that a Reference names, from `type` or from the form of `reference`; `undefined` if neither tells. */
export function targetTypeOf(reference: JsonObject): string | undefined {
  const text = referenceTextOf(reference)
  const typed = text === undefined ? undefined : TYPED.exec(text)?.[1]
  return typed ?? textOf(reference['type'])
}

/** The literal `reference`, if it is there and not longer than any real one. */
export function referenceTextOf(reference: JsonObject): string | undefined {
  const text = textOf(reference['reference'])
  return text !== undefined && text.length <= MAX_REFERENCE_CHARS ? text : undefined
}

/**
 * The References by which a resource may belong to a patient (its row's `subject` elements), literal ones only and
 * without those that name another type. A Patient belongs to itself and has none.
 */
export function subjectReferencesOf(resource: FhirResource): readonly JsonObject[] {
  const found: JsonObject[] = []
  for (const path of rowOf(resource.resourceType).subject) {
    for (const value of valuesAt(resource, path, MAX_REFERENCES)) {
      if (!isObject(value)) continue
      const text = referenceTextOf(value)
      // `#id` is a resource inside this one: not a patient that anybody else could name.
      if (text === undefined || text.startsWith('#')) continue
      const type = targetTypeOf(value)
      if (type === undefined || type === 'Patient') found.push(value)
    }
  }
  return found
}

/** The resource in `contained` that a `#id` reference names. */
export function findContained(resource: JsonObject, reference: JsonObject): JsonObject | undefined {
  const text = referenceTextOf(reference)
  const contained = resource['contained']
  if (text === undefined || !text.startsWith('#') || !Array.isArray(contained)) return undefined
  return contained.find((inner): inner is JsonObject => isObject(inner) && inner['id'] === text.slice(1))
}
