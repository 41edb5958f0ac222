import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeCache } from './node-cache.ts'

const hash = new Uint8Array(32)

test('a cache holds no more than it may, the newest among them', () => {
  const cache = new NodeCache(40)
  for (let id = 0; id < 100; id++) cache.set(0, id, hash)
  const held = Array.from({ length: 100 }, (_, i) => 99 - i).filter((id) => cache.get(0, id) !== undefined)
  assert.ok(held.length <= 20, String(held.length))
  assert.deepEqual(held.slice(0, 10), [99, 98, 97, 96, 95, 94, 93, 92, 91, 90])
})

test('a node that is used stays, however many others pass', () => {
  const cache = new NodeCache(8)
  cache.set(0, 0, hash)
  for (let id = 1; id < 100; id++) {
    cache.set(0, id, hash)
    assert.equal(cache.get(0, 0), hash)
  }
})

test('leaves do not push out upper nodes', () => {
  const cache = new NodeCache(8)
  cache.set(8, 0, hash)
  cache.set(20, 1, hash)
  for (let id = 2; id < 100; id++) cache.set(id % 8, id, hash)
  assert.equal(cache.get(8, 0), hash)
  assert.equal(cache.get(20, 1), hash)
})

test('a cache that could hold nothing is the caller’s bug', () => {
  for (const nodes of [3, 0, -1, 4.5, Number.NaN]) assert.throws(() => new NodeCache(nodes), RangeError)
})
