/** Hashes of checked blocks: kept in order, whole after a new opening, forgotten when they must be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CheckedBlocks, type CheckStorage, type LastCheck } from './checked-blocks.ts'

/** What IndexedDB is in a browser. */
class MemoryStorage implements CheckStorage {
  chunks: Uint8Array[] = []
  savedMs = 0
  last: LastCheck | undefined
  puts = 0

  load() {
    const { chunks, savedMs, last } = this
    return Promise.resolve({ chunks, savedMs, ...(last === undefined ? {} : { last }) })
  }

  put(chunk: number, hashes: Uint8Array, savedMs: number) {
    this.chunks[chunk] = hashes
    this.savedMs = savedMs
    this.puts++
    return Promise.resolve()
  }

  putLast(last: LastCheck) {
    this.last = last
    return Promise.resolve()
  }

  clear() {
    this.chunks = []
    this.last = undefined
    return Promise.resolve()
  }
}

const hashOf = (number: number) => new Uint8Array(32).fill(number % 251)

function fill(blocks: CheckedBlocks, from: number, to: number): void {
  for (let number = from; number < to; number++) blocks.take(number, hashOf(number))
}

test('what was saved is there after a new opening, over several chunks and from any number on', async () => {
  for (const [first, second] of [
    [0, 1],
    [1, 255],
    [255, 256],
    [256, 257],
    [300, 900],
  ] as const) {
    const storage = new MemoryStorage()
    const blocks = await CheckedBlocks.open(storage)
    fill(blocks, 0, first)
    await blocks.save(1)
    fill(blocks, first, second)
    await blocks.save(2)
    const again = await CheckedBlocks.open(storage)
    assert.deepEqual([again.count, again.savedMs], [second, 2])
    for (const number of [0, first, second - 1]) {
      assert.deepEqual(again.hashOf(Math.min(number, second - 1)), hashOf(Math.min(number, second - 1)))
    }
    assert.equal(again.hashOf(second), undefined)
    assert.deepEqual(again.head, { number: second - 1, hash: hashOf(second - 1) })
  }
})

test('what was taken but not saved is not there, and nothing is written twice', async () => {
  const storage = new MemoryStorage()
  const blocks = await CheckedBlocks.open(storage)
  fill(blocks, 0, 10)
  await Promise.all([blocks.save(1), blocks.save(2)])
  assert.equal(storage.puts, 1)
  fill(blocks, 10, 20)
  assert.equal((await CheckedBlocks.open(storage)).count, 10)
})

test('a block that is known, or does not follow, changes nothing', async () => {
  const blocks = await CheckedBlocks.open(new MemoryStorage())
  fill(blocks, 0, 3)
  blocks.take(1, hashOf(9))
  blocks.take(7, hashOf(7))
  assert.equal(blocks.count, 3)
  assert.deepEqual(blocks.hashOf(1), hashOf(1))
})

test('clearing forgets everything; the last check is kept until then', async () => {
  const storage = new MemoryStorage()
  const blocks = await CheckedBlocks.open(storage)
  fill(blocks, 0, 600)
  await blocks.save(1)
  const last = { endedMs: 5, blocks: 600, faults: 1, skipped: 0, notes: 0 }
  await blocks.keepLast(last)
  assert.deepEqual((await CheckedBlocks.open(storage)).last, last)
  await blocks.clear()
  assert.deepEqual([blocks.count, blocks.head, blocks.last], [0, undefined, undefined])
  const again = await CheckedBlocks.open(storage)
  assert.deepEqual([again.count, again.last], [0, undefined])
  fill(blocks, 0, 2)
  await blocks.save(3)
  assert.equal((await CheckedBlocks.open(storage)).count, 2)
})

test('a chunk after one that is not full is not believed', async () => {
  const storage = new MemoryStorage()
  storage.chunks = [new Uint8Array(64), new Uint8Array(32)]
  assert.equal((await CheckedBlocks.open(storage)).count, 2)
})
