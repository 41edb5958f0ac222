/**
 * A search from its parsed query to the Bundle: matches, page links, what is included beside them, and a warning for what
 * was left out.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { formatInstant, operationOutcome } from '../../../shared/fhir/src/index.ts'
import type { ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { Candidate } from './candidate.ts'
import type { Library, Version } from './library.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import type { PatientIds } from './patients.ts'
import type { FhirActor } from './ports.ts'
import { searchParametersOf, summaryElementsOf } from './r4-tables.ts'
import { withElements, withMeta } from './resource-text.ts'
import type { Include, SearchQuery } from './search-query.ts'
import { patientOfSearch, runSearch } from './search-run.ts'
import type { ReferenceValue } from './search-values.ts'

export interface SearchParts {
  readonly library: Library
  readonly ids: PatientIds
  readonly base: string
}

/** One entry of the answer. */
export interface SearchEntry {
  readonly version: Version
  readonly mode: 'match' | 'include'
}

export interface SearchResult {
  readonly total: number
  readonly entries: readonly SearchEntry[]
  /** Matches that the record server refused. */
  readonly refused: readonly ErrorCode[]
  /** Where the next page starts, if there is one. */
  readonly nextOffset?: number
  /** Resources that should have come along and were too large together. */
  readonly leftOut: number
}

/** Included beside one page, at most. */
const MAX_INCLUDED = 1_000
const MAX_ROUNDS = 4
const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
}

export class Searcher {
  readonly #parts: SearchParts

  constructor(parts: SearchParts) {
    this.#parts = parts
  }

  async search(actor: FhirActor, query: SearchQuery): Promise<SearchResult> {
    const { library } = this.#parts
    const found = await this.matches(actor, query)
    const page = query.summary === 'count' ? [] : found.slice(query.offset, query.offset + query.count)
    const { versions, bytes } = await library.versionsWithin(actor, page, MAX_PAGE_BYTES)
    const refused = versions.flatMap((one) => ('code' in one ? [one.code] : []))
    const matches = versions.flatMap((version) => ('code' in version ? [] : [{ version, mode: 'match' as const }]))
    const { included, leftOut } = await this.#included(actor, query, page.slice(0, versions.length), bytes)
    const nextOffset = query.offset + versions.length
    return {
      total: found.length,
      entries: [...matches, ...included.map((version) => ({ version, mode: 'include' as const }))],
      refused,
      leftOut,
      ...(versions.length > 0 && nextOffset < found.length ? { nextOffset } : {}),
    }
  }

  /** In order, all pages. */
  async matches(
    actor: FhirActor,
    query: Pick<SearchQuery, 'type' | 'filters' | 'sort'>,
  ): Promise<readonly Candidate[]> {
    const { library, ids, base } = this.#parts
    const resolvePatient = (id: string) => ids.resolve(id)
    const patient = patientOfSearch(query, { base, resolvePatient })
    const targets = targetsOf(query, base)
    const wantedIds = query.filters.find(({ parameter }) => parameter.name === '_id')?.values
    const candidates = await library.candidates(actor, query.type, {
      ...(patient === undefined ? {} : { patient }),
      ...(targets === undefined ? {} : { targets }),
      ...(wantedIds === undefined ? {} : { ids: wantedIds }),
    })
    return await runSearch(candidates, query, {
      base,
      resolvePatient,
      candidates: async (type) => await library.candidates(actor, type),
    })
  }

  /** _include and _revinclude; `:iterate` goes on from what was included. */
  async #included(
    actor: FhirActor,
    query: SearchQuery,
    page: readonly Candidate[],
    bytes: number,
  ): Promise<{ readonly included: readonly Version[]; readonly leftOut: number }> {
    const { library } = this.#parts
    if (query.includes.length === 0 && query.revincludes.length === 0) return { included: [], leftOut: 0 }
    const known = new Map(page.map((one) => [nameOf(one), one]))
    const included: Candidate[] = []
    let leftOut = 0
    let from: readonly Candidate[] = page
    for (let round = 0; round < MAX_ROUNDS && from.length > 0; round++) {
      const wanted = (one: Include) => round === 0 || one.iterate
      const next: Candidate[] = []
      const add = (one: Candidate) => {
        if (known.has(nameOf(one))) return
        known.set(nameOf(one), one)
        if (included.length >= MAX_INCLUDED) {
          leftOut++
          return
        }
        included.push(one)
        next.push(one)
      }
      for (const include of query.includes.filter(wanted)) await this.#follow(actor, include, from, add)
      for (const include of query.revincludes.filter(wanted)) await this.#followBack(actor, include, from, add)
      from = next
    }
    const { versions } = await library.versionsWithin(actor, included, Math.max(0, MAX_PAGE_BYTES - bytes))
    leftOut += included.length - versions.length
    return { included: versions.flatMap((version) => ('code' in version ? [] : [version])), leftOut }
  }

  async #follow(
    actor: FhirActor,
    include: Include,
    from: readonly Candidate[],
    add: (one: Candidate) => void,
  ): Promise<void> {
    const { library } = this.#parts
    for (const one of from) {
      if (include.source !== '*' && include.source !== one.type) continue
      for (const name of this.#referencedBy(one, include.parameter)) {
        const [type = '', id = ''] = name.split('/')
        if (include.target !== undefined && include.target !== type) continue
        const found = await library.find(actor, type, id)
        if (found?.row?.gone === undefined && found !== undefined && library.maySee(actor, found)) add(found)
      }
    }
  }

  async #followBack(
    actor: FhirActor,
    { source, parameter }: Include,
    to: readonly Candidate[],
    add: (one: Candidate) => void,
  ): Promise<void> {
    const { library } = this.#parts
    const targets = to.map(nameOf)
    const wanted = new Set(targets)
    const patients = new Set(to.flatMap((one) => one.patient ?? []))
    const [only] = patients
    const query = { targets, ...(patients.size === 1 && only !== undefined ? { patient: only } : {}) }
    // What may not be searched is not included.
    if (!library.maySearch(actor, source)) return
    for (const one of await library.candidates(actor, source, query)) {
      if (!library.maySee(actor, one)) continue
      if (this.#referencedBy(one, parameter).some((name) => wanted.has(name))) add(one)
    }
  }

  /** `Type/id` of what one candidate refers to by a parameter, or by any. */
  #referencedBy(one: Candidate, parameter: string): readonly string[] {
    const { ids, base } = this.#parts
    const names = new Set<string>()
    for (const { name, kind, targets } of searchParametersOf(one.type).values()) {
      if (kind !== 'reference' || (parameter !== '*' && parameter !== name)) continue
      if ((name === 'patient' || name === 'subject') && one.patient !== undefined) {
        names.add(`Patient/${ids.idOf(one.patient)}`)
      }
      for (const [reference] of (one.values[name] ?? []) as readonly ReferenceValue[]) {
        // A reference inside a Bundle that was imported: whatever has this id now.
        if (reference.startsWith('urn:uuid:')) for (const type of targets) names.add(`${type}/${reference.slice(9)}`)
        const relative = reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference
        const match = /^([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(relative)
        if (match?.[1] !== undefined) names.add(match[1])
      }
    }
    return [...names]
  }
}

function nameOf({ type, id }: Candidate): string {
  return `${type}/${id}`
}

/** `target=Observation/1`: what a Provenance or AuditEvent must be about. */
function targetsOf(
  { type, filters }: Pick<SearchQuery, 'type' | 'filters'>,
  base: string,
): readonly string[] | undefined {
  if (type !== 'Provenance') return undefined
  const filter = filters.find(
    ({ parameter, modifier, chain, has }) =>
      parameter.name === 'target' && modifier !== 'missing' && chain === undefined && has === undefined,
  )
  return filter?.values.map((value) => {
    const relative = value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value
    return relative.replace(/\/_history\/.*$/, '')
  })
}

/** The text of a version under `_summary` or `_elements`. */
export function subsetOf(version: Version, { summary, elements }: Pick<SearchQuery, 'summary' | 'elements'>): string {
  const keep = keeper(version.type, summary, elements)
  if (keep === undefined) return version.text
  const lastUpdated = formatInstant(version.changedMs)
  return withMeta(withElements(version.text, keep), { versionId: version.versionId, lastUpdated }, [SUBSETTED])
}

function keeper(
  type: string,
  summary: SearchQuery['summary'],
  elements: SearchQuery['elements'],
): ((name: string) => boolean) | undefined {
  if (elements !== undefined) {
    const wanted = new Set(elements)
    return (name) => wanted.has(name)
  }
  if (summary === 'data') return (name) => name !== 'text'
  if (summary === 'text') return (name) => name === 'text'
  if (summary !== 'true') return undefined
  const names = summaryElementsOf(type)
  const plain = new Set(names.filter((name) => !name.endsWith('[x]')))
  const choices = names.filter((name) => name.endsWith('[x]')).map((name) => name.slice(0, -3))
  return (name) =>
    plain.has(name) || choices.some((choice) => name.startsWith(choice) && /^[A-Z]/.test(name.slice(choice.length)))
}

/** The searchset as JSON text; the resources in it as they are. */
export function searchBundle(result: SearchResult, query: SearchQuery, base: string): string {
  const self = linkOf(query, base, query.offset)
  const links = [
    { relation: 'self', url: self },
    ...(query.count > 0 && query.summary !== 'count' ? [{ relation: 'first', url: linkOf(query, base, 0) }] : []),
    ...(query.offset > 0
      ? [{ relation: 'previous', url: linkOf(query, base, Math.max(0, query.offset - query.count)) }]
      : []),
    ...(result.nextOffset === undefined ? [] : [{ relation: 'next', url: linkOf(query, base, result.nextOffset) }]),
  ]
  const entries = result.entries.map(({ version, mode }) => {
    const fullUrl = JSON.stringify(`${base}/${version.type}/${version.id}`)
    const text = mode === 'match' ? subsetOf(version, query) : version.text
    return `{"fullUrl":${fullUrl},"resource":${text},"search":{"mode":"${mode}"}}`
  })
  const warning = warningOf(result, query)
  if (warning !== undefined) {
    const fullUrl = `"fullUrl":"urn:uuid:${randomUUID()}"`
    entries.push(`{${fullUrl},"resource":${JSON.stringify(warning)},"search":{"mode":"outcome"}}`)
  }
  const head = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', total: result.total, link: links })
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`
}

function warningOf({ refused, leftOut }: SearchResult, { unknown, type }: SearchQuery): object | undefined {
  const issues = [
    ...unknown.map((name) => ({
      severity: 'warning' as const,
      code: 'not-supported' as const,
      errorCode: 'FHIR_SEARCH_INVALID',
      diagnostics: `${type} has no search parameter ${name}; it was left out`,
    })),
    ...[...new Set(refused)].map((code) => ({
      severity: 'warning' as const,
      code: 'suppressed' as const,
      errorCode: code,
      diagnostics: `${refused.filter((one) => one === code).length} matches were refused by the record server`,
    })),
    ...(leftOut === 0
      ? []
      : [
          {
            severity: 'warning' as const,
            code: 'too-costly' as const,
            errorCode: 'FHIR_SEARCH_INVALID',
            diagnostics: `${leftOut} included resources are too many or too large for one page; ask with a smaller _count`,
          },
        ]),
  ]
  const [first, ...rest] = issues
  return first === undefined ? undefined : operationOutcome(first, ...rest)
}

function linkOf({ type, used }: SearchQuery, base: string, offset: number): string {
  const pairs = used.filter(([name]) => name !== '_offset').map(([name, value]): [string, string] => [name, value])
  if (offset > 0) pairs.push(['_offset', String(offset)])
  const text = new URLSearchParams(pairs).toString()
  return `${base}/${type}${text === '' ? '' : `?${text}`}`
}
