/** What hospitals saw of a log: what is a proof against the server, what is none, and which logs are the same one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { leafHash, logOrigin, merkleRoot, signCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { checkWitnesses, isFork, refusalCode, type WitnessState } from './witnesses.ts'

const crypto = createNodeCrypto()
const origin = logOrigin('s-00000000000000000000000000000000')
const [server, stranger] = [crypto.generateSigningKey(), crypto.generateSigningKey()]
const keys = [{ name: origin, key: crypto.importVerifyingKey(server.publicKey) }]
const note = (key: typeof server, size: number, byte: number) =>
  signCheckpoint(crypto, key, { origin, size, root: new Uint8Array(32).fill(byte), extensions: [] })

test('two roots of one size are a proof only if the log signed both', () => {
  assert.equal(isFork(crypto, origin, keys, { seen: note(server, 9, 1), offered: note(server, 9, 2) }), true)
  assert.equal(isFork(crypto, origin, keys, { seen: note(server, 9, 1), offered: note(server, 9, 1) }), false)
  assert.equal(isFork(crypto, origin, keys, { seen: note(server, 9, 1), offered: note(server, 8, 2) }), false)
  assert.equal(isFork(crypto, origin, keys, { seen: note(server, 9, 1), offered: note(stranger, 9, 2) }), false)
  assert.equal(isFork(crypto, origin, keys, { seen: '', offered: 'anything' }), false)
})

const leaves = [1, 2, 3].map((byte) => leafHash(crypto, new Uint8Array([byte])))
const logOf = (size: number) => ({ origin, size, root: merkleRoot(crypto, leaves.slice(0, size)), extensions: [] })
/** From size 2 to 3: the third leaf, after the tree of the first two (RFC 6962 §2.1.2). */
const fetchConsistency = (from: number, to: number) => {
  assert.deepEqual([from, to], [2, 3])
  return Promise.resolve([leaves[2] as Uint8Array])
}
const state = (change: Partial<WitnessState>): WitnessState => ({
  checkpoint: logOf(3),
  lines: [],
  organizations: 2,
  all: 3,
  majority: 2,
  forks: 0,
  refused: 0,
  ...change,
})

test('the log that hospitals saw continues the one that the ledger has, or the other way round', async () => {
  await checkWitnesses(crypto, state({}), logOf(3), fetchConsistency)
  await checkWitnesses(crypto, state({}), logOf(2), fetchConsistency)
  await checkWitnesses(crypto, state({ checkpoint: logOf(2) }), logOf(3), fetchConsistency)
  await checkWitnesses(crypto, state({}), undefined, fetchConsistency)
})

test('refused: another log, a proof against the server, too few hospitals', async () => {
  const other = { ...logOf(3), root: new Uint8Array(32) }
  const smaller = { ...logOf(2), root: new Uint8Array(32) }
  const check = (change: Partial<WitnessState>, anchored = logOf(3)) =>
    checkWitnesses(crypto, state(change), anchored, fetchConsistency)
  await assert.rejects(check({ checkpoint: other }), { code: 'CHECKPOINT_FORKED' })
  await assert.rejects(check({ checkpoint: smaller }), { code: 'LOG_NOT_CONSISTENT' })
  await assert.rejects(check({ forks: 1 }), { code: 'CHECKPOINT_FORKED' })
  await assert.rejects(check({ organizations: 1 }), { code: 'WITNESS_TOO_FEW' })
})

test('a refusal keeps its code; what is none is an absence', () => {
  assert.equal(refusalCode('{"code":"WITNESS_TOO_FEW"}').code, 'WITNESS_TOO_FEW')
  for (const text of ['', 'null', '{"code":"NO_SUCH_CODE"}', '<html>']) {
    const refusal = refusalCode(text)
    assert.ok(refusal instanceof ClientError && refusal.code === 'SERVER_UNAVAILABLE')
  }
})
