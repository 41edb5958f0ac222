import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { median, medianRatio, summarize } from './statistics.ts'

test('percentiles are measured values, by nearest rank', () => {
  const samples = Array.from({ length: 1000 }, (_, i) => 1000 - i)
  assert.deepEqual(summarize(samples), { n: 1000, p50: 500, p95: 950, p99: 990, p999: 999 })
  assert.deepEqual(summarize([7]), { n: 1, p50: 7, p95: 7, p99: 7, p999: 7 })
  assert.equal(summarize(Array.from({ length: 20 }, (_, i) => i + 1)).p95, 19)
})

test('no samples is a caller fault', () => {
  assert.throws(() => summarize([]), RangeError)
})

const samples = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 300 })

test('percentiles are samples, in order, whatever order the samples have', () => {
  fc.assert(
    fc.property(samples, (some) => {
      const { n, p50, p95, p99, p999 } = summarize(some)
      assert.equal(n, some.length)
      assert.ok(p50 <= p95 && p95 <= p99 && p99 <= p999 && p999 <= Math.max(...some))
      for (const value of [p50, p95, p99, p999]) assert.ok(some.includes(value))
      assert.deepEqual(summarize(some.toReversed()), summarize(some))
      assert.ok(some.filter((one) => one <= p50).length * 2 >= n)
    }),
  )
})

test('a ratio is taken within each round: what slows both sides of a round changes nothing', () => {
  const rounds = fc.array(
    fc.record({ side: fc.integer({ min: 1, max: 1000 }), slowness: fc.integer({ min: 1, max: 50 }) }),
    { minLength: 1, maxLength: 50 },
  )
  fc.assert(
    fc.property(rounds, (some) => {
      const above = some.map(({ side, slowness }) => side * slowness)
      const below = some.map(({ slowness }) => slowness)
      assert.equal(medianRatio(above, below), median(some.map(({ side }) => side)))
    }),
  )
})

test('a round that one side did not run is a caller fault', () => {
  assert.throws(() => medianRatio([1, 2], [1]), RangeError)
})
