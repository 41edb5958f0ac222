/**
 * Changes to the text of a resource that leave every other byte as it was: a FHIR client gets the numbers, the white space
 * and the order that were signed, with the server's own `id` and `meta` beside them.
 *
 * Limits: the text has been through `parseResource`: it is one JSON object without repeated names.
 *
 * @module
 */
import { eachMember, skipSpace } from '../../../shared/fhir/src/json-text.ts'

/** What the server says of a version; everything else in `meta` stays the author's. */
export interface ServerMeta {
  readonly versionId: string
  /** FHIR instant. */
  readonly lastUpdated: string
}

interface Member {
  readonly name: string
  /** Where its name begins; not known for the first member of an object that begins with white space. */
  readonly from: number
  readonly to: number
}

/** The text with this `id`; the same text if it has it already. */
export function withId(text: string, id: string): string {
  const found = findMember(text, 'id')
  const value = JSON.stringify(id)
  if (found === undefined) return insertMember(text, `"id":${value}`)
  if (JSON.parse(text.slice(found.from, found.to)) === id) return text
  return text.slice(0, found.from) + value + text.slice(found.to)
}

/** The text with the server's `meta.versionId` and `meta.lastUpdated`, and tags added. */
export function withMeta(text: string, { versionId, lastUpdated }: ServerMeta, tags: readonly object[] = []): string {
  const found = findMember(text, 'meta')
  const server = { versionId, lastUpdated }
  if (found === undefined) {
    return insertMember(text, `"meta":${JSON.stringify({ ...server, ...(tags.length === 0 ? {} : { tag: tags }) })}`)
  }
  const own = JSON.parse(text.slice(found.from, found.to)) as unknown
  const { versionId: _v, lastUpdated: _l, ...rest } = (typeof own === 'object' && own !== null ? own : {}) as Meta
  const tag = [...(rest.tag ?? []), ...tags]
  const meta = { ...server, ...rest, ...(tag.length === 0 ? {} : { tag }) }
  return text.slice(0, found.from) + JSON.stringify(meta) + text.slice(found.to)
}

interface Meta {
  readonly versionId?: unknown
  readonly lastUpdated?: unknown
  readonly tag?: readonly object[]
}

/** The text with these top-level elements only, in their order; `resourceType`, `id` and `meta` always stay. */
export function withElements(text: string, keep: (name: string) => boolean): string {
  const always = new Set(['resourceType', 'id', 'meta'])
  const parts: string[] = []
  eachMember(text, skipSpace(text, 0), (name, from, to) => {
    // `_birthDate` carries the extensions of `birthDate`.
    const element = name.startsWith('_') ? name.slice(1) : name
    if (always.has(element) || keep(element)) parts.push(`${JSON.stringify(name)}:${text.slice(from, to)}`)
  })
  return `{${parts.join(',')}}`
}

/** The text with each string that is a key of `replacements` replaced, member names aside. */
export function withStringsReplaced(text: string, replacements: ReadonlyMap<string, string>): string {
  if (replacements.size === 0) return text
  // A string of JSON, and what follows it: a colon makes it a name.
  return text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?=(\s*:)?)/g, (quoted: string, colon?: string) => {
    if (colon !== undefined) return quoted
    const value = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
    const replaced = replacements.get(value)
    return replaced === undefined ? quoted : JSON.stringify(replaced)
  })
}

function findMember(text: string, wanted: string): Member | undefined {
  let found: Member | undefined
  eachMember(text, skipSpace(text, 0), (name, from, to) => {
    if (name === wanted) found = { name, from, to }
  })
  return found
}

/** After `id`, or else `resourceType`: where readers look for it. */
function insertMember(text: string, member: string): string {
  const before = findMember(text, 'id') ?? findMember(text, 'resourceType')
  if (before === undefined) throw new TypeError('the text has no resourceType')
  return `${text.slice(0, before.to)},${member}${text.slice(before.to)}`
}
