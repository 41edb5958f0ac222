import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { Rounds } from './rounds.ts'

/** An application whose rounds are numbered, on a disk that is as slow as the test wants. */
function world(): {
  readonly rounds: Rounds
  readonly released: number[]
  readonly failures: unknown[]
  commits(): number
  disk: { resolve(): void; reject(error: unknown): void } | undefined
  isDirty: boolean
  isDue: boolean
} {
  let commits = 0
  const parts = {
    released: [] as number[],
    failures: [] as unknown[],
    disk: undefined as { resolve(): void; reject(error: unknown): void } | undefined,
    isDirty: true,
    isDue: false,
    commits: () => commits,
  }
  const rounds = new Rounds({
    application: {
      state: 'serving',
      get isDue() {
        return parts.isDue
      },
      commit: () => [Uint8Array.of(++commits)],
    },
    sync() {
      if (!parts.isDirty) return undefined
      return new Promise<void>((resolve, reject) => (parts.disk = { resolve, reject }))
    },
    release: (frames) => parts.released.push(...frames.flatMap((frame) => [...frame])),
    fail: (error) => parts.failures.push(error),
  })
  return Object.assign(parts, { rounds })
}

test('nothing leaves before the disk has it', async () => {
  const it = world()
  it.rounds.soon()
  await nextTurn()
  await nextTurn()
  assert.deepEqual([it.commits(), it.released], [1, []])
  it.disk?.resolve()
  await nextTurn()
  assert.deepEqual(it.released, [1])
})

test('what arrives while the disk works goes into one round after it, in order', async () => {
  const it = world()
  it.rounds.soon()
  await nextTurn()
  for (let i = 0; i < 5; i++) {
    it.rounds.soon()
    await nextTurn()
  }
  assert.deepEqual([it.commits(), it.released], [1, []])
  it.disk?.resolve()
  await nextTurn()
  await nextTurn()
  assert.deepEqual([it.commits(), it.released], [2, [1]])
  it.disk?.resolve()
  await nextTurn()
  await nextTurn()
  assert.deepEqual([it.commits(), it.released], [2, [1, 2]])
})

test('a round that wrote nothing leaves at once, but not before an earlier one', async () => {
  const it = world()
  it.isDirty = false
  it.rounds.soon()
  await nextTurn()
  assert.deepEqual(it.released, [1])
  it.isDirty = true
  it.rounds.soon()
  await nextTurn()
  it.isDirty = false
  it.rounds.soon()
  await nextTurn()
  assert.deepEqual(it.released, [1])
  it.disk?.resolve()
  await nextTurn()
  await nextTurn()
  assert.deepEqual(it.released, [1, 2, 3])
})

test('when the disk fails nothing of the round leaves, nor of any after it', async () => {
  const it = world()
  it.rounds.soon()
  await nextTurn()
  it.rounds.soon()
  await nextTurn()
  it.disk?.reject('EIO')
  await nextTurn()
  it.rounds.soon()
  await nextTurn()
  await nextTurn()
  assert.deepEqual([it.failures, it.released, it.commits()], [['EIO'], [], 1])
})

test('what is due gets a round although nothing arrives', async () => {
  const it = world()
  it.isDirty = false
  it.isDue = true
  it.rounds.soon()
  while (it.commits() < 3) await nextTurn()
  it.isDue = false
  it.rounds.end()
  assert.ok(it.released.length >= 3)
})
