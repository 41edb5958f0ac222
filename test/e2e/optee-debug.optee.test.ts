/**
 * A trusted application that was built for debugging runs in the emulated machine, signed by the right key; its evidence
 * says what it is, and clients do not talk to it (docs/protocol/09-evidence.md §9.2).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { parseEvidence } from '../../shared/protocol/src/index.ts'
import { builtFolder } from '../../tee/optee/src/index.ts'
import { openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'

test('a debug build is refused for being one: ATTESTATION_DEBUG', async () => {
  await using world = await openTestWorld({ tee: opteeTee(undefined, join(builtFolder(), 'ta-debug')) })
  const nonce = createNodeCrypto().randomBytes(32)
  const { evidence } = await world.server.tee.request('attest', { nonce })
  assert.equal(parseEvidence(evidence).payload.debug, true)
  const bob = await world.patient('bob')
  await assert.rejects(bob.list(bob.ref), { code: 'ATTESTATION_DEBUG' })
})
