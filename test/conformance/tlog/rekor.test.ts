import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  formatNote,
  formatVerifierKey,
  leafHash,
  openCheckpoint,
  parseNote,
  parseVerifierKey,
  verifyInclusion,
  verifyNote,
} from '../../../shared/tlog/src/index.ts'
import { bytes, readVectors } from './vectors.ts'

interface Vectors {
  readonly inclusion: {
    readonly key: string
    readonly body: string
    readonly index: number
    readonly size: number
    readonly root: string
    readonly hashes: readonly string[]
    readonly checkpoint: string
  }
  readonly notes: readonly { readonly verifierKey: string; readonly note: string }[]
}

const crypto = createNodeCrypto()
const { inclusion, notes } = readVectors<Vectors>(new URL('rekor.json', import.meta.url))
const ORIGIN = 'rekor.sigstore.dev - 2605736670972794746'

function rekorKey(): ReturnType<typeof parseVerifierKey> {
  return { name: 'rekor.sigstore.dev', key: crypto.importVerifyingKey(bytes(inclusion.key).slice(-65)) }
}

test('an entry of Rekor is proven in the log that its signed checkpoint names', () => {
  const { checkpoint } = openCheckpoint(crypto, inclusion.checkpoint, ORIGIN, [rekorKey()])
  assert.equal(checkpoint.size, inclusion.size)
  assert.deepEqual(checkpoint.root, bytes(inclusion.root))
  assert.deepEqual(checkpoint.extensions, ['Timestamp: 1692374735595899989'])
  const leaf = leafHash(crypto, bytes(inclusion.body))
  const proof = inclusion.hashes.map(bytes)
  verifyInclusion(crypto, leaf, inclusion.index, checkpoint.size, proof, checkpoint.root)
  const wrong = leafHash(crypto, bytes(inclusion.body).slice(1))
  assert.throws(() => verifyInclusion(crypto, wrong, inclusion.index, checkpoint.size, proof, checkpoint.root), {
    code: 'LOG_PROOF_INVALID',
  })
})

test('a Rekor checkpoint with another time is refused', () => {
  const changed = inclusion.checkpoint.replace('1692374735595899989', '1692374735595899980')
  assert.throws(() => openCheckpoint(crypto, changed, ORIGIN, [rekorKey()]), { code: 'LOG_SIGNATURE_INVALID' })
})

test('notes signed with ECDSA by other logs open with their verifier keys', () => {
  assert.equal(notes.length, 2)
  for (const { verifierKey, note } of notes) {
    const key = parseVerifierKey(crypto, verifierKey)
    assert.equal(formatVerifierKey(crypto, key), verifierKey)
    const parsed = parseNote(note)
    assert.deepEqual(verifyNote(crypto, parsed, [key]), [key])
    assert.equal(formatNote(parsed), note)
    const renamed = { ...key, name: 'bananas.sigstore.dev' }
    assert.throws(() => verifyNote(crypto, parsed, [renamed]), { code: 'LOG_SIGNATURE_MISSING' })
    const changed = { ...parsed, text: parsed.text.replace('\n', '\n1') }
    assert.throws(() => verifyNote(crypto, changed, [key]), { code: 'LOG_SIGNATURE_INVALID' })
  }
})

test('verifier keys with another key id, type or key are refused', () => {
  const [name, id, material] = notes[0]!.verifierKey
    .split('+', 2)
    .concat(notes[0]!.verifierKey.split('+').slice(2).join('+'))
  for (const text of [
    `${name}+00000000+${material}`,
    `${name}+NOT_A_NUMBER+${material}`,
    `${name}+${id}+THIS_IS_NOT_BASE64!`,
    `${name}+${id}+AwEB`,
    `${name}+${id}`,
    `${name}+${id?.toUpperCase()}+${material}`,
  ]) {
    assert.throws(() => parseVerifierKey(crypto, text), { code: 'LOG_KEY_MALFORMED' })
  }
})
