/** The JSON vectors in testdata/ of transparency-dev/merkle's repository, if a copy is at hand: README.md. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { verifyConsistency, verifyInclusion } from '../../../shared/tlog/src/index.ts'
import { bytes, readVectors, verdict } from './vectors.ts'

interface Vector {
  readonly leafIdx: number
  readonly treeSize: number
  readonly start: number
  readonly end: number
  readonly size: number
  readonly size1: number
  readonly size2: number
  readonly leafHash: string | null
  readonly root: string | null
  readonly root1: string | null
  readonly root2: string | null
  readonly proof: readonly (string | null)[] | null
  readonly desc: string
  readonly wantErr: boolean
}

const crypto = createNodeCrypto()
const folder = process.env['TRUSTHEALTH_MERKLE_VECTORS']
const skip = folder === undefined ? 'set TRUSTHEALTH_MERKLE_VECTORS to run the upstream vectors' : false

function vectorsOf(kind: string): Vector[] {
  const files = readdirSync(join(folder ?? '', kind), { recursive: true, encoding: 'utf8' })
  const paths = files.filter((file) => file.endsWith('.json')).map((file) => join(folder ?? '', kind, file))
  assert.ok(paths.length > 0, `no vectors in ${kind}`)
  return paths.map((path) => readVectors<Vector>(pathToFileURL(path)))
}

function list(hashes: Vector['proof']): Uint8Array[] {
  return (hashes ?? []).map((hash) => bytes(hash ?? ''))
}

function included(vector: Vector, size: number): boolean {
  const { leafHash, leafIdx, proof, root } = vector
  return verdict(() => {
    verifyInclusion(crypto, bytes(leafHash ?? ''), leafIdx, size, list(proof), bytes(root ?? ''))
  })
}

/** Their library takes roots of any length; we refuse what is not 32 bytes, whatever else holds. */
function expected({ root1, root2, wantErr }: Vector): boolean {
  return !wantErr && [root1, root2].every((root) => bytes(root ?? '').length === 32)
}

function grown(vector: Vector, from: number, to: number): boolean {
  const { root1, root2, proof } = vector
  return verdict(() => {
    verifyConsistency(crypto, from, to, bytes(root1 ?? ''), bytes(root2 ?? ''), list(proof))
  })
}

test('inclusion', { skip }, () => {
  for (const vector of vectorsOf('inclusion'))
    assert.equal(included(vector, vector.treeSize), !vector.wantErr, vector.desc)
})

test('consistency', { skip }, () => {
  for (const vector of vectorsOf('consistency')) {
    assert.equal(grown(vector, vector.size1, vector.size2), expected(vector), vector.desc)
  }
})

test('inclusion in subtrees that start at leaf 0', { skip }, () => {
  for (const vector of vectorsOf('subtreeinclusion').filter(({ start }) => start === 0)) {
    assert.equal(included(vector, vector.end), !vector.wantErr, vector.desc)
  }
})

test('consistency of subtrees that start at leaf 0', { skip }, () => {
  // An empty subtree is consistent with every log there; we call size 0 meaningless, as their consistency proofs do.
  for (const vector of vectorsOf('subtreeconsistency').filter(({ start, end }) => start === 0 && end > 0)) {
    assert.equal(grown(vector, vector.end, vector.size), expected(vector), vector.desc)
  }
})
