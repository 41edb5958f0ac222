import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  consistencyProof,
  Frontier,
  inclusionProof,
  leafHash,
  nodeHash,
  nodeId,
  type ReadNode,
  verifyConsistency,
  verifyInclusion,
} from '../../../shared/tlog/src/index.ts'
import { bytes, readVectors, verdict } from './vectors.ts'

interface Inclusion {
  readonly what: string
  readonly index: number
  readonly size: number
  readonly leaf: string
  readonly proof: readonly string[]
  readonly root: string
  readonly ok: boolean
}

interface Consistency {
  readonly what: string
  readonly oldSize: number
  readonly newSize: number
  readonly oldRoot: string
  readonly newRoot: string
  readonly proof: readonly string[]
  readonly ok: boolean
}

interface Vectors {
  readonly roots: readonly string[]
  readonly inclusion: readonly Inclusion[]
  readonly consistency: readonly Consistency[]
}

const crypto = createNodeCrypto()
const vectors = readVectors<Vectors>(new URL('merkle.json', import.meta.url))

/** The generator's small tree: leaf i is the one byte i. */
const frontier = Frontier.empty(crypto)
const nodes: Uint8Array[] = []
const roots = [frontier.root()]
for (let i = 0; i < 17; i++) {
  for (const node of frontier.append(leafHash(crypto, Uint8Array.of(i)))) nodes.push(node.hash)
  roots.push(frontier.root())
}
const small: ReadNode = (level, index) => nodes[nodeId(level, index)]!

/** Its tree of any size: all leaves are the same. */
const levels = [leafHash(crypto, new TextEncoder().encode('same'))]
for (let level = 1; level <= 53; level++) levels.push(nodeHash(crypto, levels[level - 1]!, levels[level - 1]!))
const uniform: ReadNode = (level) => levels[level]!

test('roots of sizes 0 to 17 are those of transparency-dev/merkle', () => {
  assert.equal(vectors.roots.length, 18)
  assert.deepEqual(roots, vectors.roots.map(bytes))
})

test('the verdict on every inclusion proof is that of transparency-dev/merkle', () => {
  assert.equal(vectors.inclusion.length, 376)
  for (const { what, index, size, leaf, proof, root, ok } of vectors.inclusion) {
    const ours = verdict(() => verifyInclusion(crypto, bytes(leaf), index, size, proof.map(bytes), bytes(root)))
    assert.equal(ours, ok, `${what}: ${index} of ${size}`)
  }
})

test('the verdict on every consistency proof is that of transparency-dev/merkle', () => {
  assert.equal(vectors.consistency.length, 355)
  for (const { what, oldSize, newSize, oldRoot, newRoot, proof, ok } of vectors.consistency) {
    const [from, to] = [bytes(oldRoot), bytes(newRoot)]
    const ours = verdict(() => verifyConsistency(crypto, oldSize, newSize, from, to, proof.map(bytes)))
    assert.equal(ours, ok, `${what}: ${oldSize} to ${newSize}`)
  }
})

test('the proofs we make are the ones transparency-dev/merkle makes, byte for byte', () => {
  for (const { what, index, size, proof } of vectors.inclusion) {
    if (what !== 'good' && what !== 'large') continue
    const readNode = what === 'good' ? small : uniform
    assert.deepEqual(inclusionProof(crypto, readNode, index, size), proof.map(bytes))
  }
  for (const { what, oldSize, newSize, proof } of vectors.consistency) {
    if (what !== 'good' && what !== 'large') continue
    const readNode = what === 'good' ? small : uniform
    assert.deepEqual(consistencyProof(crypto, readNode, oldSize, newSize), proof.map(bytes))
  }
})
