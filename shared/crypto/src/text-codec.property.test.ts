import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import fc from 'fast-check'
import { copyBytes, decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, newBytes, useTextCodec } from './bytes.ts'
import { nodeTextCodec } from './node-crypto.ts'

afterEach(() => useTextCodec(undefined))

/** What `work` gives or throws, with our own codec and with Node's. */
function both(work: () => unknown): void {
  const outcome = (): unknown => {
    try {
      return work()
    } catch (error) {
      return (error as { code?: string }).code
    }
  }
  useTextCodec(undefined)
  const own = outcome()
  useTextCodec(nodeTextCodec)
  assert.deepEqual(outcome(), own)
}

const numRuns = 2_000

test('encoding is the same, unpaired surrogates and all', () => {
  const unit = fc.oneof(
    { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
    fc.constantFrom('\ud800', '\udfff', '\ufeff'),
  )
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 200 }), (units) => both(() => encodeUtf8(units.join('')))),
    { numRuns },
  )
})

test('decoding is the same, for UTF-8 and for what is nearly so', () => {
  const text = fc.string({ unit: 'binary', minLength: 40, maxLength: 200 })
  fc.assert(
    fc.property(text, fc.nat(1_000), fc.option(fc.nat(255)), (original, at, byte) => {
      const bytes = encodeUtf8(`\ufeff${original}`)
      if (byte !== null) bytes[at % bytes.length] = byte
      both(() => decodeUtf8(bytes))
    }),
    { numRuns },
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 48, maxLength: 100 }), (bytes) => both(() => decodeUtf8(bytes))),
    { numRuns },
  )
})

test('base64url is the same, and so is what is nearly that', () => {
  const bytes = fc.uint8Array({ minLength: 30, maxLength: 200 })
  fc.assert(
    fc.property(bytes, (original) => both(() => encodeBase64url(original))),
    { numRuns },
  )
  const unit = fc.constantFrom('A', 'B', '/', '+', '=', '-', '_', ' ', '\n', 'é', '\ud800', '')
  fc.assert(
    fc.property(bytes, fc.nat(1_000), fc.option(unit), fc.nat(2), (original, at, exchanged, cut) => {
      const text = encodeBase64url(original)
      const place = at % text.length
      const near = exchanged === null ? text : text.slice(0, place) + exchanged + text.slice(place + 1)
      both(() => decodeBase64url(near.slice(0, near.length - cut)))
    }),
    { numRuns },
  )
})

test('bytes that are given out are zero, of the length asked for, and nobody else’s', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(70), fc.nat(5_000)), { maxLength: 30 }), (lengths) => {
      const given = lengths.map((length, i) => {
        const bytes = newBytes(length)
        assert.ok(bytes.length === length && bytes.every((byte) => byte === 0))
        return bytes.fill(i + 1)
      })
      for (const [i, bytes] of given.entries()) assert.ok(bytes.every((byte) => byte === i + 1))
    }),
    { numRuns: 300 },
  )
})

test('a copy of a part is that part, and a copy', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i)
  const part = copyBytes(bytes, 10, 290)
  bytes[10] = 0
  assert.deepEqual(part.subarray(0, 3), Uint8Array.of(10, 11, 12))
  assert.equal(part.length, 280)
  assert.deepEqual(copyBytes(bytes), bytes)
})
