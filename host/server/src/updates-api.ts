/**
 * Updates of the consortium's configuration, for the trusted application. Whoever brings one: it counts by the
 * signatures of the organisations' administrators, which only the trusted application checks.
 * Spec: docs/protocol/02-registration.md §2.7.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import type { AskTee } from './ask-tee.ts'
import { bodyOf, bytesOf, OCTETS } from './bodies.ts'
import { ERROR_ANSWERS } from './schemas.ts'

const MAX_UPDATE_BYTES = 2 * 1024 * 1024

export interface UpdatesApi {
  readonly ask: AskTee
  /** Updates of one address in a minute: each has signatures to check. */
  readonly updatesPerMinute: number
}

export function registerUpdatesApi(server: FastifyInstance, { ask, updatesPerMinute }: UpdatesApi): void {
  server.post(
    '/v1/configurations',
    {
      bodyLimit: MAX_UPDATE_BYTES,
      config: { rateLimit: { max: updatesPerMinute, timeWindow: '1 minute' } },
      schema: {
        summary: 'The next configuration of the consortium, as the ledger took it',
        consumes: [OCTETS],
        body: bytesOf('A configuration update, section 7.4, signed by administrators of the organisations'),
        response: {
          200: Type.Object({ configDigest: Type.String(), sequence: Type.Integer() }),
          ...ERROR_ANSWERS,
        },
      },
    },
    async ({ body }) => {
      const { configDigest, sequence } = await ask('reconfigure', { update: bodyOf(body) })
      return { configDigest: encodeHex(configDigest), sequence }
    },
  )
}
