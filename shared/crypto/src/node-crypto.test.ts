import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { encodeHex } from './bytes.ts'
import { createNodeCrypto } from './node-crypto.ts'

const crypto = createNodeCrypto()

test('results are plain arrays with memory of their own, not views of a pool', () => {
  const key = crypto.importAeadKey(new Uint8Array(32))
  const nonce = new Uint8Array(12)
  const none = new Uint8Array(0)
  const signing = crypto.generateSigningKey()
  const kem = crypto.generateKemKey()
  const { ciphertext, sharedSecret } = crypto.encapsulate(kem.publicKey)
  const results = [
    crypto.randomBytes(32),
    crypto.sha256(none),
    crypto.sha256(none, none),
    crypto.hmac(crypto.importHmacKey(nonce), none),
    crypto.hkdfExtract(none, none),
    crypto.hkdfExpand(new Uint8Array(32), none, 40),
    crypto.encrypt(key, nonce, none, nonce),
    crypto.decrypt(key, nonce, none, crypto.encrypt(key, nonce, none, nonce)),
    signing.publicKey,
    crypto.exportSigningKey(signing),
    crypto.sign(signing, none),
    crypto.exportAgreementKey(crypto.generateAgreementKey()),
    crypto.agree(crypto.generateAgreementKey(), crypto.generateAgreementKey().publicKey),
    kem.publicKey,
    ciphertext,
    sharedSecret,
    crypto.decapsulate(kem, ciphertext),
  ]
  for (const result of results) {
    assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype)
    assert.equal(result.buffer.byteLength, result.byteLength)
  }
})

test('a handle prints and serialises without its secret', () => {
  const secret = new Uint8Array(32).fill(0xab)
  const handles = [crypto.importAeadKey(secret), crypto.importHmacKey(secret), crypto.importSigningKey(secret)]
  for (const handle of handles) {
    const shown = inspect(handle, { depth: 9, showHidden: true }) + JSON.stringify(handle)
    assert.ok(!shown.includes(encodeHex(secret)) && !shown.includes('171, 171'))
  }
})
