/**
 * FHIR's REST interactions without HTTP: a request in, an answer out. Routes and batches both go through here.
 *
 * Source: FHIR R4 https://hl7.org/fhir/R4/http.html
 *
 * @module
 */
import { formatInstant, isResourceType, operationOutcome } from '../../../shared/fhir/src/index.ts'
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import { runBatch, runTransaction } from './bundle-run.ts'
import { FhirRequestError } from './errors.ts'
import { everything } from './everything.ts'
import {
  etagOf,
  versionOfEtag,
  type FhirRequest,
  type FhirResponse,
  type FhirServiceParts,
  type Interactions,
} from './interactions.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { HistoryPage } from './library.ts'
import { patched } from './json-patch.ts'
import { runOperation } from './operations.ts'
import type { Kept } from './ports.ts'
import { parseSearch } from './search-query.ts'
import { searchBundle, subsetOf } from './search.ts'
import type { WrittenName } from './transaction-journal.ts'
import type { PlannedWrite } from './writer.ts'

export class FhirService implements Interactions {
  readonly parts: FhirServiceParts
  readonly #lock = new KeyedLock()

  constructor(parts: FhirServiceParts) {
    this.parts = parts
  }

  async handle(request: FhirRequest): Promise<FhirResponse> {
    const [path, queryText] = splitOnce(request.path.replace(/^\//, ''), '?')
    const segments = path === '' ? [] : path.replace(/\/$/, '').split('/').map(decodeSegment)
    const query = [...new URLSearchParams(queryText)]
    const [type, id, third, fourth] = segments
    const isSearch = id === '_search' && request.method === 'POST'
    if (type === undefined) return await this.#root(request)
    if (type === 'metadata') return { status: 200, text: this.parts.capability() }
    // Of the whole server or of a type: what R4 has there and is not done here.
    if (isOperation(type) || (isOperation(id ?? '') && !isSearch)) throw notSupported(request, path)
    if (!isResourceType(type))
      throw new FhirRequestError('FHIR_UNKNOWN_RESOURCE_TYPE', { detail: `no type ${type.slice(0, 64)}` })
    if (id === undefined) return await this.#ofType(request, type, query)
    if (isSearch) {
      return await this.#search(request, type, [...query, ...new URLSearchParams(request.text ?? '')])
    }
    checkId(id)
    if (third === undefined) return await this.#ofInstance(request, type, id, query)
    if (third.startsWith('$')) return await this.#operation(request, type, id, third, query)
    if (third === '_history' && request.method === 'GET') {
      return fourth === undefined
        ? await this.#history(request, type, id, query)
        : await this.#vread(request, type, id, fourth)
    }
    if (type === 'Patient' && isResourceType(third) && fourth === undefined && request.method === 'GET') {
      return await this.#search(request, third, [...query, [third === 'Patient' ? '_id' : 'patient', id]])
    }
    throw notSupported(request, path)
  }

  locked<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#lock.run(keys, async () => {
      this.parts.transactions.requireFree(keys)
      return await work()
    })
  }

  async #root(request: FhirRequest): Promise<FhirResponse> {
    if (request.method !== 'POST') throw notSupported(request, 'the base')
    const kind = bundleType(request.text ?? '')
    if (kind === 'batch') return await runBatch(this, request)
    if (kind === 'transaction') return await runTransaction(this, request)
    throw new FhirRequestError('FHIR_NOT_A_BUNDLE', { detail: 'the base takes a Bundle of type batch or transaction' })
  }

  async #ofType(request: FhirRequest, type: string, query: readonly [string, string][]): Promise<FhirResponse> {
    const { method } = request
    if (method === 'GET') return await this.#search(request, type, query)
    if (method === 'POST') return await this.create(request, type)
    const only = await this.#onlyMatch(request, type, query)
    if (method === 'PUT') return await this.#updateOnly(request, type, query, only)
    if (method === 'PATCH') {
      if (only === undefined) throw new FhirRequestError('FHIR_NOT_FOUND', { detail: 'nothing fits the condition' })
      return await this.#patch(request, type, only)
    }
    if (method === 'DELETE') {
      return only === undefined ? { status: 204 } : await this.#delete(request, type, only)
    }
    throw notSupported(request, type)
  }

  /** @throws {FhirRequestError} `FHIR_MULTIPLE_MATCHES` */
  async #onlyMatch(
    request: FhirRequest,
    type: string,
    query: Iterable<readonly [string, string]>,
  ): Promise<string | undefined> {
    const [only, ...others] = await this.matchesOf(request, type, query)
    if (others.length > 0) throw new FhirRequestError('FHIR_MULTIPLE_MATCHES')
    return only
  }

  /** Of several who find nothing at the same time one creates. */
  async #updateOnly(
    { ifNoneExist: _notOfUpdates, ...request }: FhirRequest,
    type: string,
    query: readonly [string, string][],
    only: string | undefined,
  ): Promise<FhirResponse> {
    if (only !== undefined) return await this.update(request, type, only)
    const created = await this.locked([`${type}?`], async () => {
      const id = await this.#onlyMatch(request, type, query)
      return id === undefined ? await this.create(request, type) : { id }
    })
    return 'id' in created ? await this.update(request, type, created.id) : created
  }

  /** Ids that a condition fits. A condition of nothing, or of what is not known, is refused. */
  async matchesOf(
    request: FhirRequest,
    type: string,
    query: Iterable<readonly [string, string]>,
  ): Promise<readonly string[]> {
    const search = parseSearch(type, query, { isStrict: true })
    if (search.filters.length === 0)
      throw new FhirRequestError('FHIR_SEARCH_INVALID', { detail: 'a condition needs a parameter' })
    return (await this.parts.searcher.matches(request.actor, search)).map(({ id }) => id)
  }

  async #ofInstance(
    request: FhirRequest,
    type: string,
    id: string,
    query: readonly [string, string][],
  ): Promise<FhirResponse> {
    const { method } = request
    if (method === 'GET') return await this.#read(request, type, id, query)
    if (method === 'PUT') return await this.update(request, type, id)
    if (method === 'PATCH') return await this.#patch(request, type, id)
    if (method === 'DELETE') return await this.#delete(request, type, id)
    throw notSupported(request, `${type}/${id}`)
  }

  async #read(
    request: FhirRequest,
    type: string,
    id: string,
    query: readonly [string, string][],
  ): Promise<FhirResponse> {
    const version = await this.parts.library.read(request.actor, type, id)
    if (request.ifNoneMatch !== undefined && versionOfEtag(request.ifNoneMatch) === version.versionId) {
      return { status: 304, version }
    }
    const form = parseSearch(
      type,
      query.filter(([name]) => name === '_summary' || name === '_elements'),
    )
    return { status: 200, text: subsetOf(version, form), version }
  }

  async #vread(request: FhirRequest, type: string, id: string, versionId: string): Promise<FhirResponse> {
    const version = await this.parts.library.vread(request.actor, type, id, versionId)
    return { status: 200, text: version.text, version }
  }

  async #history(
    request: FhirRequest,
    type: string,
    id: string,
    query: readonly [string, string][],
  ): Promise<FhirResponse> {
    const { library, base } = this.parts
    const { count, offset } = parseSearch(
      type,
      query.filter(([name]) => name === '_count' || name === '_offset'),
    )
    const page = await library.history(request.actor, type, id, { offset, count })
    return { status: 200, text: historyBundle(page, { offset, count }, base, `${type}/${id}`) }
  }

  async #search(request: FhirRequest, type: string, query: Iterable<readonly [string, string]>): Promise<FhirResponse> {
    const { searcher, base } = this.parts
    const search = parseSearch(type, query, { isStrict: request.isStrict === true })
    return { status: 200, text: searchBundle(await searcher.search(request.actor, search), search, base) }
  }

  async create(request: FhirRequest, type: string): Promise<FhirResponse> {
    const { writer } = this.parts
    const text = bodyOf(request)
    const condition = request.ifNoneExist
    const work = async (): Promise<FhirResponse> => {
      if (condition !== undefined) {
        const only = await this.#onlyMatch(request, type, new URLSearchParams(condition.replace(/^\?/, '')))
        if (only !== undefined) return await this.#read(request, type, only, [])
      }
      return await this.#write(request, await writer.plan(request.actor, { type, text, ...this.#whose(request) }))
    }
    return await (condition === undefined ? work() : this.locked([`${type}?`], work))
  }

  async update(request: FhirRequest, type: string, id: string): Promise<FhirResponse> {
    const text = bodyOf(request)
    return await this.locked([`${type}/${id}`], async () => {
      const ifMatch = request.ifMatch === undefined ? {} : { ifMatch: versionOfEtag(request.ifMatch) }
      const write = { type, id, text, ...ifMatch, ...this.#whose(request) }
      return await this.#write(request, await this.parts.writer.plan(request.actor, write))
    })
  }

  /** The newest version with the changes; what somebody else wrote in between is a conflict, never lost. */
  async #patch(request: FhirRequest, type: string, id: string): Promise<FhirResponse> {
    const { library, writer } = this.parts
    const { actor, ifMatch } = request
    const changes = bodyOf(request)
    return await this.locked([`${type}/${id}`], async () => {
      const found = await library.get(actor, 'u', type, id)
      const newest = await library.current(actor, found)
      if (ifMatch !== undefined && versionOfEtag(ifMatch) !== newest.versionId) {
        throw new FhirRequestError('FHIR_VERSION_CONFLICT', { detail: `the newest version is W/"${newest.versionId}"` })
      }
      const text = patched(newest.text, changes)
      // What the registry says of a patient has no version that a write could be of.
      const ifMatchRead = found.row === undefined ? {} : { ifMatch: newest.versionId }
      const write = { type, id: newest.id, text, ...ifMatchRead, ...this.#whose(request, found.row?.patient) }
      return await this.#write(request, await writer.plan(actor, write))
    })
  }

  async #write(request: FhirRequest, plan: PlannedWrite): Promise<FhirResponse> {
    const { writer, validation } = this.parts
    await validation.check(plan.resource)
    const outcome = await writer.commitOrKeep(plan)
    if ('kept' in outcome) return keptAnswer(outcome)
    return this.written(request, plan, outcome.row)
  }

  /** The answer to a write. */
  written(
    { returns }: FhirRequest,
    { isNew, text }: Pick<PlannedWrite, 'isNew' | 'text'>,
    row: WrittenName,
  ): FhirResponse {
    const { base, library } = this.parts
    const { type, id, version, changedMs } = row
    const name = { type, id, versionId: String(version), changedMs }
    const location = `${base}/${type}/${id}/_history/${version}`
    const answer = { status: isNew ? 201 : 200, version: name, location }
    if (returns === 'minimal') return answer
    return {
      ...answer,
      text: returns === 'OperationOutcome' ? JSON.stringify(stored(name)) : library.stamp(name, text),
    }
  }

  async #delete(request: FhirRequest, type: string, id: string): Promise<FhirResponse> {
    const { actor, reason } = request
    const more = {
      ...(request.ifMatch === undefined ? {} : { ifMatch: versionOfEtag(request.ifMatch) }),
      ...(reason === undefined ? {} : { reason }),
    }
    return await this.locked([`${type}/${id}`], async () =>
      this.deleted((await this.parts.writer.delete(actor, type, id, more))?.id),
    )
  }

  deleted(asked: string | undefined): FhirResponse {
    if (asked === undefined) return { status: 204 }
    return { status: 202, location: `${this.parts.base}/Task/${asked}`, text: JSON.stringify(eraseAsked(asked)) }
  }

  async #operation(
    request: FhirRequest,
    type: string,
    id: string,
    name: string,
    query: readonly [string, string][],
  ): Promise<FhirResponse> {
    if (type === 'Patient' && name === '$everything' && (request.method === 'GET' || request.method === 'POST')) {
      return { status: 200, text: await everything(this.parts, request.actor, id, query) }
    }
    return await runOperation(this.parts, request, type, id, name)
  }

  /** The patient of the header. @throws {FhirRequestError} `FHIR_UNRESOLVED_PATIENT` */
  patientOf({ patient }: Pick<FhirRequest, 'patient'>): PatientRef | undefined {
    if (patient === undefined) return undefined
    const { ids, base } = this.parts
    const id = patient.replace(`${base}/`, '').replace(/^Patient\//, '')
    const ref = ids.resolve(id)
    if (ref !== undefined) return ref
    if (ids.isWaiting(id)) throw new FhirRequestError('FHIR_PATIENT_NOT_REGISTERED')
    throw new FhirRequestError('FHIR_UNRESOLVED_PATIENT', { detail: 'X-TrustHealth-Patient names nobody' })
  }

  /** @param known whose the resource is already. */
  #whose(request: FhirRequest, known?: PatientRef): { readonly patient?: PatientRef } {
    const patient = this.patientOf(request) ?? known
    return patient === undefined ? {} : { patient }
  }
}

/** Taken, not stored yet: nobody reads it until it is delivered. */
function keptAnswer({ record, away }: Kept): FhirResponse {
  const diagnostics = `Kept encrypted in the hospital's outbox as ${record}; it is stored when the record server and the ledger answer again.`
  return {
    status: 202,
    text: JSON.stringify(
      operationOutcome({ severity: 'information', code: 'informational', errorCode: away, diagnostics }),
    ),
  }
}

function stored({ type, id, versionId }: { readonly type: string; readonly id: string; readonly versionId: string }) {
  const diagnostics = `Stored as ${type}/${id}, version ${versionId}.`
  return operationOutcome({ severity: 'information', code: 'informational', diagnostics })
}

/** Gone from this API; whether the record is destroyed is the patient's to decide. */
function eraseAsked(id: string): object {
  const diagnostics = `Taken out of this API. The patient is asked to destroy the record; Task/${id} says what came of it.`
  return operationOutcome({ severity: 'information', code: 'informational', diagnostics })
}

function bodyOf({ text }: FhirRequest): string {
  if (text === undefined || text.trim() === '')
    throw new FhirRequestError('FHIR_NOT_JSON', { detail: 'the body is empty' })
  return text
}

/** Without reading everything else: what is wrong with it is found later. */
function bundleType(text: string): unknown {
  try {
    const bundle = JSON.parse(text) as { readonly resourceType?: unknown; readonly type?: unknown } | null
    return bundle?.resourceType === 'Bundle' ? bundle.type : undefined
  } catch {
    throw new FhirRequestError('FHIR_NOT_JSON')
  }
}

/** Of R4 and of whoever defines one: no type and no id begins like this. */
function isOperation(segment: string): boolean {
  return /^(?:\$.|_history$|_search$)/.test(segment)
}

function checkId(id: string): void {
  if (!/^[A-Za-z0-9\-.]{1,64}$/.test(id)) throw new FhirRequestError('FHIR_BAD_ID', { detail: 'in the address' })
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new FhirRequestError('HTTP_BAD_REQUEST')
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function notSupported({ method }: FhirRequest, what: string): FhirRequestError {
  return new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: `${method} on ${what.slice(0, 128)}` })
}

function historyBundle(
  page: HistoryPage,
  asked: { readonly offset: number; readonly count: number },
  base: string,
  name: string,
): string {
  const METHOD = { create: 'POST', update: 'PUT', delete: 'DELETE' } as const
  const STATUS = { create: '201', update: '200', delete: '204' } as const
  const entries = page.entries.map(({ type, id, versionId, changedMs, text, how }) => {
    const rest = JSON.stringify({
      request: { method: METHOD[how], url: how === 'create' ? type : `${type}/${id}` },
      response: { status: STATUS[how], etag: etagOf(versionId), lastModified: formatInstant(changedMs) },
    })
    const fullUrl = `"fullUrl":${JSON.stringify(`${base}/${type}/${id}`)}`
    return text === undefined ? `{${fullUrl},${rest.slice(1)}` : `{${fullUrl},"resource":${text},${rest.slice(1)}`
  })
  const linkTo = (offset: number) => `${base}/${name}/_history?_count=${asked.count}&_offset=${offset}`
  const link = [
    { relation: 'self', url: linkTo(asked.offset) },
    ...(page.nextOffset === undefined ? [] : [{ relation: 'next', url: linkTo(page.nextOffset) }]),
  ]
  const head = JSON.stringify({ resourceType: 'Bundle', type: 'history', total: page.total, link })
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`
}
