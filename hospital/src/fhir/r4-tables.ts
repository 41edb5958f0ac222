/**
 * R4's search parameters and summary elements, read once from the table that `tools/fhir/r4-tables.ts` makes out of the
 * standard's own definitions.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export const SIMPLE_KINDS = ['token', 'string', 'reference', 'date', 'quantity', 'uri', 'number'] as const
export type SimpleKind = (typeof SIMPLE_KINDS)[number]
export const SEARCH_KINDS = [...SIMPLE_KINDS, 'composite'] as const
export type SearchKind = (typeof SEARCH_KINDS)[number]

/** One part of a composite: FHIRPath from the element that the composite's own expression finds. */
export interface SearchComponent {
  readonly kind: SimpleKind
  readonly expression: string
}

export interface SearchParameter {
  readonly name: string
  readonly kind: SearchKind
  /** FHIRPath of the elements it looks at. */
  readonly expression: string
  /** Types that a reference may name. */
  readonly targets: readonly string[]
  /** Of a composite, in the order in which its values name them. */
  readonly components: readonly SearchComponent[]
}

type Row = readonly [
  kind: SearchKind,
  expression: string,
  targets?: readonly string[],
  components?: readonly (readonly [kind: SimpleKind, expression: string])[],
]

const TEXT = readFileSync(new URL('r4-tables.json', import.meta.url), 'utf8')
/** Other tables find other values: what was indexed with them is indexed again. */
export const TABLES_DIGEST = createHash('sha256').update(TEXT).digest('hex')
const TABLES = JSON.parse(TEXT) as {
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
    found = new Map(
      rows.map(([name, [kind, expression, targets = [], parts = []]]) => {
        const components = parts.map(([of, path]) => ({ kind: of, expression: path }))
        return [name, { name, kind, expression, targets, components }]
      }),
    )
    BY_TYPE.set(type, found)
  }
  return found
}

/** Top-level elements of `_summary=true`, with `[x]` where R4 has a choice. */
export function summaryElementsOf(type: string): readonly string[] {
  return TABLES.summary[type] ?? []
}
