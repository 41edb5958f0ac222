/**
 * Whom an organisation suspended, and whom a report flags, gets nothing from then on, with every key and permission
 * that is still at hand: doctors, patients, grantees, servers. docs/protocol/07 §7.2, 08 §8.1, §8.6.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { batchSigningInput } from '../../shared/protocol/src/index.ts'
import {
  certify,
  doctorClient,
  handmadeUpload,
  labResult,
  openScene,
  refusedWith,
  storeEnvelope,
  type Scene,
} from '../../testkit/src/world/index.ts'

/** Facts of organisations may be this old (§8.6). */
const ORGANIZATION_FACTS_MS = 5_000
let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

const suspend = (ref: string, by: 'a' | 'b' = 'a') => scene.world.submitAsAdmin(by, 'suspendParticipant', [ref, 'left'])
const reinstate = (ref: string, by: 'a' | 'b' = 'a') =>
  scene.world.submitAsAdmin(by, 'reinstateParticipant', [ref, 'back'])

/** A doctor with an open session and a permission. */
async function permitted(name: string): Promise<{ readonly doctor: DoctorClient; readonly warrant: string }> {
  const { world, bob, stored } = scene
  const doctor = await world.doctor(name)
  const { warrant } = await world.permit(bob, [doctor])
  await doctor.read(stored.recordId)
  return { doctor, warrant }
}

test('a suspended doctor reads and writes nothing, in the session that is open and in a new one', async () => {
  const { world, bob, stored } = scene
  const { doctor, warrant } = await permitted('wei')
  const { envelope } = await handmadeUpload(doctor, { patient: bob.ref, warrant, ehr: labResult(1) })
  await suspend(doctor.ref)
  await assert.rejects(doctor.read(stored.recordId), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(doctor.list(bob.ref), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(storeEnvelope(doctor, envelope), refusedWith('PARTICIPANT_SUSPENDED'))
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  const { identity } = await world.keysOf('wei')
  await assert.rejects(doctorClient(world, identity).list(bob.ref), refusedWith('CREDENTIAL_REJECTED'))
  await reinstate(doctor.ref)
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  await doctor.read(stored.recordId)
})

test('a suspended doctor reads nothing by emergency access, at the very next request, and opens none', async () => {
  const { world, bob, stored } = scene
  const doctor = await world.doctor('er', { emergency: true })
  const opened = await doctor.openEmergency(bob.ref, 'unconscious', 'brought in unconscious')
  await doctor.read(stored.recordId)
  await suspend(doctor.ref)
  await assert.rejects(doctor.read(stored.recordId), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(doctor.list(bob.ref), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(doctor.search({ patient: bob.ref, text: 'HbA1c' }), refusedWith('PARTICIPANT_SUSPENDED'))
  const opening = doctor.openEmergency(bob.ref, 'unconscious', 'brought in unconscious')
  await assert.rejects(opening, refusedWith('PARTICIPANT_SUSPENDED'))
  await reinstate(doctor.ref)
  await doctor.read(stored.recordId)
  await doctor.closeEmergency(opened.emergency)
})

test('a suspended doctor’s fingerprints are not taken by the ledger', async () => {
  const { world, bob } = scene
  const { doctor, warrant } = await permitted('ada')
  const { commitment } = await doctor.prepare({ patient: bob.ref, warrant, ehr: labResult(2) })
  const signature = await doctor.identity.signer.sign(batchSigningInput(world.crypto, doctor.ref, [commitment]))
  await suspend(doctor.ref)
  const committing = doctor.options.hospital.commit(doctor.requestSigner, signature, [commitment])
  await assert.rejects(committing, refusedWith('PARTICIPANT_SUSPENDED'))
})

test('another organisation cannot suspend, and what is not registered cannot be suspended', async () => {
  const { world, alice } = scene
  await assert.rejects(suspend(alice.ref, 'b'), refusedWith('LEDGER_FORBIDDEN'))
  const { identity } = await certify(world, 'doctor')
  await assert.rejects(suspend(identity.ref), refusedWith('PARTICIPANT_UNKNOWN'))
})

test('a suspended patient gives nothing and sees nothing, but takes back', async () => {
  const { world } = scene
  const eve = await world.patient('eve')
  const { doctor } = await permitted('ada-2')
  const { jti } = await world.permit(eve, [doctor])
  await eve.records()
  await suspend(eve.ref)
  await assert.rejects(eve.records(), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(world.permit(eve, [doctor]), refusedWith('PARTICIPANT_SUSPENDED'))
  const untilMs = world.clock.nowMs() + 3_600_000
  const giving = eve.giveAccess({ grantee: doctor.ref, scope: ['*'], untilMs })
  await assert.rejects(giving, refusedWith('PARTICIPANT_SUSPENDED'))
  await eve.revokeWarrant(jti)
  await reinstate(eve.ref)
  await eve.records()
})

test('access that was given to somebody whom a report flags rests until the organisation lifts it', async () => {
  const { world, bob, stored } = scene
  const omar = await world.doctor('omar', { hospital: 'b' })
  const untilMs = world.clock.nowMs() + 3_600_000
  await bob.giveAccess({ grantee: omar.ref, scope: ['*'], untilMs })
  await omar.read(stored.recordId)
  const hospital = await certify(world, 'hospital', { registered: true })
  const report = JSON.stringify({ subject: omar.ref, code: 'excessive-access', evidence: ['ab'.repeat(32)] })
  await submitCall(world.ledger.ledger, hospital.ledger, { fn: 'reportMisuse', args: [report] })
  await assert.rejects(omar.read(stored.recordId), refusedWith('PARTICIPANT_SUSPENDED'))
  await assert.rejects(omar.search({ patient: bob.ref, text: 'HbA1c' }), refusedWith('PARTICIPANT_SUSPENDED'))
  await reinstate(omar.ref, 'b')
  await omar.read(stored.recordId)
})

test('a doctor reports nobody; a report about nobody is refused', async () => {
  const { world, alice } = scene
  const doctor = await certify(world, 'doctor', { registered: true })
  const hospital = await certify(world, 'hospital', { registered: true })
  const about = (subject: string) => JSON.stringify({ subject, code: 'other', evidence: [] })
  const report = (by: typeof doctor, subject: string) =>
    submitCall(world.ledger.ledger, by.ledger, { fn: 'reportMisuse', args: [about(subject)] })
  await assert.rejects(report(doctor, alice.ref), refusedWith('LEDGER_FORBIDDEN'))
  const { identity } = await certify(world, 'doctor')
  await assert.rejects(report(hospital, identity.ref), refusedWith('PARTICIPANT_UNKNOWN'))
})

test('a client sends nothing to a server that its organisation suspended', async () => {
  const { world } = scene
  await suspend(world.serverRef)
  const { identity } = await world.keysOf('alice')
  await assert.rejects(doctorClient(world, identity).session.request('ping'), refusedWith('PARTICIPANT_SUSPENDED'))
  await reinstate(world.serverRef)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
