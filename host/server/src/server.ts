/**
 * The normal world's door: carries opaque session messages between clients and the trusted application, and answers
 * what is public. It may delay, drop and repeat, never read. Everything is bounded: bodies, bytes at once, requests of
 * one address, streams, and how slow a client may be. Logs and metrics have no content, references or addresses.
 *
 * @module
 */
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import fastify, { type FastifyInstance } from 'fastify'
import { pino, type Logger } from 'pino'
import type { ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'
import { MAX_RECORD_BYTES } from '../../../shared/protocol/src/session/record-layer.ts'
import { ByteBudget } from '../../../shared/protocol/src/byte-budget.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { registerReplicaApi, type ReplicaApi } from '../../replica/src/index.ts'
import type { SupplicantStatus } from '../../supplicant/src/supplicant.ts'
import { createAskTee } from './ask-tee.ts'
import { registerCosignaturesApi } from './cosignatures-api.ts'
import { CosignedCheckpoints, type CosignedParts } from './cosigned-checkpoints.ts'
import { AddressNumbers } from './gate.ts'
import { codeOf, errorBody, statusOf } from './http-errors.ts'
import { registerIdentityApi } from './identity-api.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { registerPublicApi } from './public-api.ts'
import { registerRestoringApi, type Restoring } from './restoring.ts'
import { registerSessionsApi } from './sessions-api.ts'
import { registerStreamApi, STREAM_PATH, type Streams } from './stream-api.ts'
import { registerUpdatesApi } from './updates-api.ts'

export interface HostServerOptions {
  readonly tee: TeeDriver
  readonly supplicant?: () => SupplicantStatus
  /** How cosignatures of witnesses are checked; without it none are taken. */
  readonly witnesses?: Omit<CosignedParts, 'checkpoint'>
  /** What the operator's requests carry that exchange the identity key; without it nobody exchanges it. */
  readonly operatorToken?: string
  /** For a replica of this server, or for this one as a replica; without it there is none. */
  readonly replica?: Omit<ReplicaApi, 'ask'>
  /** This server restores a lost one's store; without it it does not. */
  readonly restoring?: Restoring
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any free one. */
  readonly port?: number
  /** PEM; without it the server speaks plain HTTP, for loopback or behind a proxy. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Whether a proxy in front tells the address of the client; default no. */
  readonly trustProxy?: boolean
  /** Web origins whose pages may call this server; default none. */
  readonly origins?: readonly string[]
  readonly logger?: Logger
  readonly limits?: Partial<HostServerLimits>
}

export interface HostServerLimits {
  readonly requestsPerMinute: number
  readonly handshakesPerMinute: number
  readonly updatesPerMinute: number
  readonly cosignaturesPerMinute: number
  /** Bytes of bodies at once. */
  readonly bytesAtOnce: number
  readonly connections: number
  readonly streams: number
  readonly streamsOfAddress: number
  /** Until the whole request has come. */
  readonly requestMs: number
  readonly streamDeadAfterMs: number
  /** How long a stop waits for what is under way. */
  readonly stopMs: number
}

const LIMITS: HostServerLimits = {
  requestsPerMinute: 60_000,
  handshakesPerMinute: 1_200,
  updatesPerMinute: 60,
  cosignaturesPerMinute: 600,
  bytesAtOnce: 256 * 1024 * 1024,
  connections: 8_192,
  streams: 4_096,
  streamsOfAddress: 64,
  requestMs: 30_000,
  streamDeadAfterMs: 30_000,
  stopMs: 10_000,
}

export interface HostServer {
  /** `http://127.0.0.1:8443` or the like. */
  readonly url: string
  readonly metrics: Metrics
  /** Takes nothing new, finishes what is under way, then ends. Does not stop the trusted application. */
  close(): Promise<void>
}

/** Starts listening. */
export async function startHostServer(options: HostServerOptions): Promise<HostServer> {
  const limits = { ...LIMITS, ...options.limits }
  const log = options.logger ?? pino({ level: 'silent' })
  const metrics = createMetrics(options)
  const budget = new ByteBudget(limits.bytesAtOnce, 'TEE_BUSY')
  let isStopping = false
  let underWay = 0
  let idle = (): void => undefined
  let streams: Streams | undefined

  const server = fastify({
    logger: false,
    bodyLimit: 65_536,
    trustProxy: options.trustProxy ?? false,
    requestTimeout: limits.requestMs,
    connectionTimeout: 2 * limits.requestMs,
    keepAliveTimeout: 65_000,
    forceCloseConnections: true,
    return503OnClosing: false,
    http: {
      headersTimeout: Math.min(limits.requestMs, 15_000),
      connectionsCheckingInterval: Math.min(limits.requestMs, 5_000),
      maxHeaderSize: 16_384,
    },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
    ...(options.tls === undefined ? {} : { https: { ...options.tls, minVersion: 'TLSv1.3' } }),
    clientErrorHandler(_error, socket) {
      // Not HTTP, too slow, or headers too large: answered in few bytes and hung up.
      if (socket.writable) socket.end(badRequest())
    },
  }) as unknown as FastifyInstance
  server.server.maxConnections = limits.connections

  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body as Buffer)))
    } catch {
      done(new ProtocolError('HTTP_BAD_REQUEST', 'the body is not JSON in UTF-8'))
    }
  })

  server.addHook('onRequest', async (request, answer) => {
    answer.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    const { origin } = request.headers
    if (origin !== undefined && options.origins?.includes(origin) === true) {
      answer.header('access-control-allow-origin', origin).header('vary', 'origin')
    }
    if (isStopping && !request.url.startsWith('/health/')) {
      throw new ProtocolError('SERVER_STOPPING', 'the service is stopping')
    }
    // A stream is no request that ends by itself.
    if (request.routeOptions.url === STREAM_PATH) return
    underWay++
    // A body of unknown length counts as the largest one.
    const length = request.headers['content-length']
    const isBodyless = length === undefined && request.headers['transfer-encoding'] === undefined
    const announced = length === undefined ? request.routeOptions.bodyLimit : Number(length)
    // What is above the route's limit is refused by it, as 413.
    const bytes = isBodyless ? 0 : Math.min(announced, request.routeOptions.bodyLimit)
    let giveBack = (): void => undefined
    // On close, not on the answer: who hangs up gives back, too.
    answer.raw.once('close', () => {
      giveBack()
      if (--underWay === 0) idle()
    })
    giveBack = budget.take(bytes)
  })

  server.addHook('onResponse', async (request, answer) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.httpDone(route, answer.statusCode, answer.elapsedTime / 1_000)
    log.info({ method: request.method, route, status: answer.statusCode, ms: Math.round(answer.elapsedTime) })
  })

  server.setErrorHandler((error, _request, answer) => {
    const code = codeOf(error)
    if (code === 'SERVICE_FAULT') log.error({ fault: (error as { name?: string }).name, code: nameOf(error) })
    return refuse(answer, code)
  })
  server.setNotFoundHandler((_request, answer) => refuse(answer, 'HTTP_NOT_FOUND'))

  await server.register(rateLimit, {
    global: true,
    max: limits.requestsPerMinute,
    timeWindow: '1 minute',
    cache: 16_384,
    allowList: (request) => request.url.startsWith('/health/'),
    errorResponseBuilder: () => new ProtocolError('HTTP_RATE_LIMITED', 'too many requests from this address'),
  })
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'TrustHealth TEE server',
        version: '1',
        description: 'Carries session messages that only the trusted application and its clients can read.',
      },
    },
  })
  await server.register(websocket, {
    options: { maxPayload: MAX_RECORD_BYTES, perMessageDeflate: false },
    errorHandler: (_error, socket) => socket.terminate(),
  })

  const ask = createAskTee(options.tee, metrics)
  const supplicant = options.supplicant === undefined ? {} : { supplicant: options.supplicant }
  await server.register(async (scope) => {
    const sessions = { ask, addresses: new AddressNumbers(), handshakesPerMinute: limits.handshakesPerMinute }
    registerSessionsApi(scope, sessions)
    if (options.restoring !== undefined) registerRestoringApi(scope, sessions, options.restoring)
    streams = registerStreamApi(scope, {
      ask,
      metrics,
      budget,
      maxStreams: limits.streams,
      maxStreamsOfAddress: limits.streamsOfAddress,
      deadAfterMs: limits.streamDeadAfterMs,
    })
    registerUpdatesApi(scope, { ask, updatesPerMinute: limits.updatesPerMinute })
    if (options.operatorToken !== undefined) registerIdentityApi(scope, { ask, token: options.operatorToken })
    if (options.replica !== undefined) registerReplicaApi(scope, { ...options.replica, ask })
    if (options.witnesses !== undefined) {
      const checkpoint = async () => (await ask('checkpoint', {})).checkpoint
      const cosigned = new CosignedCheckpoints({ ...options.witnesses, checkpoint })
      await scope.register((inner, _options, done) => {
        registerCosignaturesApi(inner, { cosigned, cosignaturesPerMinute: limits.cosignaturesPerMinute })
        done()
      })
    }
    registerPublicApi(scope, { ask, tee: options.tee, metrics, ...supplicant, isStopping: () => isStopping })
    if (options.origins !== undefined) registerPreflight(scope)
    scope.get('/openapi.json', { schema: { hide: true } }, () => server.swagger())
  })

  const url = await server.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 })
  log.info({ url, tee: options.tee.kind, isolation: options.tee.isolation }, 'listening')
  return {
    url,
    metrics,
    async close() {
      if (isStopping) return
      isStopping = true
      log.info('stopping')
      const requests = underWay === 0 ? undefined : new Promise<void>((resolve) => (idle = resolve))
      await waitAtMost(Promise.all([requests, streams?.drain()]), limits.stopMs)
      streams?.terminate()
      await server.close()
    },
  }
}

interface Answering {
  code(status: number): this
  header(name: string, value: string): this
  send(body: unknown): unknown
}

function refuse(answer: Answering, code: ErrorCode): unknown {
  const status = statusOf(code)
  if (status === 503) answer.header('retry-after', '1')
  return answer.code(status).send(errorBody(code))
}

/** Browsers ask before they send bytes. */
function registerPreflight(server: FastifyInstance): void {
  server.options('/v1/*', { schema: { hide: true } }, (_request, answer) =>
    answer
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'content-type')
      .header('access-control-max-age', '600')
      .code(204)
      .send(),
  )
}

function badRequest(): string {
  const body = JSON.stringify(errorBody('HTTP_BAD_REQUEST'))
  return (
    'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\n' +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** The library's own code of a fault: a constant of its program, no content. */
function nameOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) ? code : 'none'
}

async function waitAtMost(done: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
