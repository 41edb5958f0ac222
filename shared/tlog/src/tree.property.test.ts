/**
 * Laws of proofs at sizes up to 2^53 - 1. A log that large cannot be built, so its complete subtrees all have one
 * hash per level (every entry is the same): still a tree with one root per size, and the code cannot tell.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { equalBytes } from '../../crypto/src/index.ts'
import {
  consistencyProof,
  Frontier,
  inclusionProof,
  LogError,
  nodeHash,
  nodeId,
  type ReadNode,
  verifyConsistency,
  verifyInclusion,
} from './index.ts'

const crypto = createNodeCrypto()
const LEAF = crypto.sha256(Uint8Array.of(7))
const levels = [LEAF]
for (let level = 1; level <= 53; level++) levels.push(nodeHash(crypto, levels[level - 1]!, levels[level - 1]!))
const readNode: ReadNode = (level) => levels[level]!

const size = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 2 ** 31 - 5, max: 2 ** 32 + 5 }),
  fc.integer({ min: 1, max: 2 ** 52 }),
  fc.integer({ min: 2 ** 53 - 70, max: 2 ** 53 - 1 }),
)
const share = fc.double({ min: 0, max: 1, noNaN: true })

function rootAt(at: number): Uint8Array {
  return Frontier.load(crypto, readNode, at).root()
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice()
  out[Math.floor(bit / 8) % out.length]! ^= 1 << (bit % 8)
  return out
}

test('proofs that share the hashes of one size are the proofs that do not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), (n) => {
      // Leaves that differ: a hash taken from the wrong place would not go unseen.
      const frontier = Frontier.empty(crypto)
      const nodes = new Map<number, Uint8Array>()
      for (let i = 0; i < n; i++) {
        const leaf = crypto.sha256(Uint8Array.of(i & 0xff, i >> 8))
        for (const { level, index, hash } of frontier.append(leaf)) nodes.set(nodeId(level, index), hash)
      }
      const read: ReadNode = (level, index) => nodes.get(nodeId(level, index))!
      const edges = new Map<number, Uint8Array>()
      for (let index = 0; index < n; index++) {
        assert.deepEqual(inclusionProof(crypto, read, index, n, edges), inclusionProof(crypto, read, index, n))
      }
    }),
    { numRuns: 30 },
  )
})

test('inclusion proofs verify at every size and break with any flipped bit', () => {
  fc.assert(
    fc.property(size, share, fc.nat(), fc.nat(255), (n, at, which, bit) => {
      const index = Math.min(Math.floor(at * n), n - 1)
      const proof = inclusionProof(crypto, readNode, index, n)
      const root = rootAt(n)
      verifyInclusion(crypto, LEAF, index, n, proof, root)
      const damaged = [...proof, root, LEAF].map((hash, i) =>
        i === which % (proof.length + 2) ? flip(hash, bit) : hash,
      )
      const leaf = damaged.pop()!
      const otherRoot = damaged.pop()!
      assert.throws(() => verifyInclusion(crypto, leaf, index, n, damaged, otherRoot), { code: 'LOG_PROOF_INVALID' })
    }),
  )
})

test('consistency proofs verify between all sizes and break with any flipped bit', () => {
  fc.assert(
    fc.property(size, share, fc.nat(), fc.nat(255), (n, at, which, bit) => {
      const old = Math.max(1, Math.floor(at * n))
      const proof = consistencyProof(crypto, readNode, old, n)
      verifyConsistency(crypto, old, n, rootAt(old), rootAt(n), proof)
      const damaged = [...proof, rootAt(old), rootAt(n)].map((hash, i) =>
        i === which % (proof.length + 2) ? flip(hash, bit) : hash,
      )
      const newRoot = damaged.pop()!
      const oldRoot = damaged.pop()!
      assert.throws(() => verifyConsistency(crypto, old, n, oldRoot, newRoot, damaged), { code: 'LOG_NOT_CONSISTENT' })
    }),
  )
})

test('node numbers are dense: no two nodes share one, and none is skipped', () => {
  const seen = new Set<number>()
  for (let level = 0; level <= 9; level++) {
    for (let index = 0; index < 512 / 2 ** level; index++) seen.add(nodeId(level, index))
  }
  assert.equal(seen.size, 1023)
  assert.equal(Math.max(...seen), 1022)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (index) => {
      // A right child is followed by its parent. Beyond these indexes numbers are no safe integers any more.
      const right = index * 2 + 1
      assert.equal(nodeId(1, index), nodeId(0, right) + 1)
    }),
  )
})

/** Real trees with distinct leaves: random sizes, every proof of a random pair, and its refusal at another size. */
test('proofs of distinct entries hold for their own index and size only', () => {
  const frontier = Frontier.empty(crypto)
  const nodes: Uint8Array[] = []
  const leaves: Uint8Array[] = []
  const roots = [frontier.root()]
  for (let i = 0; i < 300; i++) {
    const leaf = crypto.sha256(Uint8Array.of(i >> 8, i & 255))
    leaves.push(leaf)
    nodes.push(...frontier.append(leaf).map((node) => node.hash))
    roots.push(frontier.root())
  }
  const read: ReadNode = (level, index) => nodes[nodeId(level, index)]!
  const any = fc.integer({ min: 1, max: 300 })
  fc.assert(
    fc.property(any, any, any, fc.nat(299), (n, otherSize, old, at) => {
      const index = at % n
      const proof = inclusionProof(crypto, read, index, n)
      const leaf = leaves[index]!
      verifyInclusion(crypto, leaf, index, n, proof, roots[n]!)
      if (otherSize !== n) {
        assert.throws(() => verifyInclusion(crypto, leaf, index, otherSize, proof, roots[otherSize]!), LogError)
      }
      const from = Math.min(old, n)
      const path = consistencyProof(crypto, read, from, n)
      verifyConsistency(crypto, from, n, roots[from]!, roots[n]!, path)
      if (otherSize !== n && !equalBytes(roots[otherSize]!, roots[n]!)) {
        assert.throws(() => verifyConsistency(crypto, from, otherSize, roots[from]!, roots[otherSize]!, path), LogError)
      }
    }),
    { numRuns: 2_000 },
  )
})
