/**
 * What a record server's host does for the host of its replica, and for the operator of either. Behind a token of the
 * operator: it keeps strangers from the ciphertext and from work; what the two trusted applications think of each other
 * does not depend on it.
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import { b64uBytes, bytes, oneOf, optional, ProtocolError, struct } from '../../../shared/protocol/src/index.ts'
import {
  REPLICATION_MODES,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
} from '../../../shared/tee-abi/src/index.ts'
import { sendCopy } from './copy.ts'
import type { FollowingStatus } from './following.ts'

const OCTETS = 'application/octet-stream'
const MAX_FINISH_BYTES = 32_768

export interface ReplicaApi {
  readonly ask: <O extends AbiOpName>(op: O, request: AbiRequest<O>) => Promise<AbiAnswer<O>>
  /** What the operator's requests carry. */
  readonly token: string
  /** Where the store is. */
  readonly dataFolder: string
  readonly scratchFolder: string
  /** How following goes, where this is a replica. */
  readonly following?: () => FollowingStatus | undefined
}

const modeShape = struct({ mode: oneOf(...REPLICATION_MODES), key: optional(b64uBytes(65)) })
const body = bytes({ min: 1, max: 16 * 1024 * 1024 })

/** Lets requests with the operator's token in, and no others: `REQUEST_REJECTED`. */
export function operatorOnly(token: string) {
  const expected = Buffer.from(`Bearer ${token}`)
  return (request: FastifyRequest, _answer: unknown, done: (error?: Error) => void): void => {
    const given = Buffer.from(request.headers.authorization ?? '')
    const isRight = given.length === expected.length && timingSafeEqual(given, expected)
    done(isRight ? undefined : new ProtocolError('REQUEST_REJECTED', 'the token is missing or wrong'))
  }
}

export function registerReplicaApi(server: FastifyInstance, api: ReplicaApi): void {
  const { ask, dataFolder, scratchFolder } = api
  const onRequest = operatorOnly(api.token)
  const schema = { hide: true }
  const octets = (path: string, bodyLimit: number, answer: (body: Uint8Array) => Promise<Uint8Array | undefined>) =>
    server.post(path, { onRequest, schema, bodyLimit }, async (request, reply) => {
      const answered = await answer(body(request.body, 'body'))
      return await reply.header('content-type', OCTETS).send(Buffer.from(answered ?? []))
    })

  // For the host of the replica.
  octets('/v1/replica/hello', 4_096, async (hello) => (await ask('replica-hello', { hello })).reply)
  octets('/v1/replica/finish', MAX_FINISH_BYTES, async (finish) => (await ask('replica-finish', { finish })).record)
  octets('/v1/replica/record', 65_536, async (record) => (await ask('replica-record', { record })).record)
  server.get('/v1/replica/configuration', { onRequest, schema }, async (_request, reply) =>
    reply.header('content-type', OCTETS).send(Buffer.from((await ask('configuration', {})).config)),
  )
  server.get('/v1/replica/copy', { onRequest, schema }, (_request, reply) =>
    reply.header('content-type', OCTETS).send(Readable.from(sendCopy(dataFolder, scratchFolder))),
  )

  // For the operator.
  server.post('/v1/replica/mode', { onRequest, schema }, async (request) => {
    const { mode, key } = modeShape(request.body, 'body')
    return await ask('replica-mode', { mode, ...(key === undefined ? {} : { key }) })
  })
  server.post('/v1/replica/promote', { onRequest, schema }, async () => {
    await ask('promote', {})
    return {}
  })
  server.get('/v1/replica/status', { onRequest, schema }, async () => {
    const { state, identityKey, attestationKey, instance, term, replication, following } = await ask('status', {})
    const host = api.following?.()
    return {
      state,
      ...(state === 'following' && identityKey !== undefined ? { key: encodeBase64url(identityKey) } : {}),
      ...(attestationKey === undefined ? {} : { attestationKey: encodeBase64url(attestationKey) }),
      ...(instance === undefined ? {} : { instance: encodeHex(instance) }),
      ...(term === undefined ? {} : { term }),
      ...(replication === undefined ? {} : { replication }),
      ...(following === undefined ? {} : { following }),
      ...(host === undefined ? {} : { host }),
    }
  })
}
