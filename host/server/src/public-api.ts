/**
 * What anybody may ask without a session: checkpoints and proofs of the log, evidence, status, health.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'
import { decodeBase64url, encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import type { SupplicantStatus } from '../../supplicant/src/supplicant.ts'
import type { AskTee } from './ask-tee.ts'
import type { Metrics } from './metrics.ts'
import { ERROR_ANSWERS, Nonce, StatusSchema } from './schemas.ts'

export interface PublicApi {
  readonly ask: AskTee
  readonly tee: TeeDriver
  readonly metrics: Metrics
  readonly supplicant?: () => SupplicantStatus
  readonly isStopping: () => boolean
}

type Status = Static<typeof StatusSchema>

const Natural = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const ProofQuery = Type.Object(
  {
    index: Type.Optional(Natural),
    size: Type.Optional(Natural),
    from: Type.Optional(Natural),
    to: Type.Optional(Natural),
  },
  { additionalProperties: false },
)
const AttestBody = Type.Object({ nonce: Nonce }, { additionalProperties: false })
const Health = Type.Object({ ok: Type.Boolean() })

export function registerPublicApi(server: FastifyInstance, api: PublicApi): void {
  const { ask } = api

  server.get(
    '/v1/checkpoint',
    {
      schema: {
        summary: 'The newest signed checkpoint of the log (C2SP tlog-checkpoint)',
        response: {
          200: { description: 'A signed note', content: { 'text/plain': { schema: Type.String() } } },
          ...ERROR_ANSWERS,
        },
      },
    },
    async (_request, answer) => {
      const { checkpoint } = await ask('checkpoint', {})
      return answer.type('text/plain; charset=utf-8').send(checkpoint)
    },
  )

  server.get<{ Querystring: Static<typeof ProofQuery> }>(
    '/v1/proof',
    {
      schema: {
        summary: 'A proof: inclusion by index and size, consistency by from and to',
        querystring: ProofQuery,
        response: { 200: Type.Object({ proof: Type.Array(Type.String()) }), ...ERROR_ANSWERS },
      },
    },
    async ({ query }) => {
      const { index, size, from, to } = query
      const isInclusion = index !== undefined && size !== undefined && from === undefined && to === undefined
      const isConsistency = from !== undefined && to !== undefined && index === undefined && size === undefined
      if (!isInclusion && !isConsistency) throw new ProtocolError('HTTP_BAD_REQUEST', 'index and size, or from and to')
      const { proof } = await ask(
        'proof',
        isInclusion ? { index, size } : ({ from, to } as { from: number; to: number }),
      )
      return { proof: proof.map(encodeBase64url) }
    },
  )

  server.post<{ Body: Static<typeof AttestBody> }>(
    '/v1/attest',
    {
      bodyLimit: 256,
      schema: {
        summary: 'Evidence of what runs, for a nonce of the caller (section 9)',
        body: AttestBody,
        response: { 200: Type.Object({ evidence: Type.String() }), ...ERROR_ANSWERS },
      },
    },
    async ({ body }) => ask('attest', { nonce: decodeBase64url(body.nonce) }),
  )

  server.get(
    '/v1/status',
    { schema: { summary: 'State of the server', response: { 200: StatusSchema, ...ERROR_ANSWERS } } },
    () => readStatus(api),
  )

  server.get('/health/live', { schema: { summary: 'Whether this program works', response: { 200: Health } } }, () => ({
    ok: true,
  }))

  server.get(
    '/health/ready',
    { schema: { summary: 'Whether it serves sessions', response: { 200: Health, 503: Health } } },
    async (_request, answer) => {
      const ok = !api.isStopping() && (await readStatus(api)).state === 'serving'
      return answer.code(ok ? 200 : 503).send({ ok })
    },
  )

  server.get('/metrics', { schema: { hide: true } }, async (_request, answer) =>
    answer.type(api.metrics.contentType).send(await api.metrics.read()),
  )
}

async function readStatus({ ask, tee, supplicant }: PublicApi): Promise<Status> {
  const outside = {
    tee: tee.kind,
    restarts: tee.restarts,
    isolation: [...tee.isolation],
    ...(tee.failure === undefined ? {} : { failure: tee.failure }),
    ...(supplicant === undefined ? {} : { ledger: ledgerStatus(supplicant()) }),
  }
  if (tee.state !== 'running') return { ...outside, state: tee.state === 'failed' ? 'failed' : 'starting' }
  const inside = await ask('status', {})
  const { anchoredSize, anchoredRoot } = inside
  return {
    ...outside,
    state: inside.state,
    ...(inside.serverRef === undefined ? {} : { server: inside.serverRef }),
    measurement: encodeHex(inside.measurement),
    ...(inside.identityKey === undefined ? {} : { identityKey: encodeBase64url(inside.identityKey) }),
    ...(inside.configDigest === undefined ? {} : { configDigest: encodeHex(inside.configDigest) }),
    ...(inside.sequence === undefined ? {} : { sequence: inside.sequence }),
    log: {
      size: inside.logSize,
      epoch: inside.epoch,
      ...(anchoredSize === undefined ? {} : { anchoredSize }),
      ...(anchoredRoot === undefined ? {} : { anchoredRoot: encodeHex(anchoredRoot) }),
    },
    sessions: inside.sessions,
    waiting: inside.waiting,
    ...(inside.sealing === undefined ? {} : { sealing: inside.sealing }),
    ...(inside.shares === undefined
      ? {}
      : { shares: { ...inside.shares, holders: [...inside.shares.holders], held: [...inside.shares.held] } }),
    records: inside.records,
    patients: inside.patients,
  }
}

function ledgerStatus({ followedBlock, needs, watched }: SupplicantStatus): NonNullable<Status['ledger']> {
  return { ...(followedBlock === undefined ? {} : { followedBlock }), reads: needs, watched }
}
