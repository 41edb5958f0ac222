import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url, encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { kidOf, newRef, requestStatement, signStatement } from '../../shared/protocol/src/index.ts'
import { RequestAuthentication, type IncomingRequest } from './request-auth.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const iss = newRef(crypto, 'p')
const nowMs = 1_800_000_000_000

function signed(body = ''): IncomingRequest {
  const bytes = encodeUtf8(body)
  const payload = requestStatement(crypto, { iss, method: 'POST', path: '/v1/x' }, bytes, nowMs)
  const jws = signStatement(crypto, key, 'trusthealth-request+jwt', payload)
  return { authorization: `TrustHealth ${jws}`, method: 'POST', path: '/v1/x', body: bytes }
}

function authentication(known = true): RequestAuthentication {
  return new RequestAuthentication(crypto, (ref, kid) =>
    Promise.resolve(
      known && ref === iss && kid === kidOf(crypto, key.publicKey)
        ? {
            role: 'patient',
            kid,
            publicKey: encodeBase64url(key.publicKey),
            sealKey: encodeBase64url(crypto.generateAgreementKey().publicKey),
          }
        : undefined,
    ),
  )
}

const rejected = { code: 'REQUEST_REJECTED' }

test('a registered key is told who it is', async () => {
  assert.deepEqual((await authentication().check(signed('a'), nowMs)).ref, iss)
})

test('the same request is accepted once', async () => {
  const auth = authentication()
  const request = signed()
  await auth.check(request, nowMs)
  await assert.rejects(auth.check(request, nowMs), rejected)
})

test('an unknown key and a changed body are refused alike', async () => {
  await assert.rejects(authentication(false).check(signed(), nowMs), rejected)
  await assert.rejects(authentication().check({ ...signed('a'), body: encodeUtf8('b') }, nowMs), rejected)
})
