/**
 * Emergency access needs the right, a reason and the ledger; it is for one patient, ends by itself, and every one is
 * told. docs/protocol/08 §8.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { newId } from '../../shared/protocol/src/index.ts'
import { certify, doctorClient, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const HOUR_MS = 3_600_000
const WHY = 'found unconscious in the street'
let scene: Scene
let nadia: DoctorClient
before(async () => {
  scene = await openScene({ emergencyMs: HOUR_MS })
  nadia = await scene.world.doctor('nadia', { hospital: 'b', emergency: true })
})
afterEach(() => scene.world.beHonest())
after(() => scene?.world.close())

test('without the right there is none, whoever asks', async () => {
  const { world, bob, stored } = scene
  const omar = await world.doctor('omar', { hospital: 'b' })
  const refusal = refusedWith('EMERGENCY_NOT_ALLOWED')
  await assert.rejects(omar.openEmergency(bob.ref, 'unconscious', WHY), refusal)
  await assert.rejects(omar.read(stored.recordId), refusedWith('ACCESS_DENIED'))
  const open = { patient: bob.ref, reason: 'unconscious', text: WHY }
  await assert.rejects(bob.session.request('emergency.open', open), refusedWith('TEE_FORBIDDEN'))
})

test('a certificate alone that says so is not enough: the ledger must, too', async () => {
  const { world, bob } = scene
  const { identity, certSerial, keys } = await certify(world, 'doctor', { emergency: true })
  const registration = {
    ref: identity.ref,
    kind: 'doctor',
    publicKey: Buffer.from(keys.signingKey.publicKey).toString('base64url'),
    sealKey: Buffer.from(keys.sealKey.publicKey).toString('base64url'),
    certSerial,
    attributes: {},
  }
  await world.submitAsAdmin('a', 'registerParticipant', [JSON.stringify(registration)])
  world.clock.advanceMs(5_000)
  const opening = doctorClient(world, identity).openEmergency(bob.ref, 'unconscious', WHY)
  await assert.rejects(opening, refusedWith('EMERGENCY_NOT_ALLOWED'))
})

test('without a reason there is none', async () => {
  const { bob } = scene
  for (const why of ['', 'urgent', `urgent${' '.repeat(20)}`]) {
    await assert.rejects(nadia.openEmergency(bob.ref, 'other', why), refusedWith('EMERGENCY_NOT_ALLOWED'))
  }
  const open = { patient: bob.ref, reason: 'curious', text: WHY }
  await assert.rejects(nadia.session.request('emergency.open', open), refusedWith('MESSAGE_MALFORMED'))
})

test('without the ledger’s answer it stays closed, and what is open opens nothing', async () => {
  const { world, bob, stored } = scene
  const { emergency } = await nadia.openEmergency(bob.ref, 'unconscious', WHY)
  await nadia.read(stored.recordId)
  world.hooks.effect = (effect, honest) => {
    if (effect.fx !== 'need') honest(effect)
    else void world.server.tee.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
  }
  await assert.rejects(nadia.read(stored.recordId), refusedWith('LEDGER_UNAVAILABLE'))
  await assert.rejects(nadia.openEmergency(bob.ref, 'unconscious', WHY), refusedWith('LEDGER_UNAVAILABLE'))
  world.beHonest()
  await nadia.closeEmergency(emergency)
})

test('it is for one patient, and for the doctor who opened it', async () => {
  const { world, bob, stored } = scene
  const eve = await world.patient('eve')
  const { emergency } = await nadia.openEmergency(eve.ref, 'danger-to-life', WHY)
  await nadia.list(eve.ref)
  await assert.rejects(nadia.read(stored.recordId), refusedWith('EMERGENCY_ENDED'))
  const noor = await world.doctor('noor', { hospital: 'b', emergency: true })
  await assert.rejects(noor.list(eve.ref), refusedWith('ACCESS_DENIED'))
  await assert.rejects(noor.closeEmergency(emergency), refusedWith('ACCESS_DENIED'))
  await assert.rejects(nadia.closeEmergency(newId(world.crypto, 'e')), refusedWith('ACCESS_DENIED'))
  await nadia.closeEmergency(emergency)
  assert.equal((await bob.records()).items.length, 1)
})

test('closed, or after its time, it opens nothing', async () => {
  const { world, bob, stored } = scene
  const { emergency } = await nadia.openEmergency(bob.ref, 'unconscious', WHY)
  await nadia.read(stored.recordId)
  await nadia.closeEmergency(emergency)
  await assert.rejects(nadia.read(stored.recordId), refusedWith('EMERGENCY_ENDED'))
  const { untilMs } = await nadia.openEmergency(bob.ref, 'unconscious', WHY)
  await nadia.read(stored.recordId)
  world.clock.advanceMs(untilMs - world.clock.nowMs())
  await assert.rejects(nadia.read(stored.recordId), refusedWith('EMERGENCY_ENDED'))
  await assert.rejects(nadia.list(bob.ref), refusedWith('EMERGENCY_ENDED'))
})

test('a suspended doctor opens none', async () => {
  const { world, bob } = scene
  await world.submitAsAdmin('b', 'suspendParticipant', [nadia.ref, 'left'])
  world.clock.advanceMs(5_000)
  await assert.rejects(nadia.openEmergency(bob.ref, 'unconscious', WHY), refusedWith('PARTICIPANT_SUSPENDED'))
})

test('the patient was told of each one that was opened, and of none that was not', async () => {
  const { world, bob } = scene
  const told = await bob.emergencies()
  assert.deepEqual(
    told.map(({ doctor, open }) => [doctor, open]),
    Array.from({ length: 3 }, () => [nadia.ref, false]),
  )
  assert.equal(world.server.notices.filter(({ ref }) => ref === bob.ref).length, 3)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
