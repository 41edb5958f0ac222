/**
 * Bundles that ask for something. A batch is so many requests, each with its own answer. A transaction is checked whole
 * before anything of it is written down, and then stored and shown as one (transactions.ts).
 *
 * Source: FHIR R4 https://hl7.org/fhir/R4/http.html#transaction
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  FhirError,
  formatInstant,
  operationOutcome,
  splitBundle,
  type BundleEntry,
} from '../../../shared/fhir/src/index.ts'
import { isObject } from '../../../shared/fhir/src/json-value.ts'
import { FhirRequestError } from './errors.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import { failureOf } from './outcome.ts'
import { withId, withStringsReplaced } from './resource-text.ts'
import { etagOf, versionOfEtag, type FhirRequest, type FhirResponse, type Interactions } from './interactions.ts'
import type { ResourceRow } from './store.ts'
import type { TransactionPlan, TransactionStep, WriteOfTransaction, WrittenName } from './transaction-journal.ts'
import type { EndedTransaction, WaitingTransaction } from './transactions.ts'
import { recordOf, type PlannedWrite } from './writer.ts'

export const MAX_ENTRIES = 5_000
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE'])

export async function runBatch(service: Interactions, request: FhirRequest): Promise<FhirResponse> {
  const answers: string[] = []
  const room = new AnswerRoom()
  for (const entry of entriesOf(request)) {
    try {
      checkEntry(entry)
      if (entry.method === 'GET') room.check()
      answers.push(responseEntry(service, await service.handle(requestOf(request, entry, entry.resourceText)), request))
    } catch (error) {
      answers.push(failureEntry(error))
    }
    room.take(answers.at(-1))
  }
  return answerOf('batch-response', answers)
}

/** What is read for one Bundle ends where a page of a search would: many small requests are no way around that limit. */
class AnswerRoom {
  #bytes = 0

  take(answer = ''): void {
    this.#bytes += Buffer.byteLength(answer)
  }

  /** @throws {FhirRequestError} `FHIR_TOO_LARGE`: nothing more is read for this Bundle */
  check(): void {
    if (this.#bytes < MAX_PAGE_BYTES) return
    throw new FhirRequestError('FHIR_TOO_LARGE', {
      detail: `the answers before it have ${MAX_PAGE_BYTES} bytes: ask for it in a Bundle of its own`,
    })
  }
}

/** What one entry of a transaction will be. */
interface Step extends TransactionStep {
  readonly entry: BundleEntry
}

export async function runTransaction(service: Interactions, request: FhirRequest): Promise<FhirResponse> {
  const entries = entriesOf(request)
  const keys = new Set<string>()
  const named = new Set<string>()
  for (const entry of entries) {
    within(entry, () => checkEntry(entry))
    const url = (entry.url ?? '').replace(/^\//, '')
    const [path = ''] = url.split('?')
    if (entry.method === 'PUT' || entry.method === 'DELETE') {
      if (named.has(url)) throw twice(url)
      named.add(url)
      keys.add(path)
    }
    if (entry.ifNoneExist !== undefined) keys.add(`${path}?`)
  }
  const digest = digestOf(request)
  const told = await service.parts.transactions.known(digest)
  if (told !== undefined) return await answerTransaction(service, request, entries, told)
  const sorted = [...keys].toSorted()
  return await service.locked(sorted, async () => await runSteps(service, request, { entries, digest, keys: sorted }))
}

function twice(name: string): FhirRequestError {
  return new FhirRequestError('HTTP_BAD_REQUEST', { detail: `${name.slice(0, 256)} stands twice in the transaction` })
}

/** Who asks for what: of an answer that was lost, the same again gets it. */
function digestOf({ actor, patient = '', text = '' }: FhirRequest): string {
  const who = JSON.stringify([actor.kind, actor.id, actor.clientId ?? '', patient])
  return createHash('sha256').update(who).update('\0').update(text).digest('hex')
}

interface Asked {
  readonly entries: readonly BundleEntry[]
  readonly digest: string
  readonly keys: readonly string[]
}

async function runSteps(
  service: Interactions,
  request: FhirRequest,
  { entries, digest, keys }: Asked,
): Promise<FhirResponse> {
  const { writer, validation, transactions } = service.parts
  const steps: Step[] = []
  const names = new Map<string, string>()
  const written = new Set<string>()
  for (const entry of entries) {
    const step = await withinAsync(entry, () => stepOf(service, request, entry))
    const name = `${step.type}/${step.id}`
    if (step.kind === 'update' || step.kind === 'delete') {
      // A condition may find what another entry names (R4 http.html#trules).
      if (written.has(name)) throw placed(twice(name), entry)
      written.add(name)
    }
    steps.push(step)
    if (entry.fullUrl !== undefined && step.kind !== 'get') names.set(entry.fullUrl, name)
  }
  const plans = new Map<Step, PlannedWrite>()
  const patient = service.patientOf(request)
  const searched = new Map<string, string>()
  for (const step of steps) {
    const { entry, kind, type, id } = step
    if (kind !== 'create' && kind !== 'update') continue
    await withinAsync(entry, async () => {
      const own = entry.resourceText ?? ''
      await findConditional(service, request, own, searched)
      const text = withId(withStringsReplaced(own, new Map([...names, ...searched])), id)
      const wanted = ifMatchOf(entry)
      const ifMatch = wanted === undefined ? {} : { ifMatch: wanted }
      const name = kind === 'create' ? { assignedId: id } : { id }
      const whose = patient === undefined ? {} : { patient }
      const plan = await writer.plan(request.actor, { type, text, ...name, ...ifMatch, ...whose })
      await validation.check(plan.resource)
      plans.set(step, plan)
    })
  }
  const deletes: ResourceRow[] = []
  for (const { kind, type, id, entry } of steps) {
    if (kind !== 'delete') continue
    const row = await withinAsync(entry, () => writer.planDelete(request.actor, type, id, ifMatchOf(entry)))
    if (row !== undefined) deletes.push(row)
  }
  const { actor, reason } = request
  const planned = [...plans.values()]
  const plan: TransactionPlan = {
    digest,
    keys,
    deletes,
    by: { id: actor.id, ...(actor.name === undefined ? {} : { name: actor.name }) },
    ...(reason === undefined ? {} : { reason }),
    steps: steps.map(({ type, id, kind }) => ({ type, id, kind })),
    writes: planned.map(writeOf),
  }
  const records = planned.flatMap((one) => (one.isLocal ? [] : [recordOf(one)]))
  const ended = await writer.asking(() => transactions.run(plan, records))
  return await answerTransaction(service, request, entries, ended)
}

function writeOf({ type, id, enterer, isNew, text, isLocal, patient, existing }: PlannedWrite): WriteOfTransaction {
  const more = { ...(patient === undefined ? {} : { patient }), ...(existing === undefined ? {} : { existing }) }
  return { type, id, enterer, isNew, text, isLocal, ...more }
}

async function answerTransaction(
  service: Interactions,
  request: FhirRequest,
  entries: readonly BundleEntry[],
  told: EndedTransaction | WaitingTransaction,
): Promise<FhirResponse> {
  if ('away' in told) return waitingAnswer(told)
  const { plan, results } = told
  const writes = plan.writes.map((write, i) => ({ write, row: results.rows[i] as WrittenName }))[Symbol.iterator]()
  const asked = new Map(plan.deletes.map(({ type, id }, i) => [`${type}/${id}`, results.asked[i] ?? undefined]))
  const answers: string[] = []
  const room = new AnswerRoom()
  for (const [i, step] of plan.steps.entries()) {
    const entry = entries[i] as BundleEntry
    if (step.kind === 'create' || step.kind === 'update') {
      const { write, row } = writes.next().value as { readonly write: WriteOfTransaction; readonly row: WrittenName }
      answers.push(responseEntry(service, service.written(request, write, row), request))
    } else if (step.kind === 'delete') {
      answers.push(responseEntry(service, service.deleted(asked.get(`${step.type}/${step.id}`)), request))
    } else answers.push(await readEntry(service, request, { ...step, entry }, room))
    room.take(answers.at(-1))
  }
  return answerOf('transaction-response', answers)
}

/** What a transaction asks for beside what it writes. */
async function readEntry(
  service: Interactions,
  request: FhirRequest,
  { kind, type, id, entry }: Step,
  room: AnswerRoom,
): Promise<string> {
  if (kind === 'found') {
    const found = await service.handle({ ...requestOf(request, { ...entry, method: 'GET' }), path: `${type}/${id}` })
    return responseEntry(service, { ...found, location: `${service.parts.base}/${type}/${id}` }, request)
  }
  try {
    room.check()
    return responseEntry(service, await service.handle(requestOf(request, entry)), {
      ...request,
      returns: 'representation',
    })
  } catch (error) {
    return failureEntry(error)
  }
}

/** Taken whole, not stored yet: nobody reads anything of it until all of it is. */
function waitingAnswer({ away }: WaitingTransaction): FhirResponse {
  const diagnostics =
    'Kept whole and encrypted in the hospital; nothing of it is served until all of it is stored, when the record server and the ledger answer again. Send the same Bundle again to learn what came of it.'
  const outcome = operationOutcome({ severity: 'information', code: 'informational', errorCode: away, diagnostics })
  return { status: 202, text: JSON.stringify(outcome) }
}

async function stepOf(service: Interactions, request: FhirRequest, entry: BundleEntry): Promise<Step> {
  const { method = '', url = '', ifNoneExist } = entry
  const [path = '', query = ''] = url.replace(/^\//, '').split('?')
  const [type = '', id] = path.split('/')
  if (method === 'GET') return { entry, type, id: id ?? '', kind: 'get' }
  if (method === 'POST') {
    if (ifNoneExist === undefined) return { entry, type, id: service.parts.writer.newId(), kind: 'create' }
    const found = await onlyMatch(service, request, type, ifNoneExist)
    if (found !== undefined) return { entry, type, id: found, kind: 'found' }
    return { entry, type, id: service.parts.writer.newId(), kind: 'create' }
  }
  const kind = method === 'PUT' ? 'update' : 'delete'
  if (id !== undefined) return { entry, type, id, kind }
  const found = await onlyMatch(service, request, type, query)
  if (found !== undefined) return { entry, type, id: found, kind }
  if (kind === 'update') return { entry, type, id: service.parts.writer.newId(), kind: 'create' }
  throw new FhirRequestError('FHIR_NOT_FOUND', { detail: url.slice(0, 256) })
}

async function onlyMatch(
  service: Interactions,
  request: FhirRequest,
  type: string,
  query: string,
): Promise<string | undefined> {
  const [only, ...others] = await service.matchesOf(request, type, new URLSearchParams(query))
  if (others.length > 0)
    throw new FhirRequestError('FHIR_MULTIPLE_MATCHES', { detail: `${type}?${query}`.slice(0, 256) })
  return only
}

/** `Practitioner?identifier=…` in a reference: the one resource that fits (R4 http.html#trules). */
async function findConditional(
  service: Interactions,
  request: FhirRequest,
  text: string,
  found: Map<string, string>,
): Promise<void> {
  for (const reference of conditionalReferences(JSON.parse(text))) {
    if (found.has(reference)) continue
    const [type = '', query = ''] = reference.split('?')
    const id = await onlyMatch(service, request, type, query)
    if (id === undefined) throw new FhirRequestError('FHIR_NOT_FOUND', { detail: reference.slice(0, 256) })
    found.set(reference, `${type}/${id}`)
  }
}

function conditionalReferences(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(conditionalReferences)
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, member]) => {
    if (name !== 'reference' || typeof member !== 'string') return conditionalReferences(member)
    return /^[A-Z][A-Za-z]+\?./.test(member) ? [member] : []
  })
}

function entriesOf({ text = '' }: FhirRequest): readonly BundleEntry[] {
  try {
    const { entries } = splitBundle(text)
    if (entries.length > MAX_ENTRIES)
      throw new FhirRequestError('FHIR_TOO_LARGE', { detail: `at most ${MAX_ENTRIES} entries` })
    return entries
  } catch (error) {
    if (error instanceof FhirError) throw new FhirRequestError(error.code)
    throw error
  }
}

function checkEntry({ method, url, resourceText }: BundleEntry): void {
  if (method === undefined || !METHODS.has(method) || url === undefined) {
    throw new FhirRequestError('HTTP_BAD_REQUEST', {
      detail: 'an entry needs request.method (GET, POST, PUT, DELETE) and request.url',
    })
  }
  const [path = ''] = url.split('?')
  // A batch in a batch would have entries and answers beyond the limits of one.
  if (method === 'POST' && /^\/*$/.test(path)) {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: 'a Bundle as an entry of a Bundle' })
  }
  if (method === 'POST' && /\/_search\/?$/.test(path)) {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: 'a search in a Bundle is a GET' })
  }
  const needsBody = method === 'POST' || method === 'PUT'
  if (needsBody && resourceText === undefined)
    throw new FhirRequestError('HTTP_BAD_REQUEST', { detail: 'an entry has no resource' })
}

function ifMatchOf({ ifMatch }: BundleEntry): string | undefined {
  return ifMatch === undefined ? undefined : versionOfEtag(ifMatch)
}

function requestOf(
  request: FhirRequest,
  { method = 'GET', url = '', ifMatch, ifNoneExist }: BundleEntry,
  text?: string,
): FhirRequest {
  const { actor, isStrict, patient, reason, returns } = request
  return {
    actor,
    method,
    path: url,
    ...(text === undefined ? {} : { text }),
    ...(isStrict === undefined ? {} : { isStrict }),
    ...(patient === undefined ? {} : { patient }),
    ...(reason === undefined ? {} : { reason }),
    ...(returns === undefined ? {} : { returns }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneExist === undefined ? {} : { ifNoneExist }),
  }
}

const WORDS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  304: 'Not Modified',
}

function responseEntry(
  { parts }: Interactions,
  { status, text, version, location }: FhirResponse,
  { returns }: FhirRequest,
): string {
  const response = {
    status: `${status} ${WORDS[status] ?? ''}`.trim(),
    ...(location === undefined ? {} : { location }),
    ...(version === undefined
      ? {}
      : { etag: etagOf(version.versionId), lastModified: formatInstant(version.changedMs) }),
  }
  // A read answers with what was read; a write only when it was asked to.
  const isRead = location === undefined && text !== undefined
  if (text === undefined || (!isRead && returns !== 'representation')) return `{"response":${JSON.stringify(response)}}`
  // A searchset has no address of its own.
  const name = version === undefined ? `urn:uuid:${randomUUID()}` : `${parts.base}/${version.type}/${version.id}`
  return `{"fullUrl":${JSON.stringify(name)},"resource":${text},"response":${JSON.stringify(response)}}`
}

function failureEntry(error: unknown): string {
  const { status, outcome } = failureOf(error)
  return JSON.stringify({ response: { status: String(status), outcome } })
}

function answerOf(type: string, entries: readonly string[]): FhirResponse {
  return { status: 200, text: `{"resourceType":"Bundle","type":"${type}","entry":[${entries.join(',')}]}` }
}

function within(entry: BundleEntry, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw placed(error, entry)
  }
}

async function withinAsync<T>(entry: BundleEntry, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw placed(error, entry)
  }
}

/** A refusal of one entry is the refusal of all, and says which entry it was. */
function placed(error: unknown, { index }: BundleEntry): unknown {
  if (!(error instanceof FhirRequestError)) return error
  const { code, detail, expression = [] } = error
  const place = `Bundle.entry[${index}]`
  return new FhirRequestError(code, {
    cause: error,
    expression: [place, ...expression],
    detail: detail === undefined ? place : `${place}: ${detail}`,
  })
}
