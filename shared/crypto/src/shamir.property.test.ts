/**
 * Shamir's secret sharing against published shares, against another implementation, and by its own promises.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { combine, split } from 'shamir-secret-sharing'
import { concat, decodeHex, encodeHex } from './bytes.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { combineShares, splitSecret, type SecretShare } from './shamir.ts'

const crypto = createNodeCrypto()
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => new Uint8Array(array))

/** A secret, a threshold, a number of shares, and an order of the shares. */
const cases = fc
  .tuple(bytes, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 6 }), fc.integer())
  .map(([secret, threshold, more, seed]) => ({ secret, threshold, count: threshold + more, seed }))

function shuffled(shares: readonly SecretShare[], seed: number): SecretShare[] {
  return [...shares].sort((a, b) => ((a.index * 7_919 + seed) % 101) - ((b.index * 7_919 + seed) % 101))
}

test('the shares that draft-mcgrew-tss prints give its secret', () => {
  const shares = [
    { index: 1, value: decodeHex('b9fa07e185') },
    { index: 2, value: decodeHex('f5409b4511') },
  ]
  assert.equal(encodeHex(combineShares(shares)), '7465737400')
})

test('any threshold of the shares gives the secret, and so do more', () => {
  fc.assert(
    fc.property(cases, ({ secret, threshold, count, seed }) => {
      const shares = shuffled(splitSecret(crypto, secret, { threshold, count }), seed)
      assert.deepEqual(combineShares(shares.slice(0, threshold)), secret)
      assert.deepEqual(combineShares(shares), secret)
    }),
  )
})

test('fewer shares say nothing: there is a last share for every secret', () => {
  fc.assert(
    fc.property(cases, bytes, ({ secret, threshold, count }, other) => {
      fc.pre(threshold >= 2 && other.length >= secret.length)
      const wanted = other.slice(0, secret.length)
      const known = splitSecret(crypto, secret, { threshold, count }).slice(0, threshold - 1)
      // What combining with an empty last share gives differs from `wanted` by something that a last share makes up for.
      const last = threshold
      const empty = { index: last, value: new Uint8Array(secret.length) }
      const lack = combineShares([...known, empty]).map((byte, i) => byte ^ (wanted[i] ?? 0))
      const one = { index: last, value: new Uint8Array(secret.length).fill(1) }
      const zeros = known.map(({ index }) => ({ index, value: new Uint8Array(secret.length) }))
      const weight = combineShares([...zeros, one])[0] ?? 0
      const value = lack.map((byte) => quotient(byte, weight))
      assert.deepEqual(combineShares([...known, { index: last, value }]), wanted)
    }),
  )
})

/** The byte that times `by` is `of`, found by trying: by the shares of a secret that is a multiple. */
function quotient(of: number, by: number): number {
  for (let candidate = 0; candidate < 256; candidate++) if (product(candidate, by) === of) return candidate
  throw new TypeError('no field')
}

/** Schoolbook multiplication and reduction. */
function product(a: number, b: number): number {
  let wide = 0
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) wide ^= a << bit
  for (let bit = 14; bit >= 8; bit--) if ((wide >> bit) & 1) wide ^= 0x11b << (bit - 8)
  return wide
}

test('our shares open in another implementation, and its in ours', async () => {
  for (const [threshold, count] of [
    [2, 2],
    [2, 3],
    [3, 5],
    [5, 9],
  ] as const) {
    const secret = crypto.randomBytes(32)
    const ours = splitSecret(crypto, secret, { threshold, count }).slice(-threshold)
    // Its form: the values, then the index.
    const theirs = await combine(ours.map(({ index, value }) => concat(value, Uint8Array.of(index))))
    assert.deepEqual(new Uint8Array(theirs), secret)
    const made = (await split(secret, count, threshold)).slice(-threshold)
    const shares = made.map((share) => ({ index: share.at(-1) ?? 0, value: new Uint8Array(share.slice(0, -1)) }))
    assert.deepEqual(combineShares(shares), secret)
  }
})

test('an altered share gives another secret', () => {
  const secret = crypto.randomBytes(32)
  const [a, b] = splitSecret(crypto, secret, { threshold: 2, count: 2 })
  assert.ok(a !== undefined && b !== undefined)
  a.value[31] = (a.value[31] ?? 0) ^ 1
  assert.notDeepEqual(combineShares([a, b]), secret)
})

test('what are no shares and no thresholds is refused', () => {
  const secret = new Uint8Array(4)
  for (const [threshold, count] of [
    [0, 2],
    [3, 2],
    [1.5, 2],
    [2, 256],
    [Number.NaN, 2],
  ] as const) {
    assert.throws(() => splitSecret(crypto, secret, { threshold, count }), RangeError)
  }
  assert.throws(() => splitSecret(crypto, new Uint8Array(0), { threshold: 1, count: 1 }), RangeError)
  const share = (index: number, length = 4) => ({ index, value: new Uint8Array(length) })
  for (const shares of [[], [share(1), share(1)], [share(0)], [share(256)], [share(1), share(2, 5)], [share(1.5)]]) {
    assert.throws(() => combineShares(shares), RangeError)
  }
})
