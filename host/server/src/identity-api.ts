/**
 * The operator exchanges the identity key of the trusted application. Behind the operator's token: it keeps strangers from
 * work; which key counts is decided by the ledger. Spec: docs/protocol/02-registration.md §2.10.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { decodeBase64url, encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { struct, text } from '../../../shared/protocol/src/index.ts'
import { operatorOnly } from '../../replica/src/index.ts'
import type { AskTee } from './ask-tee.ts'

const certificateShape = struct({ certificate: text({ min: 1, max: 10_923, pattern: /^[A-Za-z0-9_-]+$/ }) })

export function registerIdentityApi(
  server: FastifyInstance,
  api: { readonly ask: AskTee; readonly token: string },
): void {
  const { ask } = api
  const onRequest = operatorOnly(api.token)
  const schema = { hide: true }
  server.post('/v1/identity/next', { onRequest, schema }, async () => {
    const { identityKey, handover } = await ask('next-identity', {})
    return { identityKey: encodeBase64url(identityKey), handover: encodeBase64url(handover) }
  })
  server.post('/v1/identity/take', { onRequest, schema }, async ({ body }) => {
    await ask('take-identity', { cert: decodeBase64url(certificateShape(body, 'body').certificate) })
    return {}
  })
}
