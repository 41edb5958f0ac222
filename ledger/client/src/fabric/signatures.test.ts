import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { decodeHex, encodeHex, encodeUtf8, signatureFromDer } from '../../../../shared/crypto/src/index.ts'
import { signForFabric, toFabricSignature } from './signatures.ts'

const crypto = createNodeCrypto()
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const sOf = (signature: Uint8Array) => BigInt(`0x${encodeHex(signature.subarray(32))}`)

test('signatures have the smaller s, verify, and survive Fabric’s form', () => {
  const key = crypto.generateSigningKey()
  const verifying = crypto.importVerifyingKey(key.publicKey)
  for (let i = 0; i < 32; i++) {
    const message = encodeUtf8(`message ${i}`)
    const signature = signForFabric(crypto, key, message)
    assert.ok(sOf(signature) <= ORDER / 2n)
    assert.ok(crypto.verify(verifying, message, signature))
    assert.deepEqual(signatureFromDer(toFabricSignature(signature)), signature)
  }
})

test('the larger s becomes the smaller one, which verifies as well', () => {
  const key = crypto.generateSigningKey()
  const message = encodeUtf8('x')
  const signature = signForFabric(crypto, key, message)
  const high = signature.slice()
  high.set(decodeHex((ORDER - sOf(signature)).toString(16).padStart(64, '0')), 32)
  assert.ok(crypto.verify(crypto.importVerifyingKey(key.publicKey), message, high))
  assert.deepEqual(signatureFromDer(toFabricSignature(high)), signature)
})
