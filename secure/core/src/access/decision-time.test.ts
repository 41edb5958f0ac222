import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decisionTime, MAX_CLOCK_SKEW_MS, MAX_LEDGER_LAG_MS } from './decision-time.ts'

const NOW = 1_900_000_000_000

test('the time of a decision is the ledger time', () => {
  assert.equal(decisionTime(NOW, NOW), NOW)
  assert.equal(decisionTime(NOW + 1_000, NOW), NOW + 1_000)
  assert.equal(decisionTime(NOW, NOW + MAX_LEDGER_LAG_MS), NOW)
})

test('a ledger that lags does not hold the time of a decision back for more than two minutes', () => {
  assert.equal(decisionTime(NOW, NOW + MAX_LEDGER_LAG_MS + 1), NOW + 1)
})

test('clocks more than five minutes apart refuse', () => {
  assert.equal(decisionTime(NOW, NOW + MAX_CLOCK_SKEW_MS), NOW + MAX_CLOCK_SKEW_MS - MAX_LEDGER_LAG_MS)
  for (const apart of [MAX_CLOCK_SKEW_MS + 1, -MAX_CLOCK_SKEW_MS - 1]) {
    assert.throws(() => decisionTime(NOW, NOW + apart), { code: 'CLOCK_SKEW' })
  }
})
