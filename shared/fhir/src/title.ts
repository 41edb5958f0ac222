/**
 * A short name for one resource in a list: its own title, else the text of its main code, else its type in words.
 *
 * Limits: in the words and language of the record; nothing is looked up in a terminology.
 *
 * @module
 */
import { isObject, listOf, textOf, truncate, valuesAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { foldSpace } from './narrative.ts'
import { findContained } from './references.ts'
import type { IndexRow } from './resource-types.ts'
import type { FhirResource } from './resource.ts'

/** In UTF-16 units. */
export const MAX_TITLE_CHARS = 200
const MAX_VALUES = 16

/** Never empty; white space folded. */
export function titleOf(resource: FhirResource, row: IndexRow): string {
  let bareCode: string | undefined
  for (const path of [...row.title, ...row.codes]) {
    for (const value of valuesAt(resource, path, MAX_VALUES)) {
      const target = isObject(value) ? findContained(resource, value) : undefined
      const concept = target?.['code'] ?? value
      const words = wordsOf(concept)
      if (words !== undefined) return words
      bareCode ??= codeOf(concept)
    }
  }
  return bareCode ?? spaceWords(resource.resourceType)
}

/** Words of a string, CodeableConcept, Coding, Reference or HumanName. */
function wordsOf(value: unknown): string | undefined {
  if (!isObject(value)) return tidy(value)
  const own = tidy(value['text']) ?? tidy(value['display'])
  if (own !== undefined) return own
  for (const coding of listOf(value['coding'])) {
    const display = isObject(coding) ? tidy(coding['display']) : undefined
    if (display !== undefined) return display
  }
  return humanNameOf(value)
}

function humanNameOf(name: JsonObject): string | undefined {
  if (name['family'] === undefined && name['given'] === undefined) return undefined
  const parts = [...listOf(name['given']).slice(0, MAX_VALUES), name['family']]
  return tidy(parts.filter((part) => typeof part === 'string').join(' '))
}

function codeOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined
  for (const coding of listOf(value['coding'] ?? value)) {
    const code = isObject(coding) ? tidy(coding['code']) : undefined
    if (code !== undefined) return code
  }
  return undefined
}

function tidy(value: unknown): string | undefined {
  const text = textOf(value)
  // Folding first could take long on a huge text; 4 times the limit leaves room for white space.
  return text === undefined
    ? undefined
    : textOf(truncate(foldSpace(truncate(text, 4 * MAX_TITLE_CHARS)), MAX_TITLE_CHARS))
}

/** `MedicationRequest` as `Medication request`. */
function spaceWords(resourceType: string): string {
  return resourceType.replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
}
