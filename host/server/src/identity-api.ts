/**
 * The operator exchanges keys of the trusted application: its identity key, and the key that seals what is in its store.
 * Behind the operator's token: it keeps strangers from work; which identity key counts is decided by the ledger.
 * Spec: docs/protocol/02-registration.md §2.10, 10-tee-abi.md §10.10.
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
  server.post('/v1/identity/sealing', { onRequest, schema }, () => ask('exchange-sealing', {}))
}
