/**
 * FHIR over HTTP: content types, headers, and every failure as an OperationOutcome. A fastify plugin that adds nothing to
 * the server around it.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirRequestError } from './errors.ts'
import { PATCH_TYPE } from './json-patch.ts'
import { MAX_BODY_BYTES } from './limits.ts'
import { failureOf } from './outcome.ts'
import type { FhirAccess } from './ports.ts'
import { etagOf, type FhirRequest, type FhirResponse } from './interactions.ts'
import type { FhirService } from './service.ts'

export const FHIR_PATH = '/fhir'
const FHIR_JSON = 'application/fhir+json; charset=utf-8'
const JSON_TYPES = ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json']
const FORMATS = new Set(['json', 'application/json', 'application/fhir+json', 'application/json+fhir', 'text/json'])
const FORM = 'application/x-www-form-urlencoded'
const TAKES_JSON = 'send JSON with Content-Type: application/fhir+json'
/** Of parts that are away. */
const RETRY_AFTER_S = 5
/** What a browser's FHIR app may send and see. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers':
    'accept, authorization, cache-control, content-type, if-match, if-none-exist, if-none-match, prefer, x-trusthealth-patient, x-trusthealth-reason',
  'access-control-expose-headers': 'content-location, etag, last-modified, location, x-request-id',
  'access-control-max-age': '86400',
}

export interface FhirRoutesOptions {
  /** Asked at the first request: then the address is known. */
  readonly service: () => FhirService
  readonly access: FhirAccess
  /** A fault of the program itself. */
  readonly onFault: (error: unknown) => void
}

export function fhirRoutes(options: FhirRoutesOptions): (server: FastifyInstance) => Promise<void> {
  return async (scope) => {
    await scope.register((server: FastifyInstance) => Promise.resolve(addRoutes(server, options)), {
      prefix: FHIR_PATH,
    })
  }
}

function addRoutes(server: FastifyInstance, { service, access, onFault }: FhirRoutesOptions): void {
  server.removeAllContentTypeParsers()
  for (const type of [...JSON_TYPES, PATCH_TYPE, FORM]) {
    server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) => {
      done(null, body)
    })
  }
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers({ ...CORS, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })
  server.setErrorHandler((error, _request, reply) => {
    const { code, status, outcome } = failureOf(readableOf(error))
    if (code === 'SERVICE_FAULT') onFault(error)
    if (status === 401) reply.header('www-authenticate', 'Bearer')
    if (status === 503) reply.header('retry-after', String(RETRY_AFTER_S))
    return reply.status(status).type(FHIR_JSON).send(JSON.stringify(outcome))
  })
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (request.method === 'OPTIONS') return await reply.status(204).send()
    const path = request.url.slice(request.url.indexOf(FHIR_PATH) + FHIR_PATH.length)
    checkFormat(request)
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    checkContentType(request, path, body)
    const { authorization } = request.headers
    // Anybody may ask what the server can do.
    const isOpen = request.method === 'GET' && /^\/metadata(\?|$)/.test(path)
    const actor = isOpen
      ? { kind: 'system' as const, id: 'anybody', scopes: [] }
      : await access.authorize({
          method: request.method,
          path: request.url,
          body,
          ...(authorization === undefined ? {} : { authorization }),
        })
    const response = await service().handle({
      actor,
      method: request.method === 'HEAD' ? 'GET' : request.method,
      path,
      ...(body.length === 0 ? {} : { text: decode(body) }),
      ...headersOf(request),
    })
    return await send(reply, request, response)
  }
  server.setNotFoundHandler(() => {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: 'no such HTTP method here' })
  })
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']
  for (const url of ['/', '/*'])
    server.route({ method: methods, url, bodyLimit: MAX_BODY_BYTES, handler: answer, exposeHeadRoute: false })
}

/** @throws {FhirRequestError} `HTTP_NOT_ACCEPTABLE`, `HTTP_MEDIA_TYPE` */
function checkFormat(request: FastifyRequest): void {
  const format = new URLSearchParams(request.url.split('?')[1] ?? '').get('_format')
  if (format !== null) {
    // Unescaped in an address, a plus means a space: nobody means one here.
    if (!FORMATS.has((format.split(';')[0] ?? '').trim().replace(' ', '+')))
      throw new FhirRequestError('HTTP_NOT_ACCEPTABLE')
  } else if (!isRawBinary(request)) {
    const accepted = (request.headers.accept ?? '*/*').split(',').map((one) => (one.split(';')[0] ?? '').trim())
    if (!accepted.some((one) => FORMATS.has(one) || one === '*/*' || one === 'application/*')) {
      throw new FhirRequestError('HTTP_NOT_ACCEPTABLE')
    }
  }
  const wanted = /fhirVersion=([\d.]+)/.exec(
    `${request.headers['content-type'] ?? ''} ${request.headers.accept ?? ''}`,
  )?.[1]
  if (wanted !== undefined && !wanted.startsWith('4.0')) {
    throw new FhirRequestError('HTTP_MEDIA_TYPE', { detail: 'this is FHIR 4.0' })
  }
}

/** A patch is JSON Patch, a search by POST a form, everything else FHIR's JSON. @throws {FhirRequestError} `HTTP_MEDIA_TYPE` */
function checkContentType({ method, headers }: FastifyRequest, path: string, body: Buffer): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw mediaType('a compressed body is not taken; send it without Content-Encoding')
  if (body.length === 0) return
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (method === 'PATCH') {
    if (type !== PATCH_TYPE) throw mediaType(`PATCH takes ${PATCH_TYPE}`)
  } else if (method === 'POST' && /\/_search\/?(\?|$)/.test(path)) {
    if (type !== FORM) throw mediaType(`a search by POST takes ${FORM}`)
  } else if (!JSON_TYPES.includes(type)) throw mediaType(TAKES_JSON)
}

function mediaType(detail: string): FhirRequestError {
  return new FhirRequestError('HTTP_MEDIA_TYPE', { detail })
}

/** The HTTP server's own errors, in words for whoever wrote the request. */
function readableOf(error: unknown): unknown {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? mediaType(TAKES_JSON) : error
}

/** A Binary is given as what it is unless FHIR's own format is asked for (R4 binary.html#rest). */
function isRawBinary(request: FastifyRequest): boolean {
  const isBinary = request.method === 'GET' && /\/fhir\/Binary\/[^/?]+(?:\/_history\/[^/?]+)?(?:\?|$)/.test(request.url)
  return isBinary && !(request.headers.accept ?? '*/*').includes('json') && !request.url.includes('_format=')
}

function headersOf({ headers }: FastifyRequest): Partial<FhirRequest> {
  const one = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const ifMatch = one('if-match')
  const ifNoneMatch = one('if-none-match')
  const ifNoneExist = one('if-none-exist')
  const patient = one('x-trusthealth-patient')
  const reason = one('x-trusthealth-reason')
  if (reason !== undefined && reason.length > 256) {
    throw new FhirRequestError('HTTP_BAD_REQUEST', { detail: 'X-TrustHealth-Reason has at most 256 characters' })
  }
  const prefer = one('prefer') ?? ''
  const returns = /return=(minimal|representation|OperationOutcome)/.exec(prefer)?.[1] as FhirRequest['returns']
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(ifNoneExist === undefined ? {} : { ifNoneExist }),
    ...(patient === undefined ? {} : { patient }),
    ...(reason === undefined ? {} : { reason }),
    ...(/handling=strict/.test(prefer) ? { isStrict: true } : {}),
    ...(returns === undefined ? {} : { returns }),
  }
}

async function send(reply: FastifyReply, request: FastifyRequest, response: FhirResponse): Promise<unknown> {
  const { status, text, version, location } = response
  if (version !== undefined) {
    reply.header('etag', etagOf(version.versionId))
    reply.header('last-modified', new Date(version.changedMs).toUTCString())
  }
  if (location !== undefined) reply.header(status === 201 ? 'location' : 'content-location', location)
  if (text !== undefined && status === 200 && isRawBinary(request)) return await sendBinary(reply, text)
  if (text === undefined) return await reply.status(status).send()
  return await reply.status(status).type(FHIR_JSON).send(text)
}

/** Whoever stored it chose the type: nothing of it may run in the page of this server. */
async function sendBinary(reply: FastifyReply, text: string): Promise<unknown> {
  const { contentType, data } = JSON.parse(text) as { readonly contentType?: unknown; readonly data?: unknown }
  const type = typeof contentType === 'string' && /^[\w.+-]+\/[\w.+-]+(?:\s*;[\w\s=."-]*)?$/.test(contentType)
  return await reply
    .headers({ 'content-security-policy': "sandbox; default-src 'none'", 'content-disposition': 'attachment' })
    .type(type ? contentType : 'application/octet-stream')
    .send(Buffer.from(typeof data === 'string' ? data : '', 'base64'))
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    throw new FhirRequestError('FHIR_NOT_JSON', { detail: 'the body is not UTF-8' })
  }
}
