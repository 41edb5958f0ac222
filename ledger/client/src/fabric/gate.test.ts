import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from './gate.ts'

test('so many are inside at once, the others follow in their order', async () => {
  const gate = new Gate(2, 10)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const all = [0, 1, 2, 3].map((n) =>
    gate.run(() => {
      begun.push(n)
      return new Promise<void>((resolve) => ends.push(resolve))
    }),
  )
  await Promise.resolve()
  assert.deepEqual(begun, [0, 1])
  for (let i = 0; i < 4; i++) {
    ends[i]?.()
    await all[i]
  }
  assert.deepEqual(begun, [0, 1, 2, 3])
})

test('a step that fails lets the next one in', async () => {
  const gate = new Gate(1, 1)
  const failing = gate.run(() => Promise.reject(new Error('no')))
  const next = gate.run(() => Promise.resolve(7))
  await assert.rejects(failing)
  assert.equal(await next, 7)
})

test('LEDGER_BUSY: more than may wait', async () => {
  const gate = new Gate(1, 1)
  let end = () => undefined as void
  const inside = gate.run(() => new Promise<void>((resolve) => (end = resolve)))
  const waiting = gate.run(() => Promise.resolve())
  await assert.rejects(
    gate.run(() => Promise.resolve()),
    { code: 'LEDGER_BUSY' },
  )
  end()
  await Promise.all([inside, waiting])
})
