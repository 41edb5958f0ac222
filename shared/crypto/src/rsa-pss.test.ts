import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { decodeBase64url } from './bytes.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { RSA_3072_BYTES, rsaThumbprint, verifyRsaPss } from './rsa-pss.ts'

const crypto = createNodeCrypto()
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const n = publicKey.export({ format: 'jwk' }).n as string
const modulus = decodeBase64url(n)
const message = new TextEncoder().encode('what was signed')

function signed(saltLength: number, hash = 'sha256'): Uint8Array {
  return sign(hash, message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
}

test('a signature of the one form is verified, of this message and key only', () => {
  const signature = signed(32)
  assert.ok(verifyRsaPss(crypto, modulus, message, signature))
  assert.ok(!verifyRsaPss(crypto, modulus, message.subarray(1), signature))
  const other = modulus.slice()
  other[100] = (other[100] as number) ^ 1
  assert.ok(!verifyRsaPss(crypto, other, message, signature))
})

test('other salts, hashes, lengths and numbers past the modulus are not signatures', () => {
  for (const bad of [signed(0), signed(31), signed(33), signed(32, 'sha384')]) {
    assert.ok(!verifyRsaPss(crypto, modulus, message, bad))
  }
  const signature = signed(32)
  for (const bad of [new Uint8Array(), signature.subarray(1), Buffer.concat([new Uint8Array(1), signature]), modulus]) {
    assert.ok(!verifyRsaPss(crypto, modulus, message, bad))
  }
})

test('a second form of a signature, the same number modulo n, is refused', () => {
  const numberOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text: string
  // Signatures are random; sooner or later one is small enough that its second form has 384 bytes too.
  do text = (numberOf(signed(32)) + numberOf(modulus)).toString(16).padStart(2 * RSA_3072_BYTES, '0')
  while (text.length > 2 * RSA_3072_BYTES)
  assert.ok(!verifyRsaPss(crypto, modulus, message, Buffer.from(text, 'hex')))
})

test('a signature with any bit flipped is refused', () => {
  const signature = signed(32)
  for (let bit = 0; bit < signature.length * 8; bit += 7) {
    const flipped = signature.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.ok(!verifyRsaPss(crypto, modulus, message, flipped), `bit ${bit}`)
  }
})

test('other moduli are no keys', () => {
  const even = modulus.slice()
  even[383] = 2
  const short = modulus.slice()
  short[0] = 0x7f
  for (const bad of [new Uint8Array(), modulus.subarray(1), even, short]) {
    assert.throws(() => verifyRsaPss(crypto, bad, message, signed(32)), { code: 'CRYPTO_BAD_KEY' })
    assert.throws(() => rsaThumbprint(crypto, bad), { code: 'CRYPTO_BAD_KEY' })
  }
})

test('the thumbprint is that of RFC 7638', async () => {
  assert.equal(rsaThumbprint(crypto, modulus), await calculateJwkThumbprint({ kty: 'RSA', e: 'AQAB', n }))
})
