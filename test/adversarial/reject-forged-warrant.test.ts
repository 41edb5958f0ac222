/**
 * A permission that the patient did not sign opens nothing: not at the record server, not on the ledger, whoever signed
 * it instead. Threat model T3; docs/protocol/03 §3.3, 04 §4.3.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { issueWarrant, makeWarrantRecord, newId, type Warrant } from '../../shared/protocol/src/index.ts'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

function terms(): Warrant {
  const { world, bob, alice } = scene
  const nowS = Math.floor(world.clock.nowMs() / 1000)
  return {
    jti: newId(world.crypto, 'w'),
    iss: bob.ref,
    doctors: [alice.ref],
    hospital: world.hospitalRef('a'),
    nbf: nowS - 60,
    exp: nowS + 86_400,
    scope: ['*'],
    aux: '',
  }
}

const SIGNERS = {
  'the doctor': async () => (await scene.world.keysOf('alice')).keys.signingKey,
  'the administrator of the hospital': () => Promise.resolve(scene.world.organization('a').admin.signingKey),
  'another patient': async () => {
    await scene.world.patient('eve')
    return (await scene.world.keysOf('eve')).keys.signingKey
  },
  'a key that nobody knows': () => Promise.resolve(scene.world.crypto.generateSigningKey()),
}

for (const [who, keyOf] of Object.entries(SIGNERS)) {
  test(`a permission signed by ${who} is refused by the record server and by the ledger`, async () => {
    const { world, bob, alice } = scene
    const { crypto } = world
    const key = await keyOf()
    const warrant = issueWarrant(crypto, key, terms())
    const ehr = labResult(30, world.canary())
    await assert.rejects(alice.store({ patient: bob.ref, warrant, ehr }), refusedWith('WARRANT_SIGNATURE_INVALID'))
    await assert.rejects(alice.presentWarrant(warrant), refusedWith('WARRANT_SIGNATURE_INVALID'))
    const recording = makeWarrantRecord(crypto, key, warrant)
    const call = { fn: 'recordWarrant', args: [recording] }
    await assert.rejects(
      submitCall(world.ledger.ledger, world.organization('a').admin, call),
      refusedWith('WARRANT_SIGNATURE_INVALID', 'LEDGER_FORBIDDEN'),
    )
    assert.equal((await bob.records()).items.length, 1)
  })
}

test('a real permission with one character changed is refused', async () => {
  const { world, bob, alice, warrant } = scene
  const [header = '', payload = '', signature = ''] = warrant.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Warrant
  for (const changed of [
    { ...claims, exp: claims.exp + 86_400 },
    { ...claims, doctors: [(await world.doctor('wei')).ref] },
    { ...claims, scope: ['lab'] },
  ]) {
    const altered = [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
    const store = alice.store({ patient: bob.ref, warrant: altered, ehr: labResult(30) })
    await assert.rejects(store, refusedWith('WARRANT_SIGNATURE_INVALID'))
  }
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
