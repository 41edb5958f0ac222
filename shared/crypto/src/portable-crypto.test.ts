import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { describeCrypto } from '../../../testkit/src/suites/crypto.ts'
import { encodeHex } from './bytes.ts'
import { createPortableCrypto } from './portable-crypto.ts'

describeCrypto('portable', () => createPortableCrypto((length) => new Uint8Array(randomBytes(length))))

test('a generator that returns another length is refused before anything is made from it', () => {
  const crypto = createPortableCrypto((length) => new Uint8Array(length - 1))
  assert.throws(() => crypto.randomBytes(16), RangeError)
  assert.throws(() => crypto.generateSigningKey(), RangeError)
  assert.throws(() => crypto.generateAgreementKey(), RangeError)
  assert.throws(() => crypto.generateKemKey(), RangeError)
  const { publicKey } = createPortableCrypto((length) => new Uint8Array(length)).generateKemKey()
  assert.throws(() => crypto.encapsulate(publicKey), RangeError)
})

test('randomness comes from the given generator alone: the same bytes make the same keys', () => {
  const make = (): Uint8Array[] => {
    let next = 1
    const crypto = createPortableCrypto((length) => new Uint8Array(length).fill(next++))
    const kem = crypto.generateKemKey()
    const { ciphertext } = crypto.encapsulate(kem.publicKey)
    const signing = crypto.generateSigningKey()
    return [crypto.generateAgreementKey().publicKey, kem.publicKey, ciphertext, crypto.sign(signing, ciphertext)]
  }
  assert.deepEqual(make(), make())
})

test('signatures are hedged: two of one message differ, and both verify', () => {
  const crypto = createPortableCrypto((length) => new Uint8Array(randomBytes(length)))
  const key = crypto.generateSigningKey()
  const message = new Uint8Array(3)
  const [first, second] = [crypto.sign(key, message), crypto.sign(key, message)]
  assert.notDeepEqual(first, second)
  const verifying = crypto.importVerifyingKey(key.publicKey)
  assert.ok(crypto.verify(verifying, message, first) && crypto.verify(verifying, message, second))
})

test('runs on an engine that has nothing but the language', async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const program = `
    import { createPortableCrypto } from './portable-crypto.ts'
    import { encodeHex, encodeUtf8, hpkeOpen, hpkeSeal } from './index.ts'
    let state = 1
    const crypto = createPortableCrypto((length) =>
      Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) & 255))
    const text = encodeUtf8('héllo')
    const signing = crypto.generateSigningKey()
    const kem = crypto.generateKemKey()
    const { ciphertext, sharedSecret } = crypto.encapsulate(kem.publicKey)
    const recipient = crypto.generateAgreementKey()
    globalThis.result = [
      encodeHex(crypto.sha256(text)),
      crypto.verify(crypto.importVerifyingKey(signing.publicKey), text, crypto.sign(signing, text)),
      encodeHex(sharedSecret) === encodeHex(crypto.decapsulate(kem, ciphertext)),
      encodeHex(hpkeOpen(crypto, recipient, text, text, hpkeSeal(crypto, recipient.publicKey, text, text, text))),
    ].join(' ')`
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: folder, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    target: 'es2023',
    logLevel: 'silent',
  })
  // A fresh context has the language's own globals: no crypto, no TextEncoder, no process, no console.
  const bare = createContext(Object.create(null) as object)
  for (const name of ['crypto', 'TextEncoder', 'process', 'Buffer', 'atob', 'fetch', 'setTimeout']) {
    assert.equal(runInContext(`typeof ${name}`, bare), 'undefined')
  }
  runInContext((outputFiles[0] as { text: string }).text, bare)
  const hex = encodeHex(new Uint8Array(Buffer.from('héllo')))
  const digest = encodeHex(createPortableCrypto((length) => new Uint8Array(length)).sha256(Buffer.from('héllo')))
  assert.equal(runInContext('result', bare), `${digest} true true ${hex}`)
})
