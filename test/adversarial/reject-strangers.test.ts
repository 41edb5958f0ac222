/**
 * Who is not registered, not named by the permission, or of another kind gets nothing, whatever keys and certificates
 * are at hand. docs/protocol/02 §2.1 to §2.2, 04 §4.3, 05 §5.6, 08 §8.1, §8.5.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createKeys, Participant, PatientClient, prepareRecord } from '../../clients/sdk/src/index.ts'
import { createCertificateAuthority } from '../../hospital/src/certificate-authority.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { issueCredential, newRecordId } from '../../shared/protocol/src/index.ts'
import {
  certify,
  doctorClient,
  handmadeOptions,
  labResult,
  openScene,
  refusedWith,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

test('a doctor with a certificate whom nobody put on the ledger opens no session', async () => {
  const { identity } = await certify(scene.world, 'doctor')
  await assert.rejects(doctorClient(scene.world, identity).list(scene.bob.ref), refusedWith('CREDENTIAL_REJECTED'))
})

test('a certificate of an authority that only looks like the hospital’s opens no session', async () => {
  const { world, alice, bob } = scene
  const { crypto, clock } = world
  const { mspId } = world.organization('a')
  const authority = await createCertificateAuthority({ crypto, mspId, nowMs: () => clock.nowMs() })
  const { identity } = await certify(world, 'doctor', { authority, ref: alice.ref })
  await assert.rejects(doctorClient(world, identity).list(bob.ref), refusedWith('CREDENTIAL_REJECTED'))
})

test('the real certificate of somebody else, without its key, opens no session', async () => {
  const { world, alice, bob } = scene
  const { signer } = (await certify(world, 'doctor')).identity
  const thief = doctorClient(world, { ...alice.identity, signer })
  await assert.rejects(thief.list(bob.ref), refusedWith('SESSION_CLIENT_SIGNATURE'))
})

test('a doctor who says to be another one opens no session', async () => {
  const { world, alice, bob } = scene
  await world.doctor('wei')
  const { identity } = await world.keysOf('wei')
  const liar = doctorClient(world, { ...identity, ref: alice.ref })
  await assert.rejects(liar.list(bob.ref), refusedWith('CREDENTIAL_REJECTED'))
})

test('a doctor whom the permission does not name gets no key, and with a stolen key still nothing', async () => {
  const { world, alice, bob, warrant, stored } = scene
  const mallory = await world.doctor('mallory')
  await assert.rejects(mallory.keyring.newest(bob.ref), refusedWith('ACCESS_DENIED'))
  await assert.rejects(mallory.read(stored.recordId), refusedWith('ACCESS_DENIED'))
  await assert.rejects(mallory.list(bob.ref), refusedWith('ACCESS_DENIED'))
  await assert.rejects(mallory.presentWarrant(warrant), refusedWith('WARRANT_PARTY_MISMATCH'))
  const stolen = await alice.keyring.newest(bob.ref)
  const record = { patient: bob.ref, warrant, ehr: labResult(1, world.canary()) }
  const { envelope } = prepareRecord(world.crypto, stolen, mallory.ref, record, world.clock.nowMs())
  const storing = mallory.session.request('record.store', { envelope, kind: 'record' })
  await assert.rejects(storing, refusedWith('WARRANT_PARTY_MISMATCH'))
})

test('a doctor of another hospital does not write under a permission for this one, though it names the doctor', async () => {
  const { world, alice, bob } = scene
  const omar = await world.doctor('omar', { hospital: 'b' })
  const { warrant } = await world.permit(bob, [alice, omar])
  const key = await alice.keyring.newest(bob.ref)
  const record = { patient: bob.ref, warrant, ehr: labResult(2) }
  const { envelope } = prepareRecord(world.crypto, key, omar.ref, record, world.clock.nowMs())
  const storing = omar.session.request('record.store', { envelope, kind: 'record' })
  await assert.rejects(storing, refusedWith('WARRANT_PARTY_MISMATCH'))
})

test('a patient sees nobody else; a record that is not there answers like one of somebody else', async () => {
  const { world, bob, stored } = scene
  const eve = await world.patient('eve')
  await assert.rejects(eve.read(stored.recordId), refusedWith('ACCESS_DENIED'))
  const nowhere = newRecordId(world.crypto, world.clock.nowMs())
  await assert.rejects(eve.read(nowhere), refusedWith('ACCESS_DENIED'))
  await assert.rejects(eve.list(bob.ref), refusedWith('ACCESS_DENIED'))
  await assert.rejects(eve.accessLog(bob.ref), refusedWith('ACCESS_DENIED'))
  await assert.rejects(eve.erase(stored.recordId, new Uint8Array(32)), refusedWith('ACCESS_DENIED'))
})

test('another hospital sees nothing, and gives itself no patient', async () => {
  const { world, bob, stored } = scene
  const other = world.hospital('b')
  await assert.rejects(other.read(stored.recordId), refusedWith('ACCESS_DENIED'))
  await assert.rejects(other.accessLog(bob.ref), refusedWith('ACCESS_DENIED'))
  const ptk = world.crypto.randomBytes(32)
  await assert.rejects(other.provisionPatient(bob.ref, 2, ptk, 'x'), refusedWith('ACCESS_DENIED'))
  await assert.rejects(other.rekeyPatient(bob.ref, 2, ptk), refusedWith('ACCESS_DENIED'))
})

test('kinds of participants keep to their commands', async () => {
  const { world, bob, alice, stored } = scene
  const { identity } = await certify(world, 'auditor', { registered: true })
  const auditor = new Participant(handmadeOptions(world, identity))
  await auditor.checkpoint()
  await assert.rejects(auditor.read(stored.recordId), refusedWith('TEE_FORBIDDEN'))
  const envelope = new Uint8Array(8)
  await assert.rejects(bob.session.request('record.store', { envelope }), refusedWith('TEE_FORBIDDEN'))
  const ptk = world.crypto.randomBytes(32)
  const provision = alice.session.request('patient.provision', { patient: bob.ref, version: 2, ptk })
  await assert.rejects(provision, refusedWith('TEE_FORBIDDEN'))
  await assert.rejects(
    alice.session.request('record.erase', { record: stored.recordId, confirm: ptk }),
    refusedWith('TEE_FORBIDDEN'),
  )
  await assert.rejects(alice.session.request('record.dump'), refusedWith('TEE_UNKNOWN_COMMAND'))
})

test('a credential that another hospital signs for the patient opens nothing', async () => {
  assert.equal(await outcomeOfCredential('b'), 'CREDENTIAL_REJECTED')
})

test('a credential that the own hospital signs for a key that the ledger does not have opens nothing', async () => {
  assert.equal(await outcomeOfCredential('a'), 'CREDENTIAL_REJECTED')
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})

/** What a hospital gets that makes itself a credential in Bob's name. */
async function outcomeOfCredential(hospital: 'a' | 'b'): Promise<unknown> {
  const { world, bob } = scene
  const { crypto, clock } = world
  const keys = createKeys(crypto)
  const service = await certify(world, 'hospital', { hospital, registered: true })
  if (service.identity.credential.kind !== 'x509') throw new TypeError('a hospital has a certificate')
  const nowS = Math.floor(clock.nowMs() / 1000)
  const jws = issueCredential(crypto, service.keys.signingKey, service.identity.credential.chain, {
    iss: world.hospitalRef(hospital),
    sub: bob.ref,
    publicKey: encodeBase64url(keys.signingKey.publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    iat: nowS,
    exp: nowS + 3_600,
  })
  const { signer } = (await certify(world, 'doctor', { keys })).identity
  const identity = { ...bob.identity, signer, sealKey: keys.sealKey, credential: { kind: 'patient', jws } } as const
  const impostor = new PatientClient(handmadeOptions(world, identity))
  try {
    return (await impostor.records()).items.length
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
