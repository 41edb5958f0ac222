/**
 * `trusthealth demo --tee optee`: the demo with the record server in an emulated TrustZone, its attacks and two more.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playDemo } from './played-demo.ts'

test('every step ends as promised in TrustZone, attacks on memory and disk included', (t) => {
  const { steps, proofs } = playDemo('--tee', 'optee')
  for (const { title, proof, tookMs } of steps) t.diagnostic(`${Math.round(tookMs / 1000)} s  ${title}: ${proof}`)
  for (const noticed of [
    'ATTESTATION_SIMULATED',
    'ATTESTATION_MEASUREMENT',
    'TEE_MEASUREMENT',
    'STATE_ROLLED_BACK',
    'each a bus error',
    'another device: STORE_DAMAGED',
  ]) {
    assert.ok(proofs.includes(noticed), noticed)
  }
})
