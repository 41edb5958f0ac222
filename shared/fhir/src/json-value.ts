/**
 * Reading values out of parsed JSON of which nothing is known: a missing element, or one of another shape than FHIR
 * says, reads as nothing and never as an error.
 *
 * @module
 */

export type JsonObject = Readonly<Record<string, unknown>>

const NOTHING: readonly unknown[] = []

/** Whether the value is a JSON object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as a string that is not empty, else `undefined`. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The value as a list: an array as it is, nothing for `undefined` and `null`, else one element. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return NOTHING
  return Array.isArray(value) ? (value as unknown[]) : [value]
}

/** The values at a path of element names; arrays on the way are walked through, at most `limit` values are taken. */
export function valuesAt(root: JsonObject, path: readonly string[], limit: number): readonly unknown[] {
  let values: readonly unknown[] = [root]
  for (const name of path) {
    const next: unknown[] = []
    for (const value of values) {
      if (!isObject(value) || !Object.hasOwn(value, name)) continue
      const member = value[name]
      if (!Array.isArray(member)) next.push(member)
      else for (let i = 0; i < member.length && next.length < limit; i++) next.push(member[i])
      if (next.length >= limit) break
    }
    if (next.length === 0) return NOTHING
    values = next
  }
  return values
}

/** The first `limit` UTF-16 units of a text, never half a surrogate pair. */
export function truncate(text: string, limit: number): string {
  if (text.length <= limit) return text
  const last = text.charCodeAt(limit - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit)
}
