import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { encodeBase64url, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { newRef } from '../../../shared/protocol/src/index.ts'
import {
  addSignature,
  consistencyProof,
  leafHash,
  logOrigin,
  merkleRoot,
  parseNote,
  signCheckpoint,
  verifyCosignature,
} from '../../../shared/tlog/src/index.ts'
import { Witness, WitnessSizeError } from './witness.ts'
import { WitnessMemory } from './witness-memory.ts'

const crypto = createNodeCrypto()
const server = { ref: newRef(crypto, 's'), key: crypto.generateSigningKey() }
const hospital = { ref: newRef(crypto, 'h'), key: crypto.generateSigningKey() }
const NOW_MS = 1_790_000_000_000

/** A log of so many entries; `other` has another last one. */
const leavesOf = (size: number, other = '') =>
  Array.from({ length: size }, (_, i) => leafHash(crypto, encodeUtf8(`${i}${i === size - 1 ? other : ''}`)))
const noteOf = (leaves: readonly Uint8Array[], key = server.key) =>
  signCheckpoint(crypto, key, {
    origin: logOrigin(server.ref),
    size: leaves.length,
    root: merkleRoot(crypto, leaves),
    extensions: [],
  })

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'witness-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function openWitness(folder: string): Witness {
  return new Witness({
    crypto,
    name: hospital.ref,
    key: hospital.key,
    memory: new WitnessMemory(folder),
    nowMs: () => NOW_MS,
    findServer: (ref) =>
      Promise.resolve(
        ref === server.ref ? { publicKey: encodeBase64url(server.key.publicKey), earlierKeys: [] } : undefined,
      ),
  })
}

function proofBetween(leaves: readonly Uint8Array[], from: number): Uint8Array[] {
  const node = (level: number, index: number): Uint8Array =>
    merkleRoot(crypto, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  return consistencyProof(crypto, node, from, leaves.length)
}

test('a log that only grows is cosigned each time, and the line verifies', async (t) => {
  const witness = openWitness(folderOf(t))
  const leaves = leavesOf(9)
  let oldSize = 0
  for (const size of [3, 4, 4, 9]) {
    const part = leaves.slice(0, size)
    const checkpoint = noteOf(part)
    const proof = oldSize === 0 || oldSize === size ? [] : proofBetween(part, oldSize)
    const line = await witness.add({ oldSize, proof, checkpoint })
    const found = verifyCosignature(crypto, addSignature(parseNote(checkpoint), line), {
      name: hospital.ref,
      key: crypto.importVerifyingKey(hospital.key.publicKey),
    })
    assert.equal(found?.timeMs, NOW_MS)
    oldSize = size
  }
})

test('another witness on the same folder remembers: what was cosigned is not forgotten by a restart', async (t) => {
  const folder = folderOf(t)
  const leaves = leavesOf(5)
  await openWitness(folder).add({ oldSize: 0, proof: [], checkpoint: noteOf(leaves) })
  const again = openWitness(folder)
  assert.equal(again.remembered(server.ref).size, 5)
  await assert.rejects(
    again.add({ oldSize: 0, proof: [], checkpoint: noteOf(leavesOf(6, 'x')) }),
    (error) => error instanceof WitnessSizeError && error.code === 'WITNESS_SIZE' && error.size === 5,
  )
})

test('another root of the same size is refused and kept, whoever brings it', async (t) => {
  const witness = openWitness(folderOf(t))
  const seen = noteOf(leavesOf(5))
  const offered = noteOf(leavesOf(5, 'x'))
  await witness.add({ oldSize: 0, proof: [], checkpoint: seen })
  for (let i = 0; i < 2; i++) {
    await assert.rejects(witness.add({ oldSize: 5, proof: [], checkpoint: offered }), { code: 'CHECKPOINT_FORKED' })
  }
  const { conflicts, note } = witness.remembered(server.ref)
  assert.deepEqual(conflicts, [{ timeMs: NOW_MS, code: 'CHECKPOINT_FORKED', seen, offered }])
  assert.equal(note, seen)
})

test('a larger log that does not continue is refused; it is kept only where the server itself gave the proof', async (t) => {
  const witness = openWitness(folderOf(t))
  const forked = [...leavesOf(5, 'x'), ...leavesOf(8).slice(5)]
  await witness.add({ oldSize: 0, proof: [], checkpoint: noteOf(leavesOf(5)) })
  const request = { oldSize: 5, proof: proofBetween(forked, 5), checkpoint: noteOf(forked) }
  await assert.rejects(witness.add(request), { code: 'LOG_NOT_CONSISTENT' })
  assert.equal(witness.remembered(server.ref).conflicts.length, 0)
  await assert.rejects(witness.add(request, { isFetched: true }), { code: 'LOG_NOT_CONSISTENT' })
  await assert.rejects(witness.add({ ...request, proof: [] }, { isFetched: true }), { code: 'LOG_PROOF_INVALID' })
  assert.equal(witness.remembered(server.ref).conflicts.length, 1)
  assert.equal(witness.remembered(server.ref).size, 5)
})

test('a smaller log, a foreign key, an unknown server and a proof of nothing are refused', async (t) => {
  const witness = openWitness(folderOf(t))
  const small = noteOf(leavesOf(3))
  await assert.rejects(witness.add({ oldSize: 0, proof: [new Uint8Array(32)], checkpoint: small }), {
    code: 'LOG_PROOF_INVALID',
  })
  await witness.add({ oldSize: 0, proof: [], checkpoint: noteOf(leavesOf(5)) })
  await assert.rejects(witness.add({ oldSize: 5, proof: [], checkpoint: small }), { code: 'LOG_SIZE_INVALID' })
  const foreign = noteOf(leavesOf(6), crypto.generateSigningKey())
  await assert.rejects(witness.add({ oldSize: 5, proof: [], checkpoint: foreign }), { code: 'LOG_SIGNATURE_MISSING' })
  for (const origin of [logOrigin(newRef(crypto, 's')), 'another/log']) {
    const checkpoint = noteOf(leavesOf(6)).replaceAll(logOrigin(server.ref), origin)
    await assert.rejects(witness.add({ oldSize: 0, proof: [], checkpoint }), { code: 'WITNESS_LOG_UNKNOWN' })
  }
})

test('what the ledger has is compared in both directions', async (t) => {
  const witness = openWitness(folderOf(t))
  const leaves = leavesOf(9)
  const fetchProof = (from: number, to: number) => Promise.resolve(proofBetween(leaves.slice(0, to), from))
  await witness.compare(server.ref, noteOf(leaves.slice(0, 4)), fetchProof)
  assert.equal(witness.remembered(server.ref).size, 4)
  for (const size of [2, 4, 9]) await witness.compare(server.ref, noteOf(leaves.slice(0, size)), fetchProof)
  assert.equal(witness.remembered(server.ref).size, 4)
  await assert.rejects(witness.compare(server.ref, noteOf(leavesOf(3, 'x')), fetchProof), {
    code: 'LOG_NOT_CONSISTENT',
  })
  assert.equal(witness.remembered(server.ref).conflicts.length, 1)
})

test('a witness whose memory is damaged does not sign', async (t) => {
  const folder = folderOf(t)
  await openWitness(folder).add({ oldSize: 0, proof: [], checkpoint: noteOf(leavesOf(5)) })
  const [file = ''] = readdirSync(folder)
  writeFileSync(join(folder, file), '{"v":1,"size":0')
  const request = { oldSize: 0, proof: [], checkpoint: noteOf(leavesOf(5)) }
  await assert.rejects(openWitness(folder).add(request), { code: 'STORE_DAMAGED' })
})
