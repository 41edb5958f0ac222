/**
 * Runs a parsed search over candidates: filters, chains, order. Knows no store; who may see what was decided before.
 *
 * @module
 */
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Candidate, Searchable } from './candidate.ts'
import type { Filter, SearchQuery } from './search-query.ts'
import { testOf, testOfParameter } from './search-match.ts'
import type { DateValue, ReferenceValue, ValueOf } from './search-values.ts'
import type { SearchKind } from './r4-tables.ts'

export interface SearchSurroundings {
  /** Addresses of this server count as relative ones. */
  readonly base: string
  readonly resolvePatient: (id: string) => PatientRef | undefined
  /** Candidates of another type that this searcher may see, for chains. */
  readonly candidates: (type: string) => Promise<readonly Candidate[]>
}

/** Parameters that name the patient in whose compartment a record is. */
const OF_COMPARTMENT = new Set(['patient', 'subject', 'beneficiary'])

type Check = (one: Searchable) => boolean

export async function runSearch(
  candidates: readonly Candidate[],
  { filters, sort }: Pick<SearchQuery, 'filters' | 'sort'>,
  surroundings: SearchSurroundings,
): Promise<readonly Candidate[]> {
  const checks: Check[] = []
  for (const filter of filters) checks.push(await checkOf(filter, surroundings))
  const found = candidates.filter((one) => checks.every((check) => check(one)))
  if (sort.length === 0) return found
  return found.toSorted((a, b) => compare(a, b, sort))
}

/** The one patient that a search is limited to, if it names exactly one. */
export function patientOfSearch(
  { filters }: Pick<SearchQuery, 'filters'>,
  { base, resolvePatient }: Pick<SearchSurroundings, 'base' | 'resolvePatient'>,
): PatientRef | undefined {
  for (const { parameter, modifier, values, chain, has } of filters) {
    const [only] = values
    if (!OF_COMPARTMENT.has(parameter.name) || only === undefined || values.length > 1) continue
    if (chain !== undefined || has !== undefined || (modifier !== undefined && modifier !== 'Patient')) continue
    const patient = resolvePatient(patientIdOf(only, base) ?? '')
    if (patient !== undefined) return patient
  }
  return undefined
}

async function checkOf(filter: Filter, surroundings: SearchSurroundings): Promise<Check> {
  const { chain, has } = filter
  if (chain !== undefined) return await chainCheck(filter, chain, surroundings)
  if (has !== undefined) return await hasCheck(filter, has, surroundings)
  return plainCheck(filter, surroundings)
}

/** Whether a resource fits a filter that looks at no other resource. */
export function plainCheck(filter: Filter, surroundings: Pick<SearchSurroundings, 'base' | 'resolvePatient'>): Check {
  const { parameter, modifier, values } = filter
  if (modifier === 'missing') {
    const isMissing = values[0] === 'true'
    return (one) => (valuesOf(one, parameter.name, parameter.kind).length === 0) === isMissing
  }
  if (parameter.kind === 'reference' && modifier !== 'identifier') {
    const checks = values.map((value) => referenceCheck(filter, value, surroundings))
    return (one) => checks.some((check) => check(one))
  }
  const tests = values.map((value) => testOfParameter(parameter, value, modifier))
  const isNot = modifier === 'not'
  return (one) => {
    const of = valuesOf(one, parameter.name, parameter.kind)
    return of.some((value) => tests.some((test) => test(value))) !== isNot
  }
}

function referenceCheck(
  { parameter, modifier }: Filter,
  value: string,
  surroundings: Pick<SearchSurroundings, 'base' | 'resolvePatient'>,
): Check {
  const { base, resolvePatient } = surroundings
  const relative = value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value
  const test = testOf('reference', relative, modifier)
  const byText: Check = (one) => valuesOf(one, parameter.name, 'reference').some((found) => test(plain(found, base)))
  if (!OF_COMPARTMENT.has(parameter.name) || (modifier !== undefined && modifier !== 'Patient')) return byText
  const patient = resolvePatient(patientIdOf(value, base) ?? '')
  // Which patient a record belongs to is what its permission says, not what its text says.
  return patient === undefined ? byText : (one) => one.patient === patient || (one.patient === undefined && byText(one))
}

async function chainCheck(
  { parameter }: Filter,
  chain: NonNullable<Filter['chain']>,
  surroundings: SearchSurroundings,
): Promise<Check> {
  const names = new Set<string>()
  const patients = new Set<PatientRef>()
  for (const { type, filter } of chain) {
    const found = await runSearch(await surroundings.candidates(type), { filters: [filter], sort: [] }, surroundings)
    for (const { id, patient } of found) {
      names.add(`${type}/${id}`)
      if (type === 'Patient' && patient !== undefined) patients.add(patient)
    }
  }
  const isPatient = OF_COMPARTMENT.has(parameter.name)
  return (one) =>
    (isPatient && one.patient !== undefined && patients.has(one.patient)) ||
    valuesOf(one, parameter.name, 'reference').some((value) =>
      names.has(plain(value, surroundings.base)[0].replace(/\/_history\/[^/]*$/, '')),
    )
}

/** What refers to a candidate: its patient where the reference names the compartment, whatever the text calls it. */
async function hasCheck(
  { parameter }: Filter,
  { type, filter }: NonNullable<Filter['has']>,
  surroundings: SearchSurroundings,
): Promise<Check> {
  const found = await runSearch(await surroundings.candidates(type), { filters: [filter], sort: [] }, surroundings)
  const names = new Set<string>()
  const patients = new Set<PatientRef>()
  for (const one of found) {
    if (OF_COMPARTMENT.has(parameter.name) && one.patient !== undefined) patients.add(one.patient)
    for (const value of valuesOf(one, parameter.name, 'reference')) {
      names.add(plain(value, surroundings.base)[0].replace(/\/_history\/[^/]*$/, ''))
    }
  }
  return (one) =>
    names.has(`${one.type}/${one.id}`) ||
    (one.type === 'Patient' && one.patient !== undefined && patients.has(one.patient))
}

/** The values of a parameter; id and time are the server's own. */
function valuesOf<K extends SearchKind>(one: Searchable, name: string, _kind: K): readonly ValueOf[K][] {
  if (name === '_id') return [['', one.id, '']] as unknown as readonly ValueOf[K][]
  if (name === '_lastUpdated') {
    const time: DateValue = [one.changedMs, one.changedMs]
    return [time] as unknown as readonly ValueOf[K][]
  }
  return (one.values[name] ?? []) as readonly ValueOf[K][]
}

function plain([reference, identifier]: ReferenceValue, base: string): ReferenceValue {
  return reference.startsWith(`${base}/`) ? [reference.slice(base.length + 1), identifier] : [reference, identifier]
}

/** `x` of `x`, `Patient/x` and this server's `…/Patient/x`. */
function patientIdOf(value: string, base: string): string | undefined {
  const relative = value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value
  return /^(?:Patient\/)?([A-Za-z0-9\-.]{1,64})$/.exec(relative)?.[1]
}

function compare(a: Candidate, b: Candidate, sort: SearchQuery['sort']): number {
  for (const { name, descending } of sort) {
    const x = sortKeyOf(a, name, descending)
    const y = sortKeyOf(b, name, descending)
    if (x === y) continue
    // Without a value: last, whichever the direction.
    if (x === undefined) return 1
    if (y === undefined) return -1
    return x < y === descending ? 1 : -1
  }
  return 0
}

function sortKeyOf(one: Candidate, name: string, descending: boolean): string | number | undefined {
  const keys = valuesOf(one, name, 'token').flatMap((value): (string | number)[] => {
    const found: unknown = value
    if (typeof found === 'number') return [found]
    if (typeof found === 'string') return [found.toLowerCase()]
    // A token by its text or code, a date by its start, a quantity by its number, a reference by its text.
    const [first, second, third] = found as readonly (string | number | null)[]
    if (typeof first === 'number') return [first]
    if (first === null) return typeof second === 'number' ? [second] : []
    const words = [third, second, first].find((word) => typeof word === 'string' && word !== '')
    return typeof words === 'string' ? [words.toLowerCase()] : []
  })
  return keys.reduce<string | number | undefined>(
    (best, key) => (best === undefined || key < best !== descending ? key : best),
    undefined,
  )
}
