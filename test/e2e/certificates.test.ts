/**
 * Certificates end. What has ended is refused with its code; before that each is renewed while everybody works, and after
 * the old ones' end nothing has stood still. One clock moves for all. docs/protocol/02 §2.9.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { renewServerCertificate } from '../../clients/cli/src/system/record-server-setup.ts'
import {
  DoctorClient,
  identityEndsMs,
  PatientClient,
  RENEW_BEFORE_MS,
  renewIdentity,
} from '../../clients/sdk/src/index.ts'
import { decodeBase64url, parseCertificate } from '../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const DAY_MS = 86_400_000

let scene: Scene
/** When the first certificates end, from the earliest on. */
let firstEndsMs: number
let alice: DoctorClient
let bob: PatientClient

before(async () => {
  scene = await openScene()
  ;({ alice, bob } = scene)
  firstEndsMs = identityEndsMs(scene.world.hospital('a').identity)
})
after(() => scene?.world.close())

function advanceTo(ms: number): void {
  const { clock } = scene.world
  clock.advanceMs(ms - clock.nowMs())
}

async function serverEndsMs(): Promise<number> {
  const { world } = scene
  const text = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
  const { server } = parseResult(text, participantRecordShape)
  assert.ok(server)
  return parseCertificate(decodeBase64url(server.certificate)).notAfterMs
}

function renewServer(): Promise<number | undefined> {
  const { world } = scene
  const operator = { organization: world.organization('a') } as Parameters<typeof renewServerCertificate>[1]['operator']
  return renewServerCertificate(world, { ledger: world.ledger.ledger, operator, serverRef: world.serverRef })
}

/** The same people with what they hold after they asked their hospital. */
async function renewPeople(): Promise<void> {
  const { world } = scene
  const nowMs = world.clock.nowMs()
  const doctor = await renewIdentity(alice.options.hospital, alice.identity, nowMs)
  const patient = await renewIdentity(bob.options.hospital, bob.identity, nowMs)
  alice = new DoctorClient({ ...alice.options, identity: doctor, transport: world.transport() })
  bob = new PatientClient({ ...bob.options, identity: patient, transport: world.transport() })
}

/** What everybody does: each as its certificate allows, and the hospital's service in its own name. */
async function everybodyWorks(): Promise<void> {
  const { world, stored } = scene
  const staff = world.hospital('a')
  const code = await staff.options.hospital.invite(staff.requestSigner, {
    kind: 'patient',
    name: 'Carla Diaz',
    birthDate: '1970-01-01',
    identityCheckedBy: 'front desk',
  })
  assert.ok(code)
  assert.deepEqual((await bob.read(stored.recordId)).recordId, stored.recordId)
  const { warrant } = await world.permit(bob, [alice])
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(48) })
  await alice.list(bob.ref)
  await staff.emergencies()
}

/** Waits for a state, at most a minute. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await isSo()) return
    await sleep(20)
  }
  assert.fail(`${what}: ${scene.world.server.troubles.join(', ')}`)
}

/** A checkpoint of all that is there is on the ledger. */
async function anchorAll(): Promise<void> {
  const { tee } = scene.world.server
  const { logSize } = await tee.request('status', {})
  await tee.request('anchor-now', {})
  await until('anchored', async () => ((await tee.request('status', {})).anchoredSize ?? 0) >= logSize)
}

test('nothing is renewed while there is time', async () => {
  const { world } = scene
  assert.equal(await world.renewCertificates('a'), false)
  assert.equal(await renewServer(), await serverEndsMs())
  assert.equal(await renewIdentity(alice.options.hospital, alice.identity, world.clock.nowMs()), alice.identity)
})

test("a patient's credential ends with the hospital's certificate that it was issued under", () => {
  assert.ok(identityEndsMs(bob.identity) <= firstEndsMs)
})

test('all are renewed under requests, with the same keys, and nothing stops', async () => {
  const { world } = scene
  const keyBefore = alice.identity.signer.publicKey
  // The services first: the hospital's own certificate is renewed before anybody of it asks.
  advanceTo(firstEndsMs - 2 * RENEW_BEFORE_MS + DAY_MS)
  const [renewed] = await Promise.all([
    Promise.all([world.renewCertificates('a'), world.renewCertificates('b')]),
    everybodyWorks(),
    everybodyWorks(),
  ])
  assert.deepEqual(renewed, [true, true])
  assert.ok(identityEndsMs(world.hospital('a').identity) > firstEndsMs + 200 * DAY_MS)
  advanceTo(firstEndsMs - RENEW_BEFORE_MS + DAY_MS)
  const earlierEndsMs = await serverEndsMs()
  // Of the hospital only the administrators' are due now.
  const again = await Promise.all([world.renewCertificates('a'), world.renewCertificates('b'), everybodyWorks()])
  assert.deepEqual(again.slice(0, 2), [false, false])
  const [ends] = await Promise.all([renewServer(), everybodyWorks()])
  assert.ok(ends !== undefined && ends > earlierEndsMs)
  assert.equal(await serverEndsMs(), ends)
  await renewPeople()
  assert.deepEqual(alice.identity.signer.publicKey, keyBefore)
  // Past the end of everything that was there at first, and nothing was started again.
  advanceTo(firstEndsMs + DAY_MS)
  await Promise.all([everybodyWorks(), everybodyWorks()])
  await anchorAll()
  assert.deepEqual(world.faults, [])
})

test('what has ended is refused, each with its code, and is well again after the renewal', async () => {
  const { world } = scene
  const endsMs = Math.max(
    ...[world.hospital('a'), world.hospital('b'), alice, bob].map(({ identity }) => identityEndsMs(identity)),
    await serverEndsMs(),
  )
  advanceTo(endsMs + DAY_MS)
  const staff = world.hospital('a')
  // The hospital: neither reads nor writes the ledger, so none of its people does through it.
  await assert.rejects(world.permit(bob, [alice]), refusedWith('LEDGER_IDENTITY_REJECTED'))
  await assert.rejects(staff.emergencies(), refusedWith('LEDGER_IDENTITY_REJECTED'))
  // Its administrator.
  await assert.rejects(
    world.submitAsAdmin('a', 'suspendParticipant', [alice.ref, 'left']),
    refusedWith('LEDGER_IDENTITY_REJECTED'),
  )
  assert.equal(await world.renewCertificates('a'), true)
  assert.equal(await world.renewCertificates('b'), true)
  // The people.
  await assert.rejects(alice.list(bob.ref), refusedWith('CREDENTIAL_EXPIRED'))
  await assert.rejects(bob.read(scene.stored.recordId), refusedWith('CREDENTIAL_EXPIRED'))
  await assert.rejects(staff.emergencies(), refusedWith('CREDENTIAL_EXPIRED'))
  await renewPeople()
  await everybodyWorks()
  // The record server: what it signs is no longer anchored.
  await world.server.tee.request('anchor-now', {})
  await until('refused', () => world.server.troubles.some((one) => one.endsWith('LEDGER_IDENTITY_REJECTED')))
  await renewServer()
  await anchorAll()
})
