import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarize } from './statistics.ts'

test('percentiles are measured values, by nearest rank', () => {
  const samples = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.deepEqual(summarize(samples), { n: 100, p50: 50, p95: 95, p99: 99 })
  assert.deepEqual(summarize([7]), { n: 1, p50: 7, p95: 7, p99: 7 })
})

test('no samples is a caller fault', () => {
  assert.throws(() => summarize([]), RangeError)
})
