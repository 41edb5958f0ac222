/**
 * R4's search parameters and summary elements, read once from the table that `tools/fhir/r4-tables.ts` makes out of the
 * standard's own definitions.
 *
 * @module
 */
import { readFileSync } from 'node:fs'

export const SEARCH_KINDS = ['token', 'string', 'reference', 'date', 'quantity', 'uri', 'number'] as const
export type SearchKind = (typeof SEARCH_KINDS)[number]

export interface SearchParameter {
  readonly name: string
  readonly kind: SearchKind
  /** FHIRPath of the elements it looks at. */
  readonly expression: string
  /** Types that a reference may name. */
  readonly targets: readonly string[]
}

type Row = readonly [kind: SearchKind, expression: string, targets?: readonly string[]]

const TABLES = JSON.parse(readFileSync(new URL('r4-tables.json', import.meta.url), 'utf8')) as {
  readonly parameters: Readonly<Record<string, Readonly<Record<string, Row>>>>
  readonly summary: Readonly<Record<string, readonly string[]>>
}

/** Those that every type has. */
const COMMON: Readonly<Record<string, Row>> = {
  _id: ['token', 'id'],
  _lastUpdated: ['date', 'meta.lastUpdated'],
  _profile: ['uri', 'meta.profile'],
  _security: ['token', 'meta.security'],
  _source: ['uri', 'meta.source'],
  _tag: ['token', 'meta.tag'],
}

const BY_TYPE = new Map<string, ReadonlyMap<string, SearchParameter>>()

/** The parameters of one type by name; the same map at each call. */
export function searchParametersOf(type: string): ReadonlyMap<string, SearchParameter> {
  let found = BY_TYPE.get(type)
  if (found === undefined) {
    const rows = Object.entries({ ...COMMON, ...TABLES.parameters[type] })
    found = new Map(rows.map(([name, [kind, expression, targets = []]]) => [name, { name, kind, expression, targets }]))
    BY_TYPE.set(type, found)
  }
  return found
}

/** Top-level elements of `_summary=true`, with `[x]` where R4 has a choice. */
export function summaryElementsOf(type: string): readonly string[] {
  return TABLES.summary[type] ?? []
}
