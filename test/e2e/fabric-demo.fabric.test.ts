/**
 * `trusthealth demo --ledger fabric`: the demo on a temporary network, with the attacks of whoever has a machine of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { ensureApplication } from '../../tools/bundle-ta.ts'
import { playDemo } from './played-demo.ts'

before(async () => {
  await ensureApplication()
})

test('every step ends as promised, lies of peers and a killed orderer included, and nothing stays behind', () => {
  const { proofs } = playDemo('--ledger', 'fabric')
  for (const noticed of [
    'ENDORSEMENT_NONCE',
    'ENDORSEMENT_DISAGREEMENT',
    'LEDGER_BLOCK_INVALID',
    'STATE_ROLLED_BACK',
  ]) {
    assert.ok(proofs.includes(noticed), noticed)
  }
  assert.match(proofs, /orderer\d is gone; stored and on the ledger/)
})
