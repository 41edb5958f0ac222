import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REPLAY_WINDOW, ReplayWindow } from './replay-window.ts'

test('the window agrees with a plain set in every order of numbers', () => {
  // Steps near and far from the newest number, so that words, the window and the whole ring are crossed.
  const step = fc.oneof(fc.integer({ min: -1_100, max: 40 }), fc.integer({ min: -40, max: 5_000 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = new ReplayWindow()
      const seen = new Set<number>()
      let newest = -1
      for (const change of steps) {
        const seq = Math.max(0, newest + change)
        const expected = !seen.has(seq) && seq > newest - REPLAY_WINDOW
        assert.equal(window.isFresh(seq), expected)
        if (!expected) continue
        window.mark(seq)
        seen.add(seq)
        newest = Math.max(newest, seq)
      }
    }),
    { numRuns: 300 },
  )
})

test('asking changes nothing: a forged number does not move the window', () => {
  const window = new ReplayWindow()
  window.mark(5)
  assert.ok(window.isFresh(1_000_000))
  assert.ok(window.isFresh(4))
})

test('the oldest number inside the window is taken once, the next older one never', () => {
  const window = new ReplayWindow()
  window.mark(5_000)
  assert.ok(window.isFresh(5_000 - REPLAY_WINDOW + 1))
  assert.ok(!window.isFresh(5_000 - REPLAY_WINDOW))
  window.mark(5_000 - REPLAY_WINDOW + 1)
  assert.ok(!window.isFresh(5_000 - REPLAY_WINDOW + 1))
})

test('while the ring turns, what it held before does not count for what comes now', () => {
  const window = new ReplayWindow()
  for (let first = 0; first < 6 * REPLAY_WINDOW; first += 32) {
    // The last of each word comes first.
    for (const seq of [first + 31, ...Array.from({ length: 31 }, (_, i) => first + i)]) {
      assert.ok(window.isFresh(seq), String(seq))
      window.mark(seq)
      assert.ok(!window.isFresh(seq), String(seq))
    }
  }
})
