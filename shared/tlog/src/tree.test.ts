import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeHex, encodeUtf8 } from '../../crypto/src/index.ts'
import {
  consistencyProof,
  emptyRoot,
  Frontier,
  inclusionProof,
  leafHash,
  LogError,
  type LogErrorCode,
  merkleRoot,
  nodeCount,
  nodeHash,
  nodeId,
  type ReadNode,
  verifyConsistency,
  verifyInclusion,
} from './index.ts'

const crypto = createNodeCrypto()
const LARGEST = 150

/** A log of `size` entries with every complete subtree by id, and the root at each size. */
function growLog(size: number): { readNode: ReadNode; leaves: Uint8Array[]; roots: Uint8Array[]; nodes: Uint8Array[] } {
  const frontier = Frontier.empty(crypto)
  const nodes: Uint8Array[] = []
  const leaves: Uint8Array[] = []
  const roots = [frontier.root()]
  for (let i = 0; i < size; i++) {
    const leaf = leafHash(crypto, encodeUtf8(`entry ${i}`))
    leaves.push(leaf)
    for (const node of frontier.append(leaf)) {
      assert.equal(nodeId(node.level, node.index), nodes.length, 'nodes are numbered in the order they complete')
      nodes.push(node.hash)
    }
    roots.push(frontier.root())
  }
  const readNode: ReadNode = (level, index) => {
    const node = nodes[nodeId(level, index)]
    if (node === undefined) throw new RangeError(`node ${level}/${index} is not stored`)
    return node
  }
  return { readNode, leaves, roots, nodes }
}

/** MTH(D[n]) as RFC 6962 §2.1 defines it, recursively: the independent model. */
function modelRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot(crypto)
  if (leaves.length === 1) return leaves[0]!
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(crypto, modelRoot(leaves.slice(0, k)), modelRoot(leaves.slice(k)))
}

function refuses(code: LogErrorCode, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof LogError && error.code === code)
}

const log = growLog(LARGEST)

test('the frontier has the root of the recursive definition at every size', () => {
  for (let size = 0; size <= LARGEST; size++) {
    assert.deepEqual(log.roots[size], modelRoot(log.leaves.slice(0, size)))
    assert.deepEqual(merkleRoot(crypto, log.leaves.slice(0, size)), log.roots[size])
  }
})

test('a frontier loaded from the stored nodes goes on like the one that wrote them', () => {
  for (let size = 0; size < LARGEST; size++) {
    const loaded = Frontier.load(crypto, log.readNode, size)
    assert.equal(loaded.size, size)
    assert.deepEqual(loaded.root(), log.roots[size])
    const copy = loaded.clone()
    loaded.append(log.leaves[size]!)
    assert.deepEqual(loaded.root(), log.roots[size + 1])
    assert.deepEqual(copy.root(), log.roots[size], 'a clone does not move')
  }
  assert.equal(nodeCount(LARGEST), log.nodes.length)
})

test('every inclusion proof verifies, and for no other index, size, leaf or root', () => {
  for (let size = 1; size <= LARGEST; size++) {
    const root = log.roots[size]!
    for (let index = 0; index < size; index++) {
      const leaf = log.leaves[index]!
      const proof = inclusionProof(crypto, log.readNode, index, size)
      verifyInclusion(crypto, leaf, index, size, proof, root)
      const other = (index + 1) % size
      if (other !== index) {
        refuses('LOG_PROOF_INVALID', () => verifyInclusion(crypto, leaf, other, size, proof, root))
        const otherLeaf = log.leaves[other]!
        refuses('LOG_PROOF_INVALID', () => verifyInclusion(crypto, otherLeaf, index, size, proof, root))
      }
      const older = log.roots[size - 1]!
      refuses('LOG_PROOF_INVALID', () => verifyInclusion(crypto, leaf, index, size, proof, older))
    }
  }
})

test('every consistency proof verifies, and for no other pair of roots', () => {
  for (let newSize = 1; newSize <= LARGEST; newSize++) {
    const newRoot = log.roots[newSize]!
    for (let oldSize = 1; oldSize <= newSize; oldSize++) {
      const oldRoot = log.roots[oldSize]!
      const proof = consistencyProof(crypto, log.readNode, oldSize, newSize)
      verifyConsistency(crypto, oldSize, newSize, oldRoot, newRoot, proof)
      const wrong = log.roots[oldSize - 1]!
      refuses('LOG_NOT_CONSISTENT', () => verifyConsistency(crypto, oldSize, newSize, wrong, newRoot, proof))
      refuses('LOG_NOT_CONSISTENT', () => verifyConsistency(crypto, oldSize, newSize, oldRoot, wrong, proof))
    }
  }
})

test('a proof with a hash too many, too few, or out of order is refused', () => {
  const root = log.roots[100]!
  const leaf = log.leaves[37]!
  const proof = inclusionProof(crypto, log.readNode, 37, 100)
  const extra = new Uint8Array(32)
  for (const bad of [
    proof.slice(1),
    proof.slice(0, -1),
    [...proof, extra],
    [extra, ...proof],
    proof.toReversed(),
    [],
  ]) {
    refuses('LOG_PROOF_INVALID', () => verifyInclusion(crypto, leaf, 37, 100, bad, root))
  }
  const oldRoot = log.roots[37]!
  const path = consistencyProof(crypto, log.readNode, 37, 100)
  for (const bad of [path.slice(0, -1), [...path, extra], []]) {
    refuses('LOG_PROOF_INVALID', () => verifyConsistency(crypto, 37, 100, oldRoot, root, bad))
  }
  for (const bad of [path.slice(1), path.toReversed()]) {
    assert.throws(() => verifyConsistency(crypto, 37, 100, oldRoot, root, bad), LogError)
  }
})

test('a proof that is too long to be one, or whose hashes have another length, is refused before any hashing', () => {
  const leaf = log.leaves[0]!
  const root = log.roots[1]!
  const long = Array.from({ length: 55 }, () => new Uint8Array(32))
  const never = { ...crypto, sha256: () => assert.fail('hashed') }
  refuses('LOG_PROOF_INVALID', () => verifyInclusion(never, leaf, 0, 2 ** 53 - 1, long, root))
  refuses('LOG_PROOF_INVALID', () => verifyInclusion(never, leaf, 0, 2, [new Uint8Array(31)], root))
  refuses('LOG_PROOF_INVALID', () => verifyInclusion(never, leaf.slice(1), 0, 1, [], root))
  refuses('LOG_PROOF_INVALID', () => verifyConsistency(never, 1, 2 ** 53 - 1, root, root, long))
  refuses('LOG_PROOF_INVALID', () => verifyConsistency(never, 1, 1, root.slice(1), root.slice(1), []))
})

test('impossible indices and sizes are refused on both sides', () => {
  const root = log.roots[1]!
  for (const [index, size] of [
    [0, 0],
    [1, 1],
    [-1, 1],
    [0.5, 1],
    [0, 2 ** 53],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    refuses('LOG_SIZE_INVALID', () => verifyInclusion(crypto, root, index, size, [], root))
    refuses('LOG_SIZE_INVALID', () => inclusionProof(crypto, log.readNode, index, size))
  }
  for (const [oldSize, newSize] of [
    [0, 0],
    [0, 1],
    [2, 1],
    [-1, 1],
    [0.5, 1],
    [1, 2 ** 53],
  ] as const) {
    refuses('LOG_SIZE_INVALID', () => verifyConsistency(crypto, oldSize, newSize, root, root, []))
    refuses('LOG_SIZE_INVALID', () => consistencyProof(crypto, log.readNode, oldSize, newSize))
  }
  refuses('LOG_SIZE_INVALID', () => Frontier.load(crypto, log.readNode, 2 ** 53))
})

test('lengths of our own hashes are the caller’s bug', () => {
  assert.throws(() => Frontier.empty(crypto).append(new Uint8Array(31)), RangeError)
  assert.throws(() => nodeHash(crypto, new Uint8Array(33), new Uint8Array(31)), RangeError)
  assert.throws(() => Frontier.load(crypto, () => new Uint8Array(31), 1), RangeError)
  assert.throws(() => nodeId(0, 2 ** 53 - 1), RangeError)
})

test('changing a returned root or proof does not change the log', () => {
  const { readNode, roots, leaves } = growLog(8)
  const frontier = Frontier.load(crypto, readNode, 8)
  frontier.root().fill(0)
  for (const hash of inclusionProof(crypto, readNode, 0, 8)) hash.fill(0)
  for (const hash of consistencyProof(crypto, readNode, 4, 8)) hash.fill(0)
  assert.equal(encodeHex(frontier.root()), encodeHex(roots[8]!))
  verifyInclusion(crypto, leaves[0]!, 0, 8, inclusionProof(crypto, readNode, 0, 8), roots[8]!)
})

test('a proof for a higher tree is refused although it leads to the root that is claimed', () => {
  const { readNode, leaves, roots } = growLog(5)
  const more = leafHash(crypto, encodeUtf8('more'))
  for (const size of [1, 2, 4, 5]) {
    const proof = [...inclusionProof(crypto, readNode, size - 1, size), more]
    const root = nodeHash(crypto, more, roots[size]!)
    refuses('LOG_PROOF_INVALID', () => verifyInclusion(crypto, leaves[size - 1]!, size - 1, size, proof, root))
  }
  for (const [oldSize, newSize] of [
    [1, 2],
    [3, 5],
  ] as const) {
    const proof = [...consistencyProof(crypto, readNode, oldSize, newSize), more]
    const [oldRoot, newRoot] = [roots[oldSize]!, roots[newSize]!].map((root) => nodeHash(crypto, more, root))
    refuses('LOG_PROOF_INVALID', () => verifyConsistency(crypto, oldSize, newSize, oldRoot!, newRoot!, proof))
  }
})
