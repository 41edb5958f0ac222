/** A doctor asks a patient again for the permission: once an hour, of own appointments that are not over. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AppointmentEntry, DoctorClient, PatientClient } from '../../clients/sdk/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'
import { REMIND_EVERY_MS, SLOT_MS } from './appointments.ts'

let world: TestWorld
let bob: PatientClient
let alice: DoctorClient
let booked: AppointmentEntry
const rejects = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error: { readonly code?: string }) => error.code === code)
const seenByPatient = async () => (await bob.appointments()).map(({ remindedMs }) => remindedMs)

before(async () => {
  world = await openTestWorld()
  bob = await world.patient('bob')
  alice = await world.doctor('alice')
  const wish = { patient: bob.ref, department: 'General', fromMs: world.clock.nowMs(), symptoms: '', aux: '' }
  booked = await world.hospital('a').assign({ ...wish, doctors: [alice.ref] })
})
after(() => world.close())

test('the patient sees when; a second time within the hour changes nothing', async () => {
  assert.deepEqual([booked.remindedMs, await seenByPatient()], [undefined, [undefined]])
  const { remindedMs } = await alice.remind(booked.appointmentId)
  assert.ok(remindedMs !== undefined && Math.abs(remindedMs - world.clock.nowMs()) < REMIND_EVERY_MS / 2)
  assert.deepEqual(await seenByPatient(), [remindedMs])
  world.clock.advanceMs(REMIND_EVERY_MS / 2)
  assert.equal((await alice.remind(booked.appointmentId)).remindedMs, remindedMs)
  assert.deepEqual(
    (await alice.appointments()).map((one) => one.remindedMs),
    [remindedMs],
  )
})

test('nobody else asks for the doctor, and nobody about a visit that is over', async () => {
  const chen = await world.doctor('chen')
  await rejects(chen.remind(booked.appointmentId), 'APPOINTMENT_UNKNOWN')
  const { hospital } = bob.options
  await rejects(hospital.remind(bob.requestSigner, booked.appointmentId), 'TEE_FORBIDDEN')
  await rejects(hospital.remind(world.hospital('a').requestSigner, booked.appointmentId), 'TEE_FORBIDDEN')
  const seen = await seenByPatient()
  world.clock.advanceMs(REMIND_EVERY_MS + 2 * SLOT_MS)
  await rejects(alice.remind(booked.appointmentId), 'APPOINTMENT_UNKNOWN')
  assert.deepEqual(await seenByPatient(), seen)
})
