/** Certificates of doctors and treatment keys: renewed before they end, rotated when something was lost. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DoctorClient, identityEndsMs, renewIdentity } from '../../clients/sdk/src/index.ts'
import { encodeUtf8, parseCertificate } from '../../shared/crypto/src/index.ts'
import { hospitalApi } from '../../testkit/src/world/people.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

const DAY_MS = 86_400_000
let world: TestWorld
before(async () => {
  world = await openTestWorld()
  // Whoever is certified now is near the end when the clock has moved.
  await Promise.all([world.patient('Bob'), world.doctor('Alice'), world.doctor('Omar')])
})
after(() => world.close())

const observation = encodeUtf8(
  JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: 'HbA1c' } }),
)

test('what was shared under an old treatment key does not open later records; both stay readable for the patient', async () => {
  const [bob, alice] = [await world.patient('Bob'), await world.doctor('Alice')]
  const hospital = world.hospital('a')
  const api = hospitalApi(world.surroundings('a'))
  const { warrant: jws } = await world.permit(bob, [alice])
  const first = await alice.store({ patient: bob.ref, warrant: jws, ehr: observation })
  await assert.rejects(api.rotateTreatmentKey(bob.requestSigner, bob.ref), { code: 'TEE_FORBIDDEN' })
  assert.deepEqual(await api.rotateTreatmentKey(hospital.requestSigner, bob.ref), { version: 2, provisionedVersion: 2 })
  const old = await alice.keyring.newest(bob.ref)
  assert.equal(old.version, 1)
  alice.keyring.forget(bob.ref)
  const second = await alice.store({ patient: bob.ref, warrant: jws, ehr: observation })
  assert.equal((await alice.keyring.newest(bob.ref)).version, 2)
  for (const { recordId } of [first, second]) assert.deepEqual((await bob.read(recordId)).ehr, observation)
})

test('while the record server is away the old key is given out, and the new one waits; none is lost', async () => {
  const carla = await world.patient('Carla')
  const hospital = world.hospital('a')
  const api = hospitalApi(world.surroundings('a'))
  await world.server.stop()
  const away = await api.rotateTreatmentKey(hospital.requestSigner, carla.ref)
  assert.deepEqual(away, { version: 2, provisionedVersion: 1 })
  assert.deepEqual(await api.rotateTreatmentKey(hospital.requestSigner, carla.ref), away)
  assert.equal((await carla.keyring.newest(carla.ref)).version, 1)
  await world.server.start()
  const back = await api.rotateTreatmentKey(hospital.requestSigner, carla.ref)
  assert.deepEqual(back, { version: 2, provisionedVersion: 2 })
})

test("a doctor's certificate is renewed before it ends, for the same key, and records go on", async () => {
  const alice = await world.doctor('Alice')
  const bob = await world.patient('Bob')
  const api = hospitalApi(world.surroundings('a'))
  const same = await renewIdentity(api, alice.identity, world.clock.nowMs())
  assert.equal(same, alice.identity)
  assert.deepEqual(await api.renewCertificate(alice.requestSigner), chainOf(alice))
  const endsMs = identityEndsMs(alice.identity)
  // As if the certificate were near its end: the hospital's clock is the one that counts.
  world.clock.advanceMs(endsMs - world.clock.nowMs() - 20 * DAY_MS)
  const renewed = await api.renewCertificate(alice.requestSigner).catch((error: unknown) => error)
  assert.ok(Array.isArray(renewed), String((renewed as { code?: string }).code))
  const leaf = parseCertificate(renewed[0] as Uint8Array)
  assert.ok(leaf.notAfterMs > endsMs)
  assert.deepEqual(leaf.publicKey, alice.identity.signer.publicKey)
  const again = await renewIdentity(api, alice.identity, world.clock.nowMs())
  assert.ok(identityEndsMs(again) > endsMs)
  const client = new DoctorClient({ ...alice.options, identity: again, transport: world.transport() })
  assert.ok((await client.list(bob.ref).catch((error: { code?: string }) => error.code)) !== 'CREDENTIAL_REJECTED')
  client.close()
})

test('who is suspended gets no new certificate', async () => {
  const omar = await world.doctor('Omar')
  const api = hospitalApi(world.surroundings('a'))
  await world.submitAsAdmin('a', 'suspendParticipant', [omar.ref, 'left'])
  await assert.rejects(api.renewCertificate(omar.requestSigner), { code: 'PARTICIPANT_SUSPENDED' })
})

test("a patient's credential is renewed by the same way", async () => {
  const bob = await world.patient('Bob')
  const api = hospitalApi(world.surroundings('a'))
  // It lasts no longer than the hospital's own certificate.
  assert.equal(await world.renewCertificates('a'), true)
  const renewed = await renewIdentity(api, bob.identity, world.clock.nowMs())
  assert.ok(identityEndsMs(renewed) - world.clock.nowMs() > 300 * DAY_MS)
})

function chainOf({ identity: { credential } }: DoctorClient): readonly Uint8Array[] {
  return credential.kind === 'x509' ? credential.chain : []
}
