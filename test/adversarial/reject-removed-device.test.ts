/**
 * A device that the patient removed opens and signs nothing; nobody but the patient adds or removes devices, and none
 * comes back. docs/protocol/02 §2.2, 03 §3.7, 07 §7.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createKeys, PatientClient, signerOf, type Identity, type NewKeys } from '../../clients/sdk/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { issueWarrant, kidOf, issueKeyStatement, newId, type KeyStatement } from '../../shared/protocol/src/index.ts'
import { handmadeOptions, labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

/** Bob's second device, registered by a statement of his first, with its own credential. */
async function addTablet(): Promise<{ readonly keys: NewKeys; readonly client: PatientClient }> {
  const { world, bob } = scene
  const keys = createKeys(world.crypto)
  const { publicKey } = keys.signingKey
  await bob.addKey({ publicKey, sealKey: keys.sealKey.publicKey, label: 'tablet', kind: 'device' })
  const signer = signerOf(world.crypto, keys.signingKey)
  const jws = await bob.options.hospital.renewCredential({ ref: bob.ref, signer })
  const identity: Identity = { ...bob.identity, signer, sealKey: keys.sealKey, credential: { kind: 'patient', jws } }
  const client = new PatientClient(handmadeOptions(world, identity))
  await client.records()
  return { keys, client }
}

function statementOf(keys: NewKeys): KeyStatement {
  const { world, bob } = scene
  const { publicKey } = keys.signingKey
  return {
    jti: newId(world.crypto, 'k'),
    iss: bob.ref,
    action: 'add',
    kid: kidOf(world.crypto, publicKey),
    publicKey: encodeBase64url(publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    label: 'tablet',
    kind: 'device',
    iat: Math.floor(world.clock.nowMs() / 1000),
  }
}

const submit = (fn: string, statement: string) => {
  const { bob } = scene
  return bob.options.hospital.submitStatement(bob.requestSigner, fn, statement)
}

test('a removed device: its open session, its credential, its requests and its signature are refused', async () => {
  const { world, bob, alice } = scene
  const { keys, client } = await addTablet()
  await bob.removeKey(client.identity.signer.kid)
  await assert.rejects(client.records(), refusedWith('CREDENTIAL_REJECTED'))
  const again = new PatientClient(handmadeOptions(world, client.identity))
  await assert.rejects(again.records(), refusedWith('CREDENTIAL_REJECTED'))
  await assert.rejects(again.options.hospital.renewCredential(again.requestSigner), refusedWith('REQUEST_REJECTED'))
  const nowS = Math.floor(world.clock.nowMs() / 1000)
  const warrant = issueWarrant(world.crypto, keys.signingKey, {
    jti: newId(world.crypto, 'w'),
    iss: bob.ref,
    doctors: [alice.ref],
    hospital: world.hospitalRef('a'),
    nbf: nowS,
    exp: nowS + 3_600,
    scope: ['*'],
    aux: '',
  })
  const storing = alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })
  await assert.rejects(storing, refusedWith('WARRANT_SIGNATURE_INVALID'))
})

test('a removed device does not come back, by an old statement or a new one', async () => {
  const { world, bob } = scene
  const { keys } = await addTablet()
  const own = (await world.keysOf('bob')).keys.signingKey
  const kid = kidOf(world.crypto, keys.signingKey.publicKey)
  await bob.removeKey(kid)
  const again = issueKeyStatement(world.crypto, own, statementOf(keys))
  await assert.rejects(submit('addKey', again), refusedWith('KEY_EXISTS'))
})

test('nobody else adds or removes a device: the statement must be of an active key of the patient', async () => {
  const { world, bob } = scene
  const { crypto } = world
  await world.patient('eve')
  const removed = await addTablet()
  await bob.removeKey(removed.client.identity.signer.kid)
  const signers = {
    'another patient': (await world.keysOf('eve')).keys.signingKey,
    'the doctor': (await world.keysOf('alice')).keys.signingKey,
    'a removed device': removed.keys.signingKey,
    'the hospital’s administrator': world.organization('a').admin.signingKey,
  }
  for (const [who, key] of Object.entries(signers)) {
    const added = issueKeyStatement(crypto, key, statementOf(createKeys(crypto)))
    await assert.rejects(submit('addKey', added), refusedWith('KEY_STATEMENT_INVALID'), who)
    const { jti, iss, iat } = statementOf(createKeys(crypto))
    const { kid } = bob.identity.signer
    const gone = issueKeyStatement(crypto, key, { jti, iss, action: 'remove', kid, iat })
    await assert.rejects(submit('removeKey', gone), refusedWith('KEY_STATEMENT_INVALID'), who)
  }
})

test('a statement for one function does not serve for the other, nor one whose key id is of another key', async () => {
  const { world } = scene
  const own = (await world.keysOf('bob')).keys.signingKey
  const adding = issueKeyStatement(world.crypto, own, statementOf(createKeys(world.crypto)))
  await assert.rejects(submit('removeKey', adding), refusedWith('KEY_STATEMENT_INVALID'))
})

test('the last device stays, and one that was never there cannot go', async () => {
  const { world, bob } = scene
  await assert.rejects(bob.removeKey(bob.identity.signer.kid), refusedWith('KEY_LAST'))
  const stranger = kidOf(world.crypto, createKeys(world.crypto).signingKey.publicKey)
  await assert.rejects(bob.removeKey(stranger), refusedWith('KEY_UNKNOWN'))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
