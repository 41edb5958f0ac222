/**
 * Witnesses come here for the checkpoint to cosign and bring their cosignatures; clients fetch what was cosigned.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'
import type { CosignedCheckpoints } from './cosigned-checkpoints.ts'
import { ERROR_ANSWERS } from './schemas.ts'

const MAX_NOTE_BYTES = 65_536

export interface CosignaturesApi {
  readonly cosigned: CosignedCheckpoints
  /** Notes of one address in a minute: each has signatures to check. */
  readonly cosignaturesPerMinute: number
}

const NOTE = { description: 'A signed note', content: { 'text/plain': { schema: Type.String() } } }
const PLAIN = 'text/plain; charset=utf-8'
const CosignedQuery = Type.Object(
  { least: Type.Integer({ minimum: 1, maximum: 15, default: 1, description: 'Cosignatures that it must have' }) },
  { additionalProperties: false },
)

export function registerCosignaturesApi(
  server: FastifyInstance,
  { cosigned, cosignaturesPerMinute }: CosignaturesApi,
): void {
  server.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  server.get(
    '/v1/checkpoint/offered',
    {
      schema: { summary: 'The checkpoint that witnesses should cosign now', response: { 200: NOTE, ...ERROR_ANSWERS } },
    },
    async (_request, answer) => answer.type(PLAIN).send(await cosigned.offered()),
  )
  server.get<{ Querystring: Static<typeof CosignedQuery> }>(
    '/v1/checkpoint/cosigned',
    {
      schema: {
        summary: 'The newest checkpoint with so many cosignatures of hospitals',
        querystring: CosignedQuery,
        response: { 200: NOTE, ...ERROR_ANSWERS },
      },
    },
    async ({ query }, answer) => answer.type(PLAIN).send(cosigned.newest(query.least)),
  )
  server.post(
    '/v1/cosignatures',
    {
      bodyLimit: MAX_NOTE_BYTES,
      config: { rateLimit: { max: cosignaturesPerMinute, timeWindow: '1 minute' } },
      schema: {
        summary: 'The offered checkpoint with a line of a hospital',
        consumes: ['text/plain'],
        response: { 200: Type.Object({ cosignatures: Type.Integer() }), ...ERROR_ANSWERS },
      },
    },
    async ({ body }) => {
      if (typeof body !== 'string') throw new ProtocolError('HTTP_MEDIA_TYPE', 'text/plain is expected')
      return { cosignatures: await cosigned.take(body) }
    },
  )
}
