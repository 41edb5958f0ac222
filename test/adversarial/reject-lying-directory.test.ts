/**
 * A patient of hospital A finds a doctor of hospital B by name and gives her access; whatever B's list lies about, or
 * whoever answers in B's place, nothing is given to anybody whom the ledger does not have as an active doctor of B.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  checkListedDoctor,
  readDirectories,
  type DoctorClient,
  type OtherHospital,
  type PatientClient,
} from '../../clients/sdk/src/index.ts'
import { newRef, type PractitionerRef } from '../../shared/protocol/src/index.ts'
import { certify } from '../../testkit/src/world/by-hand.ts'
import { openDirectoryStandIn, signedList, type DirectoryStandIn } from '../../testkit/src/world/directory-stand-in.ts'
import { labResult } from '../../testkit/src/world/records.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld
let bob: PatientClient
let omar: DoctorClient
let standIn: DirectoryStandIn
const rejects = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error: { readonly code?: string }) => error.code === code)

before(async () => {
  standIn = await openDirectoryStandIn()
  world = await openTestWorld({
    directories: ({ ref, url }) => {
      standIn.behind = url
      return [{ ref, name: 'Hospital B', url: standIn.url }]
    },
  })
  bob = await world.patient('Bob Li')
  omar = await world.doctor('Omar Haddad', { hospital: 'b', department: 'Oncology' })
})
after(async () => {
  await world.close()
  standIn.close()
})
beforeEach(() => {
  standIn.answer = undefined
  // What A keeps has ended.
  world.clock.advanceMs(61_000)
})

async function listed(): Promise<OtherHospital> {
  const { crypto, hospital, ledger } = bob.options
  const [b, ...more] = await readDirectories({ crypto, hospital, ledger }, bob.requestSigner)
  assert.ok(b !== undefined && more.length === 0)
  return b
}

const check = (ref: string) => checkListedDoctor(bob.options.ledger, world.hospitalRef('b'), ref as PractitionerRef)

test('a doctor of another hospital is found by name, checked, and can read what she was given', async () => {
  const { name, practitioners, problem } = await listed()
  assert.deepEqual([name, problem], ['Hospital B', undefined])
  const found = practitioners.find((one) => one.name === 'Omar Haddad')
  assert.deepEqual(found, { ref: omar.ref, name: 'Omar Haddad', department: 'Oncology' })
  assert.equal(await check(omar.ref), 'HospitalB')
  const alice = await world.doctor('Alice Martin')
  const { warrant } = await world.permit(bob, [alice])
  const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: labResult(47) })
  await bob.giveAccess({
    grantee: omar.ref,
    scope: ['*'],
    purpose: 'TREAT',
    untilMs: world.clock.nowMs() + 86_400_000,
  })
  assert.ok((await omar.list(bob.ref)).items.some((item) => item.record === recordId))
})

test('a list that names somebody whom the ledger does not have as an active doctor of B helps nobody', async () => {
  const stranger = newRef(world.crypto, 'd')
  await rejects(check(stranger), 'DIRECTORY_ENTRY_REJECTED')
  const ofA = await world.doctor('Alice Martin')
  await rejects(check(ofA.ref), 'DIRECTORY_ENTRY_REJECTED')
  const auditor = await certify(world, 'auditor', { hospital: 'b', registered: true })
  await rejects(check(auditor.identity.ref), 'DIRECTORY_ENTRY_REJECTED')
  await rejects(check(world.hospitalRef('b')), 'DIRECTORY_ENTRY_REJECTED')
  const left = await certify(world, 'doctor', { hospital: 'b', registered: true })
  assert.equal(await check(left.identity.ref), 'HospitalB')
  await world.submitAsAdmin('b', 'suspendParticipant', [left.identity.ref, 'left'])
  await rejects(check(left.identity.ref), 'DIRECTORY_ENTRY_REJECTED')
  // The hospital that lists is asked for, too.
  await rejects(checkListedDoctor(bob.options.ledger, newRef(world.crypto, 'h'), omar.ref), 'DIRECTORY_ENTRY_REJECTED')
})

test('what B did not sign, or not of itself, is not shown', async () => {
  const doctor = { ref: newRef(world.crypto, 'd'), name: 'Eve', department: '' }
  const ofB = { v: 1, hospital: world.hospitalRef('b'), practitioners: [doctor] }
  const honest = await signedList(world, 'b', ofB)
  for (const body of [
    await signedList(world, 'a', ofB),
    await signedList(world, 'b', { ...ofB, hospital: world.hospitalRef('a') }),
    await signedList(world, 'b', { ...ofB, v: 2 }),
    await signedList(world, 'b', { ...ofB, practitioners: [{ ...doctor, ref: bob.ref }] }),
    honest.replace(/"signature":"../, '"signature":"AA'),
  ]) {
    standIn.answer = { body }
    world.clock.advanceMs(61_000)
    const { practitioners, problem } = await listed()
    assert.deepEqual([practitioners, problem], [[], 'DIRECTORY_REJECTED'])
  }
  // What it signed is shown as its word, and refused when it is to be relied on.
  standIn.answer = { body: honest }
  world.clock.advanceMs(61_000)
  assert.deepEqual((await listed()).practitioners, [doctor])
  await rejects(check(doctor.ref), 'DIRECTORY_ENTRY_REJECTED')
})

test('an answer that is too large, none, or from elsewhere: the page says so, and other hospitals are there', async () => {
  const tooLarge = JSON.stringify({ list: 'A'.repeat(1_600_000), signature: 'A'.repeat(86) })
  for (const [wrong, code] of [
    [{ body: tooLarge }, 'DIRECTORY_REJECTED'],
    [{ body: '<html>' }, 'DIRECTORY_REJECTED'],
    [{ body: new Uint8Array([0xff, 0xfe]) }, 'DIRECTORY_REJECTED'],
    [{ status: 404, body: '' }, 'DIRECTORY_UNAVAILABLE'],
    [{ status: 413, body: '' }, 'DIRECTORY_TOO_LARGE'],
    [{ status: 302, body: '', location: `${standIn.behind}/v1/directory` }, 'DIRECTORY_UNAVAILABLE'],
  ] as const) {
    standIn.answer = wrong
    world.clock.advanceMs(61_000)
    const { practitioners, problem } = await listed()
    assert.deepEqual([practitioners, problem], [[], code])
  }
  standIn.answer = 'away'
  world.clock.advanceMs(61_000)
  assert.equal((await listed()).problem, 'DIRECTORY_UNAVAILABLE')
  // It is there again soon after.
  standIn.answer = undefined
  world.clock.advanceMs(6_000)
  assert.equal((await listed()).problem, undefined)
})

test('however many ask, the other hospital is asked once a minute', async () => {
  const { asked } = standIn
  await Promise.all([listed(), listed(), listed()])
  world.clock.advanceMs(30_000)
  await listed()
  assert.equal(standIn.asked, asked + 1)
})

test('who does not publish shows nothing; only people of the hospital may ask for the lists of others', async () => {
  assert.equal((await fetch(`${world.hospitalUrl('a')}/v1/directory`)).status, 404)
  assert.equal((await fetch(`${world.hospitalUrl('a')}/v1/directories`)).status, 401)
  const sam = await certify(world, 'auditor', { registered: true })
  const { ref, signer } = sam.identity
  await rejects(bob.options.hospital.directories({ ref, signer }), 'TEE_FORBIDDEN')
})
