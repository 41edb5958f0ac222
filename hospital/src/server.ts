/**
 * The hospital service over HTTP. Every request but registration is signed (docs/protocol/02-registration.md §2.6);
 * the schemas that check the input are the ones that /openapi.json shows. Bytes in JSON are base64url.
 *
 * @module
 */
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { decodeBase64url, encodeBase64url } from '../../shared/crypto/src/index.ts'
import { commitGroupShape } from '../../shared/ledger-model/src/index.ts'
import {
  appointmentIdShape,
  chainIdShape,
  ERROR_TABLE,
  isErrorCode,
  isPractitionerRef,
  patientRefShape,
  practitionerRefShape,
  ProtocolError,
  recordIdShape,
  sha256HexShape,
  type ErrorKind,
} from '../../shared/protocol/src/index.ts'
import { ByteBudget } from '../../shared/protocol/src/byte-budget.ts'
import { MAX_STREAM_MESSAGE_BYTES, registerCommitmentStream, STREAM_PATH } from './commitment-stream.ts'
import { failureOf } from './fhir/outcome.ts'
import { FHIR_PATH } from './fhir/routes.ts'
import type { AppointmentView, DeliveredWarrant, Hospital, WaitingChain } from './hospital.ts'
import { RELAYED_FUNCTIONS } from './hospital.ts'
import { createMetrics } from './metrics.ts'
import { registerOverviewRoutes, type OverviewParts } from './overview-routes.ts'
import type { OutboxDelivery } from './outbox/delivery.ts'
import type { Outbox } from './outbox/outbox.ts'
import { registerOutboxRoutes } from './outbox/routes.ts'
import type { LedgerRelay } from './ports.ts'
import type { Caller, RequestAuthentication } from './request-auth.ts'
import { listBackups, type StoreBackup } from './backup.ts'
import { CodeGuard } from './code-guard.ts'
import { registerRecoveryRoutes } from './recovery/routes.ts'
import type { Recovery } from './recovery/recovery.ts'
import { registerDirectoryRoutes, type DirectoryParts } from './directory-routes.ts'
import { registerEraseRoutes } from './erase-routes.ts'
import type { EraseRequests } from './fhir/erase-requests.ts'
import type { Joining } from './devices/joining.ts'
import { registerDeviceRoutes } from './devices/routes.ts'
import { B64u, MAX_REGISTRATION_BYTES, Name, Ref } from './route-parts.ts'
import { requireStaff, STAFF_ROLE_NAMES } from './staff/roles.ts'
import { registerAppRoutes, smartPlugin } from './smart/routes.ts'
import type { Smart } from './smart/smart.ts'
import { registerQuestionRoutes, type QuestionParts } from './question-routes.ts'
import { registerStaffRoutes, RegistrationBody } from './staff/routes.ts'
import type { Staff } from './staff/staff.ts'
import type { SealedTreatmentKey } from './treatment-keys.ts'
import { Turns } from './turns.ts'

const MAX_BODY_BYTES = 12 * 2 ** 20
/** Of all bodies that are being read or answered: who they are from is known only when they are whole. */
const MAX_BYTES_AT_ONCE = 16 * MAX_BODY_BYTES
/** The signed request of a patient is the largest header: some hundred bytes. */
const MAX_HEADER_BYTES = 16_384

export interface HospitalServerOptions {
  readonly hospital: Hospital
  readonly authentication: RequestAuthentication
  readonly ledgerRelay: LedgerRelay
  readonly joining: Joining
  readonly staff: Staff
  readonly overview: OverviewParts
  readonly questions: QuestionParts
  readonly directories: DirectoryParts
  readonly smart: Smart
  readonly outbox: Outbox
  readonly delivery: OutboxDelivery
  readonly eraseRequests: Pick<EraseRequests, 'list' | 'keep' | 'erased'>
  readonly recovery: Pick<Recovery, 'list' | 'give'>
  readonly backups: { readonly folder: string; readonly make: () => StoreBackup }
  /** Routes of their own, each in a scope of its own, after those of `/v1`. */
  readonly plugins?: readonly HospitalPlugin[]
  readonly nowMs: () => number
  /** Resolves when the ledger answers. @throws {LedgerError} `LEDGER_UNAVAILABLE` */
  readonly ledgerAnswers: () => Promise<unknown>
  /** A fault of the service itself, for its log. */
  readonly onFault?: (where: string, error: unknown) => void
  /** Requests per minute and address. */
  readonly rateLimit?: number
  /** Until the whole request has come; default 30 seconds. */
  readonly requestMs?: number
}

export type HospitalPlugin = (server: FastifyInstance) => Promise<void> | void

const HTTP_STATUS = {
  usage: 400,
  'sign-in': 401,
  refused: 403,
  check: 422,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorKind, number>

const Envelope = B64u(11_184_811)

const InvitationBody = Type.Object(
  {
    kind: Type.Union([Type.Literal('patient'), Type.Literal('practitioner'), Type.Literal('staff')]),
    name: Name,
    department: Type.Optional(Type.String({ maxLength: 64 })),
    emergency: Type.Optional(Type.Boolean()),
    birthDate: Type.Optional(Type.String({ pattern: '^\\d{4}(-\\d{2}(-\\d{2})?)?$' })),
    contact: Type.Optional(Type.String({ maxLength: 256 })),
    identityCheckedBy: Type.Optional(Name),
    roles: Type.Optional(Type.Array(Type.Union(STAFF_ROLE_NAMES.map((role) => Type.Literal(role))), { maxItems: 4 })),
    staff: Type.Optional(Type.String({ pattern: '^staff-[0-9a-f]{32}$' })),
  },
  { additionalProperties: false },
)
const EnvelopeBody = Type.Object({ envelope: Envelope }, { additionalProperties: false })
const AssignBody = Type.Object(
  {
    patient: Ref,
    department: Type.String({ maxLength: 64 }),
    fromMs: Type.Integer({ minimum: 0 }),
    symptoms: Type.String({ maxLength: 4_096 }),
    aux: Type.String({ maxLength: 4_096 }),
    doctors: Type.Array(Ref, { maxItems: 16 }),
  },
  { additionalProperties: false },
)
const WarrantsQuery = Type.Object({ patient: Type.Optional(Ref) }, { additionalProperties: false })
const WarrantBody = Type.Object(
  { envelope: Envelope, recording: Type.String({ maxLength: 16_384 }) },
  { additionalProperties: false },
)
const CommitmentsBody = Type.Object(
  { signature: B64u(86), items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
)
const RelayBody = Type.Object(
  {
    fn: Type.Union(RELAYED_FUNCTIONS.map((fn) => Type.Literal(fn))),
    statement: Type.String({ maxLength: 16_384 }),
  },
  { additionalProperties: false },
)
const ReadsBody = Type.Object(
  {
    queries: Type.Array(
      Type.Object(
        {
          fn: Type.String({ pattern: '^[a-zA-Z]{1,64}$' }),
          args: Type.Array(Type.String({ maxLength: 65_536 }), { maxItems: 8 }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 64 },
    ),
    nonce: B64u(43),
    minHeight: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
)
const ChainBody = Type.Object({ to: Ref, envelope: Envelope }, { additionalProperties: false })

/** Who asks whether we are ready wants to know it now. */
async function withinTwoSeconds(answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new ProtocolError('LEDGER_UNAVAILABLE', 'no answer within two seconds')), 2_000)
  })
  try {
    await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Builds the server; the caller listens and closes. */
export async function buildHospitalServer(options: HospitalServerOptions): Promise<FastifyInstance> {
  const { hospital, authentication, ledgerRelay, nowMs } = options
  const { requestMs = 30_000 } = options
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: requestMs,
    connectionTimeout: 2 * requestMs,
    logger: false,
    http: {
      headersTimeout: Math.min(requestMs, 15_000),
      connectionsCheckingInterval: Math.min(requestMs, 5_000),
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    frameworkErrors(_error, request, reply) {
      // An address that is none: no route and no handler of its own sees it.
      const isFhir = request.url.startsWith(FHIR_PATH)
      const { code, outcome } = failureOf(new ProtocolError('HTTP_BAD_REQUEST', 'the address is malformed'))
      const { meaning, action } = ERROR_TABLE.HTTP_BAD_REQUEST
      void (reply as FastifyReply)
        .status(400)
        .type(isFhir ? 'application/fhir+json; charset=utf-8' : 'application/json; charset=utf-8')
        .send(JSON.stringify(isFhir ? outcome : { code, meaning, action }))
    },
    clientErrorHandler(_error, socket) {
      // Not HTTP, too slow, or headers too large: answered in few bytes and hung up.
      if (socket.writable) socket.end(badRequest())
    },
  }) as unknown as FastifyInstance
  const turns = new Turns()
  server.addHook('onRequest', (_request, _reply, done) => turns.take(done))
  const budget = new ByteBudget(MAX_BYTES_AT_ONCE, 'HTTP_RATE_LIMITED')
  server.addHook('onRequest', async (request, reply) => {
    const { 'content-length': announced, 'transfer-encoding': encoding } = request.headers
    // A body of unknown length counts as the largest one; what is above the limit is refused by that.
    const bytes = announced === undefined && encoding === undefined ? 0 : Number(announced ?? MAX_BODY_BYTES)
    reply.raw.once('close', budget.take(Math.min(bytes, request.routeOptions.bodyLimit)))
  })
  const bodies = new WeakMap<FastifyRequest, Buffer>()
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    bodies.set(request, body as Buffer)
    try {
      done(null, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body as Buffer)))
    } catch {
      done(new ProtocolError('HTTP_BAD_REQUEST', 'the body is not JSON in UTF-8'))
    }
  })
  await server.register(rateLimit, {
    max: options.rateLimit ?? 6_000,
    timeWindow: '1 minute',
    errorResponseBuilder: () => new ProtocolError('HTTP_RATE_LIMITED', 'too many requests'),
  })
  await server.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'TrustHealth hospital service', version: '1' } },
  })
  await server.register(websocket, { options: { maxPayload: MAX_STREAM_MESSAGE_BYTES, perMessageDeflate: false } })
  registerCommitmentStream(server, {
    commit: (who, group) => hospital.commit(who, group),
    authenticate: (authorization) =>
      authentication.check({ authorization, method: 'GET', path: STREAM_PATH, body: new Uint8Array() }, nowMs()),
    onFault: (error) => options.onFault?.('commitment-stream', error),
  })
  server.setErrorHandler((error, _request, reply) => {
    const code = errorCode(error)
    if (code === 'SERVICE_FAULT') options.onFault?.('http', error)
    const { kind, meaning, action } = ERROR_TABLE[code]
    const status =
      code === 'HTTP_RATE_LIMITED'
        ? 429
        : code === 'HTTP_TOO_LARGE' || code === 'DIRECTORY_TOO_LARGE'
          ? 413
          : code === 'HTTP_MEDIA_TYPE'
            ? 415
            : HTTP_STATUS[kind]
    return reply.status(status).send({ code, meaning, action })
  })
  server.setNotFoundHandler((_request, reply) => {
    const { meaning, action } = ERROR_TABLE.HTTP_NOT_FOUND
    return reply.status(404).send({ code: 'HTTP_NOT_FOUND', meaning, action })
  })
  const caller = (request: FastifyRequest): Promise<Caller> =>
    authentication.check(
      {
        authorization: request.headers.authorization,
        method: request.method,
        path: request.url,
        body: bodies.get(request) ?? new Uint8Array(),
      },
      nowMs(),
    )

  /** The endpoints of an auditor are those of the ledger. */
  const noAuditor = async (request: FastifyRequest): Promise<Caller> => {
    const who = await caller(request)
    if (who.role === 'auditor') throw new ProtocolError('TEE_FORBIDDEN', 'auditors see the ledger only')
    return who
  }
  const guard = new CodeGuard()
  const parts = { server, caller, nowMs, guard }
  registerDeviceRoutes(parts, options.joining)
  registerStaffRoutes(parts, options.staff)
  registerOverviewRoutes(parts, options.overview)
  registerAppRoutes(parts, options.smart)
  server.post('/v1/backups', async (request) => {
    requireStaff(await caller(request), 'system')
    return options.backups.make()
  })
  server.get('/v1/backups', async (request) => {
    requireStaff(await caller(request), 'system')
    return { backups: listBackups(options.backups.folder) }
  })
  registerQuestionRoutes(parts, options.questions)
  registerDirectoryRoutes(parts, options.directories)
  registerEraseRoutes(parts, options.eraseRequests)
  registerRecoveryRoutes(parts, options.recovery)
  registerOutboxRoutes(parts, { hospital, outbox: options.outbox, delivery: options.delivery })

  server.get('/openapi.json', { schema: { hide: true } }, () => server.swagger())
  const metrics = createMetrics({
    waitingCommitments: () => hospital.waitingCommitments,
    outbox: () => options.outbox.counts(),
    nowMs,
  })
  server.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.read()),
  )
  server.get('/health/live', () => ({ ok: true }))
  server.get('/health/ready', async () => {
    await withinTwoSeconds(options.ledgerAnswers())
    return { ok: true }
  })
  server.get('/v1/hospital', () => {
    const { ref, name, mspId } = hospital.identity
    return { ref, name, mspId }
  })
  server.get('/v1/status', async (request) => {
    const status = hospital.status(await caller(request))
    return { ...status, waitingUploads: options.outbox.counts().waiting }
  })
  server.post('/v1/invitations', { schema: { body: InvitationBody } }, async (request) => {
    const { kind, ...details } = request.body as Static<typeof InvitationBody>
    const { code, expiresMs } = hospital.invite(await caller(request), kind, details, nowMs())
    return { code, expiresMs }
  })
  server.post(
    '/v1/registrations',
    { bodyLimit: MAX_REGISTRATION_BYTES, schema: { body: RegistrationBody } },
    async (request) => {
      const body = request.body as Static<typeof RegistrationBody>
      const registered = await guard.guard(request.ip, nowMs(), () => hospital.registrations.register(body, nowMs()))
      const { ref, name, mspId } = hospital.identity
      const common = { kind: registered.kind, ref: registered.ref, mspId, hospital: { ref, name } }
      return registered.kind === 'patient'
        ? { ...common, credential: registered.credential, treatmentKeys: registered.treatmentKeys.map(sealedJson) }
        : { ...common, chain: registered.chain.map(encodeBase64url) }
    },
  )
  server.post('/v1/credentials', async (request) => {
    const who = await caller(request)
    if (isPractitionerRef(who.ref)) {
      const chain = await hospital.registrations.certificateFor(who.ref, nowMs())
      return { chain: chain.map(encodeBase64url) }
    }
    const patient = patientRefShape(who.ref, 'caller')
    const key = await ledgerRelay.findPatientKey(patient, who.kid)
    if (key === undefined) throw new ProtocolError('REQUEST_REJECTED', 'not a key of a patient')
    const credential = hospital.registrations.credentialFor(
      patient,
      decodeBase64url(key.publicKey),
      decodeBase64url(key.sealKey),
      nowMs(),
    )
    return { credential }
  })
  server.get('/v1/patients', async (request) => ({ patients: hospital.patients(await caller(request)) }))
  server.get('/v1/practitioners', async (request) => {
    await noAuditor(request)
    return { practitioners: hospital.directory() }
  })
  server.get('/v1/appointments', async (request) => {
    const who = await caller(request)
    return { appointments: hospital.appointments(who).map((view) => appointmentJson(view, who)) }
  })
  server.get('/v1/appointments/:id', async (request) => {
    const { id } = request.params as { id: string }
    const who = await caller(request)
    return appointmentJson(hospital.appointment(who, appointmentIdShape(id, 'id')), who)
  })
  server.post('/v1/appointments/:id/remind', async (request) => {
    const { id } = request.params as { id: string }
    const who = await caller(request)
    return appointmentJson(hospital.remind(who, appointmentIdShape(id, 'id'), nowMs()), who)
  })
  server.post('/v1/appointments', { schema: { body: EnvelopeBody } }, async (request) => {
    const { envelope } = request.body as Static<typeof EnvelopeBody>
    const who = await caller(request)
    return { envelope: encodeBase64url(hospital.book(who, decodeBase64url(envelope), nowMs())) }
  })
  server.post('/v1/assignments', { schema: { body: AssignBody } }, async (request) => {
    const { patient, doctors, ...wish } = request.body as Static<typeof AssignBody>
    const who = await caller(request)
    const view = hospital.assign(
      who,
      {
        v: 1,
        ...wish,
        patientRef: patientRefShape(patient, 'patient'),
        doctors: doctors.map((ref) => practitionerRefShape(ref, 'doctor')),
      },
      nowMs(),
    )
    return appointmentJson(view, who)
  })
  server.post('/v1/warrants', { schema: { body: WarrantBody } }, async (request) => {
    const { envelope, recording } = request.body as Static<typeof WarrantBody>
    return await hospital.recordWarrant(await caller(request), decodeBase64url(envelope), recording)
  })
  server.get('/v1/warrants', { schema: { querystring: WarrantsQuery } }, async (request) => {
    const { patient } = request.query as Static<typeof WarrantsQuery>
    const who = await caller(request)
    const of = patient === undefined ? undefined : patientRefShape(patient, 'patient')
    return { warrants: hospital.warrants(who, of).map(warrantJson) }
  })
  server.get('/v1/treatment-keys/:patient', async (request) => {
    const { patient } = request.params as { patient: string }
    const keys = hospital.treatmentKeys(await caller(request), patientRefShape(patient, 'patient'))
    return { treatmentKeys: keys.map(sealedJson) }
  })
  server.post('/v1/patients/:ref/treatment-key', async (request) => {
    const { ref } = request.params as { ref: string }
    return await hospital.rotateTreatmentKey(await caller(request), patientRefShape(ref, 'patient'), nowMs())
  })
  server.post('/v1/commitments', { schema: { body: CommitmentsBody } }, async (request) => {
    const body = request.body as Static<typeof CommitmentsBody>
    const who = await caller(request)
    return await hospital.commit(who, commitGroupShape({ ...body, author: who.ref }, 'commitments'))
  })
  server.post('/v1/chains/:id', { schema: { body: ChainBody } }, async (request) => {
    const { id } = request.params as { id: string }
    const body = request.body as Static<typeof ChainBody>
    const chain = {
      chainId: chainIdShape(id, 'chain'),
      to: practitionerRefShape(body.to, 'doctor'),
      envelope: decodeBase64url(body.envelope),
    }
    hospital.passChain(await caller(request), chain, nowMs())
    return { ok: true }
  })
  server.delete('/v1/chains/:id', async (request) => {
    const { id } = request.params as { id: string }
    hospital.closeChain(await caller(request), chainIdShape(id, 'chain'))
    return { ok: true }
  })
  server.get('/v1/chains', async (request) => ({ chains: hospital.chains(await caller(request)).map(chainJson) }))
  server.post('/v1/ledger/submit', { schema: { body: RelayBody } }, async (request) => {
    const { fn, statement } = request.body as Static<typeof RelayBody>
    await noAuditor(request)
    return await hospital.relay(fn, statement)
  })
  server.post('/v1/ledger/endorsed-reads', { schema: { body: ReadsBody } }, async (request) => {
    const { queries, nonce, minHeight } = request.body as Static<typeof ReadsBody>
    await caller(request)
    return await ledgerRelay.endorsedReads(queries, decodeBase64url(nonce), minHeight)
  })
  server.get('/v1/ledger/blocks', async (request) => {
    await caller(request)
    const { from, limit } = request.query as { from?: string; limit?: string }
    return await ledgerRelay.blocks(wholeNumber(from, 0), Math.min(wholeNumber(limit, 100), 500))
  })
  server.get('/v1/ledger/records/:id', async (request) => {
    await caller(request)
    const { id } = request.params as { id: string }
    return { places: await ledgerRelay.findRecord(recordIdShape(id, 'record')) }
  })
  server.get('/v1/ledger/tags/:tag', async (request) => {
    await caller(request)
    const { tag } = request.params as { tag: string }
    return { places: await ledgerRelay.findTag(sha256HexShape(tag, 'tag')) }
  })
  const plugins = [smartPlugin(options.smart, hospital.identity.name), ...(options.plugins ?? [])]
  for (const plugin of plugins) await server.register(async (scope) => plugin(scope))
  return server
}

function badRequest(): string {
  const { meaning, action } = ERROR_TABLE.HTTP_BAD_REQUEST
  const body = JSON.stringify({ code: 'HTTP_BAD_REQUEST', meaning, action })
  return (
    'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\n' +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

function wholeNumber(textOrNone: string | undefined, otherwise: number): number {
  if (textOrNone === undefined) return otherwise
  if (!/^\d{1,15}$/.test(textOrNone)) throw new ProtocolError('HTTP_BAD_REQUEST', 'not a whole number')
  return Number(textOrNone)
}

function errorCode(error: unknown): keyof typeof ERROR_TABLE {
  if (typeof error !== 'object' || error === null) return 'SERVICE_FAULT'
  if ('code' in error && isErrorCode(error.code)) return error.code
  const fastifyCode = 'code' in error ? error.code : ''
  if (fastifyCode === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'HTTP_TOO_LARGE'
  if (fastifyCode === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'HTTP_MEDIA_TYPE'
  if ('statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) return 'HTTP_BAD_REQUEST'
  return 'SERVICE_FAULT'
}

function sealedJson({ version, sealed }: SealedTreatmentKey): object {
  return { version, sealed: encodeBase64url(sealed) }
}

/** Staff and doctors get the name and when the patient was born; the patient gets the envelope, which says everything else. */
function appointmentJson({ appointment, envelope, ...person }: AppointmentView, caller: Caller): object {
  const sealed = encodeBase64url(envelope)
  if (caller.role === 'patient') {
    const { remindedMs } = person
    return {
      appointmentId: appointment.appointmentId,
      envelope: sealed,
      ...(remindedMs === undefined ? {} : { remindedMs }),
    }
  }
  const { symptoms: _symptoms, aux: _aux, ...rest } = appointment
  return { ...rest, ...person, envelope: sealed }
}

function warrantJson(warrant: DeliveredWarrant): object {
  return { ...warrant, envelope: encodeBase64url(warrant.envelope) }
}

function chainJson(chain: WaitingChain): object {
  return { ...chain, envelope: encodeBase64url(chain.envelope) }
}
