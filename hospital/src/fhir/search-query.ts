/**
 * A search as it is asked: filters, includes, order and page out of the query string.
 *
 * A parameter that is not known is refused under `Prefer: handling=strict`, else left out and named in the answer
 * (R4 search.html §3.1.1.3.1). What is known but wrong is refused always.
 *
 * @module
 */
import { isResourceType } from '../../../shared/fhir/src/index.ts'
import { FhirRequestError } from './errors.ts'
import { searchParametersOf, type SearchParameter } from './r4-tables.ts'
import { MODIFIERS, rawParts, testOfParameter } from './search-match.ts'

export interface Filter {
  readonly parameter: SearchParameter
  readonly modifier?: string
  /** Alternatives, still escaped. */
  readonly values: readonly string[]
  /** `subject:Patient.name`: the filter is of what the reference names, for each type that it may name. */
  readonly chain?: readonly { readonly type: string; readonly filter: Filter }[]
  /** `_has:Observation:patient:code`: something of this type refers here by `parameter`, and fits the filter. */
  readonly has?: { readonly type: string; readonly filter: Filter }
}

export interface Include {
  /** Whose references are followed; `*`: all of them. */
  readonly source: string
  readonly parameter: string
  readonly target?: string
  readonly iterate: boolean
}

export type Summary = 'true' | 'text' | 'data' | 'count'

export interface SearchQuery {
  readonly type: string
  readonly filters: readonly Filter[]
  readonly sort: readonly { readonly name: string; readonly descending: boolean }[]
  readonly includes: readonly Include[]
  readonly revincludes: readonly Include[]
  readonly count: number
  readonly offset: number
  readonly summary?: Summary
  readonly elements?: readonly string[]
  /** Parameters that were understood, as written: the self link. */
  readonly used: readonly (readonly [string, string])[]
  readonly unknown: readonly string[]
}

export const DEFAULT_COUNT = 50
export const MAX_COUNT = 1_000
/** Each step looks at everything of a type that the searcher may see. */
const MAX_CHAIN = 3
/** About the form of the answer; the routes read them. */
const FORM = new Set(['_format', '_pretty'])
export const CONTROLS = [
  '_count',
  '_offset',
  '_sort',
  '_include',
  '_revinclude',
  '_summary',
  '_elements',
  '_total',
] as const

/** @throws {FhirRequestError} `FHIR_SEARCH_INVALID` */
export function parseSearch(
  type: string,
  pairs: Iterable<readonly [string, string]>,
  { isStrict = false }: { readonly isStrict?: boolean } = {},
): SearchQuery {
  const filters: Filter[] = []
  const includes: Include[] = []
  const revincludes: Include[] = []
  const used: [string, string][] = []
  const unknown: string[] = []
  let sort: SearchQuery['sort'] = []
  let count = DEFAULT_COUNT
  let offset = 0
  let summary: Summary | undefined
  let elements: readonly string[] | undefined
  for (const [name, value] of pairs) {
    const [plain = '', modifier] = name.split(':')
    if (FORM.has(plain)) continue
    used.push([name, value])
    if (plain === '_count') count = Math.min(wholeNumber(name, value), MAX_COUNT)
    else if (plain === '_offset') offset = wholeNumber(name, value)
    else if (plain === '_sort') sort = sortOf(type, value)
    else if (plain === '_include') includes.push(includeOf(value, modifier))
    else if (plain === '_revinclude') revincludes.push(includeOf(value, modifier))
    else if (plain === '_summary') summary = summaryOf(value)
    else if (plain === '_elements') elements = value.split(',').map((one) => one.trim().replace(`${type}.`, ''))
    else if (plain === '_total') oneOf(name, value, ['none', 'estimate', 'accurate'])
    else {
      const filter = filterOf(type, name, value)
      if (filter === undefined) {
        unknown.push(plain)
        used.pop()
      } else filters.push(filter)
    }
  }
  const [first] = unknown
  if (isStrict && first !== undefined) throw invalid(`${type} has no search parameter ${first}`)
  return {
    type,
    filters,
    sort,
    includes,
    revincludes,
    count,
    offset,
    used,
    unknown,
    ...(summary === undefined ? {} : { summary }),
    ...(elements === undefined ? {} : { elements }),
  }
}

/** A search that limits a scope: parameters of the type itself. `undefined` for anything else. */
export function filtersOfScope(type: string, query: string): readonly Filter[] | undefined {
  if (!isResourceType(type)) return undefined
  try {
    const { filters, used } = parseSearch(type, new URLSearchParams(query), { isStrict: true })
    const isPlain = filters.every(({ chain, has }) => chain === undefined && has === undefined)
    return isPlain && filters.length > 0 && filters.length === used.length ? filters : undefined
  } catch (error) {
    if (error instanceof FhirRequestError) return undefined
    throw error
  }
}

/** `undefined` for a parameter that the type does not have. */
function filterOf(type: string, name: string, value: string, depth = 0): Filter | undefined {
  if (name.startsWith('_has:')) return hasOf(name, value, depth)
  const dot = name.indexOf('.')
  const head = dot < 0 ? name : name.slice(0, dot)
  const [plain = '', modifier] = head.split(':')
  const parameter = searchParametersOf(type).get(plain)
  if (parameter === undefined) return undefined
  const values = rawParts(value, ',').filter((one) => one !== '')
  if (values.length === 0) throw invalid(`${name} has no value`)
  if (dot >= 0) return chainOf(parameter, modifier, name.slice(dot + 1), value, depth)
  checkModifier(name, parameter, modifier)
  if (modifier === 'missing') {
    oneOf(name, value, ['true', 'false'])
    return { parameter, modifier, values }
  }
  // A wrong value is refused now, not when the first resource is looked at.
  for (const one of values) testOfParameter(parameter, one, modifier)
  return { parameter, values, ...(modifier === undefined ? {} : { modifier }) }
}

function chainOf(
  parameter: SearchParameter,
  modifier: string | undefined,
  rest: string,
  value: string,
  depth: number,
): Filter {
  if (parameter.kind !== 'reference') throw invalid(`${parameter.name} is no reference to go on from`)
  checkDepth(depth)
  const [plain = ''] = rest.split(/[:.]/)
  const types = (modifier === undefined ? parameter.targets : [modifier]).filter(
    (one) => isResourceType(one) && searchParametersOf(one).has(plain),
  )
  const chain = types.flatMap((type) => {
    const filter = filterOf(type, rest, value, depth + 1)
    return filter === undefined ? [] : [{ type, filter }]
  })
  if (chain.length === 0) throw invalid(`nothing that ${parameter.name} refers to has ${plain}`)
  return { parameter, values: [value], chain }
}

/** `_has:Observation:patient:code=1234` (R4 search.html#has); what follows may be a chain or another `_has`. */
function hasOf(name: string, value: string, depth: number): Filter {
  checkDepth(depth)
  const [, source = '', reference = '', ...rest] = name.split(':')
  const parameter = isResourceType(source) ? searchParametersOf(source).get(reference) : undefined
  if (parameter?.kind !== 'reference') throw invalid(`${name}: ${source} does not refer by ${reference}`)
  const filter = filterOf(source, rest.join(':'), value, depth + 1)
  if (filter === undefined) throw invalid(`${name}: ${source} has no such search parameter`)
  return { parameter, values: [value], has: { type: source, filter } }
}

function checkDepth(depth: number): void {
  if (depth >= MAX_CHAIN) throw invalid(`chains have at most ${MAX_CHAIN} steps`)
}

function checkModifier(name: string, parameter: SearchParameter, modifier: string | undefined): void {
  if (modifier === undefined || modifier === 'missing') return
  if (MODIFIERS[parameter.kind].includes(modifier)) return
  if (parameter.kind === 'reference' && isResourceType(modifier)) return
  throw invalid(`${name}: the modifier is not supported`)
}

function sortOf(type: string, value: string): SearchQuery['sort'] {
  return value.split(',').map((one) => {
    const descending = one.startsWith('-')
    const name = descending ? one.slice(1) : one
    const kind = searchParametersOf(type).get(name)?.kind
    if (kind === undefined || kind === 'composite')
      throw invalid(`_sort: ${type} has no search parameter ${name} to sort by`)
    return { name, descending }
  })
}

function includeOf(value: string, modifier: string | undefined): Include {
  if (modifier !== undefined && modifier !== 'iterate' && modifier !== 'recurse')
    throw invalid('_include: only :iterate')
  const iterate = modifier !== undefined
  if (value === '*') return { source: '*', parameter: '*', iterate }
  const [source = '', parameter = '', target] = value.split(':')
  const isKnown =
    isResourceType(source) &&
    (parameter === '*' || searchParametersOf(source).get(parameter)?.kind === 'reference') &&
    (target === undefined || isResourceType(target))
  if (!isKnown) throw invalid(`${value} is no reference that can be included`)
  return { source, parameter, iterate, ...(target === undefined ? {} : { target }) }
}

function summaryOf(value: string): Summary | undefined {
  oneOf('_summary', value, ['true', 'false', 'text', 'data', 'count'])
  return value === 'false' ? undefined : (value as Summary)
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw invalid(`${name} is one of ${allowed.join(', ')}`)
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw invalid(`${name} is no whole number`)
  return Number(value)
}

function invalid(detail: string): FhirRequestError {
  return new FhirRequestError('FHIR_SEARCH_INVALID', { detail })
}
