import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { p256 } from '@noble/curves/nist.js'
import { concat, decodeHex } from './bytes.ts'
import { signatureFromDer, signatureToDer } from './ecdsa-der.ts'

const BAD = { code: 'CRYPTO_BAD_ENCODING' }
const number32 = fc
  .tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.integer({ min: 0, max: 32 }))
  .map(([bytes, zeros]) => bytes.fill(0, 0, zeros))

test('DER leads back to the same 64 bytes, short and zero numbers included', () => {
  fc.assert(
    fc.property(number32, number32, (r, s) => {
      const signature = concat(r, s)
      assert.deepEqual(signatureFromDer(signatureToDer(signature)), signature)
    }),
    { numRuns: 1_000 },
  )
})

test('DER agrees with another implementation', () => {
  const key = p256.utils.randomSecretKey()
  for (let i = 0; i < 50; i++) {
    const compact = p256.sign(Uint8Array.of(i), key)
    const der = p256.Signature.fromBytes(compact, 'compact').toBytes('der')
    assert.deepEqual(signatureToDer(compact), der)
    assert.deepEqual(signatureFromDer(der), compact)
  }
})

test('whatever is read is the one encoding of what was read', () => {
  const der = signatureToDer(concat(new Uint8Array(32).fill(0x80), new Uint8Array(32).fill(0x7f)))
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(255), (at, value, second) => {
      const changed = der.with(at, value).with((at + 1) % der.length, second)
      let signature: Uint8Array
      try {
        signature = signatureFromDer(changed)
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'CRYPTO_BAD_ENCODING')
        return
      }
      assert.deepEqual(signatureToDer(signature), changed)
    }),
    { numRuns: 5_000 },
  )
})

const refused = {
  nothing: '',
  'a set': '3106020101020101',
  'a long-form length': '308106020101020101',
  'a wrong length': '3007020101020101',
  'a byte after it': '300602010102010100',
  'a third integer': '3009020101020101020101',
  'an empty integer': '3006020002020101',
  'a negative r': '3006020181020101',
  'a negative s': '30060201010201ff',
  'a needless zero': '300702020001020101',
  'another type': '3006040101020101',
  'an integer past the end': '3006020101020501',
  'r of 33 bytes': '3026022101' + '00'.repeat(32) + '020101',
  'r of 34 bytes': '3027022200' + '80'.repeat(33) + '020101',
}
for (const [what, hex] of Object.entries(refused)) {
  test(`a signature with ${what} is refused`, () => {
    assert.throws(() => signatureFromDer(decodeHex(hex)), BAD)
  })
}

test('only 64 bytes become DER', () => {
  assert.throws(() => signatureToDer(new Uint8Array(63)), RangeError)
  assert.throws(() => signatureToDer(new Uint8Array(65)), RangeError)
})
