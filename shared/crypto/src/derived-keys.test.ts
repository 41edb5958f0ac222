import assert from 'node:assert/strict'
import { hkdfSync } from 'node:crypto'
import { test } from 'node:test'
import { deriveKeys, deriveSigningKey, expandWith } from './derived-keys.ts'
import { CryptoError } from './errors.ts'
import { createNodeCrypto } from './node-crypto.ts'

const crypto = createNodeCrypto()
const secret = new Uint8Array(32).fill(7)
const salt = new Uint8Array(32).fill(9)
const info = Uint8Array.of(1, 2, 3)

test('expansion over an HMAC is RFC 5869, for whole blocks and parts of one', () => {
  const key = crypto.importHmacKey(crypto.hkdfExtract(salt, secret))
  for (const length of [1, 31, 32, 33, 64, 255 * 32]) {
    const expected = new Uint8Array(hkdfSync('sha256', secret, salt, info, length))
    assert.deepEqual(
      expandWith((...parts) => crypto.hmac(key, ...parts), info, length),
      expected,
    )
  }
  assert.throws(() => expandWith(() => secret, info, 0), RangeError)
  assert.throws(() => expandWith(() => secret, info, 255 * 32 + 1), RangeError)
})

test('another purpose or application is another key, the same ones the same', () => {
  const of = (taId: string, purpose: string) => deriveKeys(crypto, secret, taId).derive(purpose)
  assert.deepEqual(of('ta', 'a'), of('ta', 'a'))
  assert.notDeepEqual(of('ta', 'a'), of('ta', 'b'))
  assert.notDeepEqual(of('ta', 'a'), of('tb', 'a'))
  assert.equal(of('ta', 'a').length, 32)
})

test('a candidate that is no scalar is passed over; with none, and for any other error, there is no key', () => {
  const keys = { derive: (purpose: string) => new Uint8Array(32).fill(purpose === 'key-0' ? 0xff : 1) }
  const expected = crypto.importSigningKey(new Uint8Array(32).fill(1)).publicKey
  assert.deepEqual(deriveSigningKey(crypto, keys, 'key').publicKey, expected)
  assert.throws(() => deriveSigningKey(crypto, { derive: () => new Uint8Array(32) }, 'key'), Error)
  assert.throws(
    () => deriveSigningKey(crypto, { derive: () => new Uint8Array(31) }, 'key'),
    (error) => {
      return !(error instanceof CryptoError)
    },
  )
})
