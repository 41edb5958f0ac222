/**
 * What was erased comes back for nobody, and a treatment key that was replaced writes nothing new; who may erase and
 * replace. docs/protocol/04 §4.3, §4.7, 02 §2.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { createKeys, sealOf } from '../../clients/sdk/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { deriveTreatmentKey, encodeRecordUpload, kidOf, sealEnvelope } from '../../shared/protocol/src/index.ts'
import {
  certify,
  handmadeUpload,
  labResult,
  openScene,
  refusedWith,
  storeEnvelope,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

test('only the patient erases, and only who has seen the newest version', async () => {
  const { world, bob, alice, stored } = scene
  const { recordId } = stored
  const { commitment } = await bob.read(recordId)
  await assert.rejects(bob.erase(recordId, new Uint8Array(32)), refusedWith('RECORD_HASH_MISMATCH'))
  const erase = { record: recordId, confirm: commitment.ehrHash }
  for (const other of [alice, world.hospital('a')]) {
    await assert.rejects(other.session.request('record.erase', erase), refusedWith('TEE_FORBIDDEN'))
  }
  await bob.read(recordId)
})

test('an erased record is gone for everybody, and its id takes nothing new', async () => {
  const { world, bob, alice, warrant, stored } = scene
  const { recordId } = stored
  const { commitment } = await bob.read(recordId)
  assert.equal(await bob.findErased(recordId), undefined, 'it is there')
  await bob.erase(recordId, commitment.ehrHash)
  for (const reader of [bob, alice, world.hospital('a')]) {
    await assert.rejects(reader.read(recordId), refusedWith('RECORD_ERASED'))
  }
  for (const reader of [bob, alice, world.hospital('a')]) {
    const erased = await reader.findErased(recordId)
    assert.ok(erased !== undefined)
    assert.equal(sealOf(erased, { date: () => 'today', time: String }).state, 'erased')
  }
  await assert.rejects(bob.read(recordId, { version: 1 }), refusedWith('RECORD_ERASED'))
  await assert.rejects(bob.erase(recordId, commitment.ehrHash), refusedWith('RECORD_ERASED'))
  assert.equal((await bob.search({ patient: bob.ref, text: 'HbA1c' })).items.length, 0)
  const record = { patient: bob.ref, warrant, ehr: labResult(2) }
  const again = await handmadeUpload(alice, record, { recordId })
  await assert.rejects(storeEnvelope(alice, again.envelope), refusedWith('RECORD_ERASED'))
  const next = await handmadeUpload(alice, record, { recordId, version: 2, previous: commitment.ehrHash })
  await assert.rejects(storeEnvelope(alice, next.envelope), refusedWith('RECORD_ERASED'))
})

test('what was erased stays erased after a new start', async () => {
  const { world, bob, stored } = scene
  await world.server.restart()
  await world.server.serving()
  await assert.rejects(bob.read(stored.recordId), refusedWith('RECORD_ERASED'))
})

test('a treatment key is replaced by the next version only, and only by the patient’s hospital', async () => {
  const { world, bob, alice } = scene
  const hospital = world.hospital('a')
  const ptk = world.crypto.randomBytes(32)
  await assert.rejects(hospital.rekeyPatient(bob.ref, 3, ptk), refusedWith('TREATMENT_KEY_VERSION'))
  await assert.rejects(hospital.provisionPatient(bob.ref, 1, ptk, ''), refusedWith('TREATMENT_KEY_VERSION'))
  await assert.rejects(hospital.provisionPatient(bob.ref, 2, ptk, ''), refusedWith('TREATMENT_KEY_VERSION'))
  await assert.rejects(world.hospital('b').rekeyPatient(bob.ref, 2, ptk), refusedWith('ACCESS_DENIED'))
  const byDoctor = alice.session.request('patient.rekey', { patient: bob.ref, version: 2, ptk })
  await assert.rejects(byDoctor, refusedWith('TEE_FORBIDDEN'))
})

test('an old treatment key reads what is old and writes nothing new; an old upload is not stored twice', async () => {
  const { world, bob, alice, warrant } = scene
  const { crypto } = world
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(3, world.canary()) })
  await alice.send(prepared)
  const late = await handmadeUpload(alice, { patient: bob.ref, warrant, ehr: labResult(4) })
  const ptk = crypto.randomBytes(32)
  await world.hospital('a').rekeyPatient(bob.ref, 2, ptk)
  await assert.rejects(storeEnvelope(alice, late.envelope), refusedWith('TREATMENT_KEY_VERSION'))
  await storeEnvelope(alice, prepared.envelope)
  await alice.read(prepared.recordId)
  const unknown = deriveTreatmentKey(crypto, ptk, 3)
  const later = sealEnvelope(crypto, unknown, bob.ref, 'record', encodeRecordUpload(late.upload))
  await assert.rejects(storeEnvelope(alice, later), refusedWith('TREATMENT_KEY_UNKNOWN'))
  assert.equal((await bob.records()).items.length, 2)
})

test('a patient whom the server was never told of', async () => {
  const { world, alice, warrant } = scene
  const unknown = `p-${'ab'.repeat(16)}` as const
  const key = deriveTreatmentKey(world.crypto, world.crypto.randomBytes(32), 1)
  const { upload } = await handmadeUpload(alice, { patient: scene.bob.ref, warrant, ehr: labResult(5) })
  const envelope = sealEnvelope(world.crypto, key, unknown as never, 'record', encodeRecordUpload(upload))
  await assert.rejects(storeEnvelope(alice, envelope), refusedWith('TREATMENT_KEY_UNKNOWN'))
  await assert.rejects(alice.list(unknown as never), refusedWith('ACCESS_DENIED'))
})

test('a patient gets new device keys after an identity check from the own hospital only, with staff of its own', async () => {
  const { world, bob } = scene
  const { crypto } = world
  const keys = createKeys(crypto)
  const { publicKey } = keys.signingKey
  const key = {
    kid: kidOf(crypto, publicKey),
    publicKey: encodeBase64url(publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    label: 'new phone',
    kind: 'device',
    remove: [],
  }
  const stranger = await certify(world, 'hospital', { hospital: 'b', registered: true })
  const staff = await certify(world, 'doctor', { hospital: 'b', registered: true })
  const rekey = (args: readonly string[]) =>
    submitCall(world.ledger.ledger, stranger.ledger, { fn: 'rekeyPatient', args })
  await assert.rejects(rekey([bob.ref, JSON.stringify(key), staff.identity.ref]), refusedWith('LEDGER_FORBIDDEN'))
  const nobody = `p-${'cd'.repeat(16)}`
  await assert.rejects(rekey([nobody, JSON.stringify(key), staff.identity.ref]), refusedWith('PATIENT_NOT_FOUND'))
})

test('after all that everything is as it was', async () => {
  const { records, erased } = await scene.world.verifyEverything()
  assert.deepEqual([records, erased], [2, 1])
})
