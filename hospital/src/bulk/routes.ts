/**
 * Bulk Data Access 2.0: `$export` of the system, of all patients, of a group; `$import` of NDJSON. Asynchronous: 202 with
 * the address to ask, then a manifest; DELETE ends a job. Only for services and staff whose scopes reach everybody.
 *
 * Groups: `patients` (all of this hospital), and a doctor's reference (whom the doctor treats).
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isResourceType, parseDateTime } from '../../../shared/fhir/src/index.ts'
import { isErrorCode, practitionerRefShape, ProtocolError } from '../../../shared/protocol/src/index.ts'
import { actorMay, type Actor, type Authorization } from '../authorization.ts'
import { FhirRequestError } from '../fhir/errors.ts'
import { failureOf } from '../fhir/outcome.ts'
import { KEPT_MS, type BulkRequest } from './job-store.ts'
import { parseScope } from '../smart/scopes.ts'
import type { Bulk } from './bulk.ts'

const FHIR_JSON = 'application/fhir+json; charset=utf-8'
const NDJSON = 'application/fhir+ndjson'
const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson'])
const MAX_IMPORT_BYTES = 12 * 2 ** 20
const PARAMETERS = new Set(['_outputFormat', '_since', '_type'])
const RETRY_AFTER_S = 1

export interface BulkRoutesOptions {
  readonly bulk: Bulk
  readonly authorization: Authorization
  readonly publicUrl: () => string
  readonly onFault: (error: unknown) => void
}

export function bulkPlugin({ bulk, authorization, publicUrl, onFault }: BulkRoutesOptions) {
  return (server: FastifyInstance): void => {
    server.removeAllContentTypeParsers()
    for (const type of [
      'application/fhir+ndjson',
      'application/ndjson',
      'application/x-ndjson',
      'application/fhir+json',
      'application/json',
    ]) {
      server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: MAX_IMPORT_BYTES }, (_request, body, done) =>
        done(null, body),
      )
    }
    server.setErrorHandler((error, _request, reply) => {
      const { code, status, outcome } = failureOf(error)
      if (code === 'SERVICE_FAULT') onFault(error)
      if (status === 401) reply.header('www-authenticate', 'Bearer')
      if (status === 429) reply.header('retry-after', '60')
      return reply.status(status).type(FHIR_JSON).send(JSON.stringify(outcome))
    })
    const actorOf = async (request: FastifyRequest): Promise<Actor> => {
      const { authorization: header } = request.headers
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const actor = await authorization.authorize({
        method: request.method,
        path: request.url,
        body,
        ...(header === undefined ? {} : { authorization: header }),
      })
      if (actor.kind !== 'system' && actor.kind !== 'staff') throw forbidden()
      return actor
    }
    const begun = (reply: FastifyReply, id: string) =>
      reply
        .status(202)
        .header('content-location', `${publicUrl()}/bulk/${id}`)
        .type(FHIR_JSON)
        .send(
          JSON.stringify({
            resourceType: 'OperationOutcome',
            issue: [{ severity: 'information', code: 'informational', diagnostics: 'the job has begun' }],
          }),
        )
    const exportOf =
      (level: (request: FastifyRequest) => Extract<BulkRequest, { kind: 'export' }>['level']) =>
      async (request: FastifyRequest, reply: FastifyReply) => {
        const actor = await actorOf(request)
        requireAsync(request)
        const asked = exportParameters(request, actor)
        return begun(
          reply,
          bulk.begin(actor, {
            kind: 'export',
            actor,
            url: `${publicUrl()}${request.url}`,
            level: level(request),
            ...asked,
          }).id,
        )
      }
    server.get(
      '/fhir/$export',
      exportOf(() => 'system'),
    )
    server.get(
      '/fhir/Patient/$export',
      exportOf(() => 'patient'),
    )
    server.get(
      '/fhir/Group/:id/$export',
      exportOf((request) => ({ group: groupOf((request.params as { id: string }).id) })),
    )

    server.post('/fhir/$import', { bodyLimit: MAX_IMPORT_BYTES }, async (request, reply) => {
      const actor = await actorOf(request)
      requireAsync(request)
      if (!/ndjson/.test(request.headers['content-type'] ?? ''))
        throw new FhirRequestError('HTTP_MEDIA_TYPE', { detail: 'an import is application/fhir+ndjson' })
      if (!actor.scopes.some((scope) => parseScope(scope)?.verbs.includes('c'))) throw forbidden()
      const patient = request.headers['x-trusthealth-patient']
      const input = decode(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))
      const asked = {
        kind: 'import',
        actor,
        url: `${publicUrl()}${request.url}`,
        ...(typeof patient === 'string' ? { patient } : {}),
      } as const
      return begun(reply, bulk.begin(actor, asked, input).id)
    })

    server.get('/bulk/:id', async (request, reply) => {
      const { id } = request.params as { id: string }
      const {
        state,
        done,
        total,
        code,
        files,
        createdMs,
        endedMs = 0,
        request: asked,
      } = bulk.require(await actorOf(request), id)
      if (state === 'running') {
        return reply
          .status(202)
          .header('x-progress', `${done} of ${total}`)
          .header('retry-after', String(RETRY_AFTER_S))
          .send()
      }
      if (state === 'failed') throw new ProtocolError(isErrorCode(code) ? code : 'SERVICE_FAULT', 'the job failed')
      const named = (use: 'output' | 'error') =>
        files
          .filter((file) => file.use === use)
          .map(({ n, type, count }) => ({ type, url: `${publicUrl()}/bulk/${id}/${n}`, count }))
      reply.header('expires', new Date(endedMs + KEPT_MS).toUTCString()).header('cache-control', 'no-store')
      return reply.type('application/json').send(
        JSON.stringify({
          // What was stored before this is in it.
          transactionTime: new Date(createdMs).toISOString(),
          request: asked.url,
          requiresAccessToken: true,
          ...(asked.kind === 'import' ? { imported: done - files.filter((file) => file.use === 'error').length } : {}),
          output: named('output'),
          error: named('error'),
        }),
      )
    })
    server.get('/bulk/:id/:n', async (request, reply) => {
      const { id, n } = request.params as { id: string; n: string }
      const content = bulk.file(await actorOf(request), id, /^\d{1,6}$/.test(n) ? Number(n) : -1)
      return reply.type(NDJSON).header('cache-control', 'no-store').send(content)
    })
    server.delete('/bulk/:id', async (request, reply) => {
      bulk.remove(await actorOf(request), (request.params as { id: string }).id)
      return reply.status(202).send()
    })
  }
}

/** @throws {FhirRequestError} `FHIR_NOT_JSON` */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new FhirRequestError('FHIR_NOT_JSON', { detail: 'the body is not UTF-8' })
  }
}

/** @throws {FhirRequestError} `HTTP_BAD_REQUEST` */
function requireAsync({ headers }: FastifyRequest): void {
  if (!/\brespond-async\b/.test(String(headers['prefer'] ?? '')))
    throw new FhirRequestError('HTTP_BAD_REQUEST', { detail: 'it needs the header Prefer: respond-async' })
}

function exportParameters(request: FastifyRequest, actor: Actor): { types?: readonly string[]; sinceMs?: number } {
  const query = new URLSearchParams(request.url.split('?')[1] ?? '')
  for (const name of query.keys())
    if (!PARAMETERS.has(name))
      throw new FhirRequestError('FHIR_SEARCH_INVALID', { detail: `${name.slice(0, 64)} of an export` })
  const format = query.get('_outputFormat')
  if (format !== null && !FORMATS.has(format))
    throw new FhirRequestError('HTTP_NOT_ACCEPTABLE', { detail: 'an export is NDJSON' })
  const since = query.get('_since')
  const sinceMs = since === null ? undefined : parseDateTime(since.replace(' ', '+'))?.startMs
  if (since !== null && sinceMs === undefined)
    throw new FhirRequestError('FHIR_SEARCH_INVALID', { detail: '_since is no instant such as 2026-11-23T09:00:00Z' })
  const types = query.get('_type')?.split(',')
  if (types?.some((type) => !isResourceType(type)) === true)
    throw new FhirRequestError('FHIR_UNKNOWN_RESOURCE_TYPE', { detail: '_type' })
  // A scope for one patient does not reach what is of many.
  if ((types ?? ['Patient']).some((type) => !actorMay(actor, 'r', type).some(({ reach }) => reach === 'all')))
    throw forbidden()
  return { ...(types === undefined ? {} : { types }), ...(sinceMs === undefined ? {} : { sinceMs }) }
}

function groupOf(id: string): string {
  if (id === 'patients') return id
  try {
    return practitionerRefShape(id, 'group')
  } catch {
    throw new FhirRequestError('FHIR_NOT_FOUND', { detail: 'groups are patients, and each doctor by reference' })
  }
}

function forbidden(): FhirRequestError {
  return new FhirRequestError('FHIR_FORBIDDEN', { detail: 'needs scopes such as system/*.rs, which reach everybody' })
}
