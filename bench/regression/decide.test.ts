import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ATTEMPTS, findLosses, losses, MOST_LOSS, type Ratios } from './decide.ts'

const baseline: Ratios = { store: 4, read: 2 }

test('a loss of more than a quarter is one, a quarter is none', () => {
  assert.deepEqual(losses(baseline, { store: 5, read: 2.5 }), [])
  assert.deepEqual(losses(baseline, { store: 5.01, read: 1 }), ['store'])
})

test('what has no baseline or was not measured is an error, not a pass', async () => {
  assert.throws(() => losses(baseline, { write: 1 }), RangeError)
  for (const ratio of [0, Number.NaN, -1]) assert.throws(() => losses(baseline, { store: ratio }), RangeError)
  await assert.rejects(
    findLosses(baseline, () => Promise.resolve({ store: 4 })),
    RangeError,
  )
})

test('only what lost every time is a loss, and only that is measured again', async () => {
  const asked: (readonly string[])[] = []
  const rounds: readonly Ratios[] = [{ store: 9, read: 9 }, { store: 9, read: 2 }, { store: 9 }]
  const found = await findLosses(baseline, (names) => {
    asked.push(names)
    return Promise.resolve(rounds[asked.length - 1] ?? {})
  })
  assert.deepEqual(found, ['store'])
  assert.deepEqual(asked, [['store', 'read'], ['store', 'read'], ['store']])
})

test('one good measurement clears a ratio; a loss in all of them never passes', async () => {
  const factor = fc.double({ min: 0.5, max: 3, noNaN: true })
  await fc.assert(
    fc.asyncProperty(fc.array(factor, { minLength: ATTEMPTS, maxLength: ATTEMPTS }), async (factors) => {
      let attempt = 0
      const found = await findLosses({ store: 4 }, () => Promise.resolve({ store: 4 * (factors[attempt++] ?? 1) }))
      const lostAlways = factors.every((one) => 4 * one > 4 * (1 + MOST_LOSS))
      assert.deepEqual(found, lostAlways ? ['store'] : [])
    }),
  )
})
