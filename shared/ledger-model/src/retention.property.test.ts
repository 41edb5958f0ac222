/** What statements of an organisation come to, against the rule in words: in force when committed, or shorter since. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_RETENTION_DAYS } from './limits.ts'
import { retainedUntilMs, type RetentionStep, withRetention } from './retention.ts'

const DAY_MS = 86_400_000

const anyDays = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: MAX_RETENTION_DAYS }))
const anyStatements = fc
  .array(fc.record({ days: anyDays, afterMs: fc.integer({ min: 0, max: 10 * DAY_MS }) }), { maxLength: 30 })
  .map((list) => {
    let timeMs = 1_000 * DAY_MS
    return list.map(({ days, afterMs }) => ({ days, timeMs: (timeMs += afterMs) }))
  })

function stepsOf(statements: readonly { readonly days: number; readonly timeMs: number }[]): readonly RetentionStep[] {
  return statements.reduce<readonly RetentionStep[]>((steps, one) => withRetention(steps, one.days, one.timeMs), [])
}

test('a version is kept for the period in force when it was committed, or for a shorter one stated since', () => {
  fc.assert(
    fc.property(anyStatements, fc.integer({ min: 999 * DAY_MS, max: 1_310 * DAY_MS }), (statements, committedMs) => {
      const inForce = statements.findLast(({ timeMs }) => timeMs <= committedMs)?.days ?? 0
      const since = statements.filter(({ timeMs }) => timeMs > committedMs).map(({ days }) => days)
      const days = Math.min(inForce, ...since)
      const expected = days === 0 ? undefined : committedMs + days * DAY_MS
      assert.equal(retainedUntilMs(stepsOf(statements), committedMs), expected)
    }),
  )
})

test('nothing that is said later makes anybody keep longer what is there', () => {
  fc.assert(
    fc.property(anyStatements, anyDays, fc.nat({ max: 300 * DAY_MS }), (statements, days, afterMs) => {
      const steps = stepsOf(statements)
      const nowMs = (statements.at(-1)?.timeMs ?? 1_000 * DAY_MS) + 1
      const next = withRetention(steps, days, nowMs + afterMs)
      for (const committedMs of [nowMs - 1, nowMs - DAY_MS, ...steps.map(({ fromMs }) => fromMs)]) {
        assert.ok((retainedUntilMs(next, committedMs) ?? 0) <= (retainedUntilMs(steps, committedMs) ?? 0))
      }
    }),
  )
})

test('steps are in order, each longer than the one before', () => {
  fc.assert(
    fc.property(anyStatements, (statements) => {
      const steps = stepsOf(statements)
      for (const [i, step] of steps.entries()) {
        const before = steps[i - 1]
        assert.ok(before === undefined || (before.days < step.days && before.fromMs <= step.fromMs))
      }
    }),
  )
})

test('a transaction whose time is a little before the last one’s does not reach back', () => {
  const steps = withRetention(withRetention([], 10, 5_000), 20, 4_000)
  assert.deepEqual(steps, [
    { days: 10, fromMs: 5_000 },
    { days: 20, fromMs: 5_000 },
  ])
  assert.equal(retainedUntilMs(steps, 4_500), undefined)
})
