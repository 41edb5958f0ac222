import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as ours from './bytes.ts'
import { label } from './label.ts'

const BAD = { code: 'CRYPTO_BAD_ENCODING' }
const bytes = fc.uint8Array({ maxLength: 300 })
const buffer = (input: Uint8Array): Buffer => Buffer.from(input)
const plain = (input: Buffer): Uint8Array => new Uint8Array(input)

/** Our decoder accepts exactly when the referee's value encodes to the same text again. */
function agrees<T>(decode: () => T, expected: T | undefined): void {
  if (expected === undefined) assert.throws(decode, BAD)
  else assert.deepEqual(decode(), expected)
}

test('hex and base64url agree with Buffer and lead back', () => {
  fc.assert(
    fc.property(bytes, (input) => {
      assert.equal(ours.encodeHex(input), buffer(input).toString('hex'))
      assert.equal(ours.encodeBase64url(input), buffer(input).toString('base64url'))
      assert.deepEqual(ours.decodeHex(ours.encodeHex(input)), input)
      assert.deepEqual(ours.decodeBase64url(ours.encodeBase64url(input)), input)
    }),
    { numRuns: 500 },
  )
})

test('hex and base64url accept one text for one value', () => {
  const near = (alphabet: string): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...alphabet.split('')), maxLength: 9 })
  fc.assert(
    fc.property(near('0123456789abcdefABF gx\u0130'), (text) => {
      const value = plain(Buffer.from(text, 'hex'))
      agrees(() => ours.decodeHex(text), buffer(value).toString('hex') === text ? value : undefined)
    }),
    { numRuns: 3_000 },
  )
  fc.assert(
    fc.property(near('AQgwBZaz09-_+/= \n\u00e9\ud83d'), (text) => {
      const value = plain(Buffer.from(text, 'base64url'))
      agrees(() => ours.decodeBase64url(text), buffer(value).toString('base64url') === text ? value : undefined)
    }),
    { numRuns: 5_000 },
  )
})

test('every two characters of base64url: accepted only with zero trailing bits', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let accepted = 0
  for (const a of alphabet) {
    for (const b of alphabet) {
      const value = plain(Buffer.from(a + b, 'base64url'))
      const isCanonical = buffer(value).toString('base64url') === a + b
      if (isCanonical) accepted++
      agrees(() => ours.decodeBase64url(a + b), isCanonical ? value : undefined)
    }
  }
  assert.equal(accepted, 256)
})

test('UTF-8 agrees with TextEncoder and leads back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 })
  fc.assert(
    fc.property(text, (input) => {
      const encoded = ours.encodeUtf8(input)
      assert.deepEqual(encoded, new TextEncoder().encode(input))
      assert.equal(ours.decodeUtf8(encoded), input)
    }),
    { numRuns: 1_000 },
  )
})

test('an unpaired surrogate is not encoded', () => {
  const unit = fc.integer({ min: 0xd700, max: 0xe0ff }).map((code) => String.fromCharCode(code))
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 6 }), (text) => {
      agrees(() => ours.encodeUtf8(text), text.isWellFormed() ? new TextEncoder().encode(text) : undefined)
    }),
    { numRuns: 3_000 },
  )
  for (const text of ['\ud800', '\udc00', 'a\ud800', '\ud800a', '\udc00\ud800', '\ud800\ud800\udc00']) {
    assert.throws(() => ours.encodeUtf8(text), BAD)
  }
})

test('UTF-8 is decoded exactly when a fatal TextDecoder does', () => {
  const referee = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const edge = fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff) // prettier-ignore
  const check = (input: Uint8Array): void => {
    let expected: string | undefined
    try {
      expected = referee.decode(input)
    } catch {
      expected = undefined
    }
    agrees(() => ours.decodeUtf8(input), expected)
  }
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 6 }), (input) => check(Uint8Array.from(input))),
    { numRuns: 20_000 },
  )
  // Every two bytes, and every lead byte with each second byte and two plain continuations.
  for (let pair = 0; pair < 65_536; pair++) {
    check(Uint8Array.of(pair >> 8, pair & 255))
    if (pair >= 0xe000) check(Uint8Array.of(pair >> 8, pair & 255, 0x80, 0x80))
    if (pair >= 0xe000) check(Uint8Array.of(pair >> 8, pair & 255, 0xbf))
  }
})

test('a long text crosses the chunk size without a change', () => {
  const text = 'aé€\u{1F600}'.repeat(30_000)
  assert.equal(ours.decodeUtf8(ours.encodeUtf8(text)), text)
})

test('concat and equality follow Buffer', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), bytes, (parts, other) => {
      const joined = ours.concat(...parts)
      assert.deepEqual(joined, plain(Buffer.concat(parts)))
      assert.equal(ours.equalBytes(joined, joined.slice()), true)
      assert.equal(ours.equalBytes(joined, other), buffer(joined).equals(other))
      if (joined.length > 0) {
        assert.equal(ours.equalBytes(joined, joined.with(0, (joined[0] as number) ^ 0x80)), false)
        assert.equal(ours.equalBytes(joined, joined.subarray(1)), false)
      }
    }),
  )
})

test('a label is its text and a zero byte', () => {
  assert.deepEqual(label('warrant'), new TextEncoder().encode('trusthealth/1/warrant\0'))
})
