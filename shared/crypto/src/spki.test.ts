import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { concat, encodeBase64url } from './bytes.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { isP256Spki, jwkThumbprint, jwkToPoint, pointToJwk, pointToSpki, spkiToPoint } from './spki.ts'

const crypto = createNodeCrypto()
const point = crypto.generateSigningKey().publicKey
const BAD_KEY = { code: 'CRYPTO_BAD_KEY' }

test('point, SPKI and JWK agree with node:crypto and lead back', () => {
  const key = createPublicKey({ key: Buffer.from(pointToSpki(point)), format: 'der', type: 'spki' })
  assert.deepEqual(pointToJwk(point), key.export({ format: 'jwk' }))
  assert.deepEqual(pointToSpki(point), new Uint8Array(key.export({ format: 'der', type: 'spki' })))
  assert.deepEqual(spkiToPoint(pointToSpki(point)), point)
  assert.deepEqual(jwkToPoint(pointToJwk(point)), point)
  assert.deepEqual(jwkToPoint({ ...pointToJwk(point), kid: 'k', alg: 'ES256' }), point)
})

test('the thumbprint is that of RFC 7638, as jose computes it', async () => {
  assert.equal(jwkThumbprint(crypto, point), await calculateJwkThumbprint({ ...pointToJwk(point) }))
})

test('other algorithms, curves, forms, lengths and private keys are refused', () => {
  const jwk = pointToJwk(point)
  const wrong: unknown[] = [
    undefined,
    null,
    'EC',
    {},
    { ...jwk, kty: 'OKP' },
    { ...jwk, crv: 'P-384' },
    { ...jwk, x: undefined },
    { ...jwk, x: encodeBase64url(point.subarray(1, 32)) },
    { ...jwk, y: `${jwk.y}A` },
    { ...jwk, y: `${jwk.y.slice(0, -1)}=` },
    { ...jwk, d: jwk.x },
  ]
  for (const value of wrong) assert.throws(() => jwkToPoint(value), BAD_KEY)
  const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'der', type: 'spki' })
  const compressed = concat(pointToSpki(point).subarray(0, 26), Uint8Array.of(2), point.subarray(1))
  for (const spki of [ed25519, p384, compressed, pointToSpki(point).subarray(1), concat(pointToSpki(point), point)]) {
    assert.equal(isP256Spki(spki), false)
    assert.throws(() => spkiToPoint(spki), BAD_KEY)
  }
  for (const bad of [point.subarray(1), concat(Uint8Array.of(2), point.subarray(1)), new Uint8Array(0)]) {
    assert.throws(() => pointToSpki(bad), BAD_KEY)
    assert.throws(() => pointToJwk(bad), BAD_KEY)
  }
})
