/** What is taken while a part is away is delivered later: once, in order, and never lost, whatever ends in between. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HospitalApi } from '../../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { batchSigningInput } from '../../../shared/protocol/src/index.ts'
import { hospitalApi } from '../../../testkit/src/world/people.ts'
import { openTestWorld, type TestWorld } from '../../../testkit/src/world/index.ts'

let world: TestWorld
let api: HospitalApi
before(async () => {
  world = await openTestWorld()
  api = hospitalApi(world.surroundings('a'))
})
after(() => world.close())

function observation(text: string): Uint8Array {
  return encodeUtf8(JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text } }))
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await sleep(50)
}

test("the hospital's own records wait while the record server is away, and are delivered by themselves, once", async () => {
  const bob = await world.patient('Bob')
  const hospital = world.hospital('a')
  const { warrant } = await world.permit(bob, [hospital])
  const text = world.canary()
  await world.server.stop()
  const kept = await hospital.storeOrKeep({ patient: bob.ref, warrant, ehr: observation(text) })
  assert.ok('kept' in kept && kept.code === 'SERVER_UNAVAILABLE')
  const as = hospital.requestSigner
  const [entry] = await api.outbox(as)
  assert.deepEqual([entry?.record, entry?.state, entry?.author], [kept.recordId, 'waiting', hospital.ref])
  world.clock.advanceMs(3_000)
  const { today, outbox } = await api.summary(as)
  assert.deepEqual([today.uploadsWaiting, outbox.waiting, outbox.oldestMs], [1, 1, entry?.sinceMs])
  const metrics = await (await fetch(`${world.surroundings('a').hospitalUrl}/metrics`)).text()
  assert.match(metrics, /^trusthealth_hospital_outbox_waiting 1$/m)
  // Its fingerprint needs the ledger only.
  await until(async () => (await api.outbox(as))[0]?.place !== undefined)

  await world.server.start()
  await until(async () => (await api.outbox(as)).length === 0)
  const { items } = await bob.list(bob.ref)
  assert.deepEqual(
    items.map(({ record, version }) => [record, version]),
    [[kept.recordId, 1]],
  )
  assert.deepEqual((await bob.read(kept.recordId)).ehr, observation(text))
  await world.verifyEverything()
})

test("a doctor's record waits encrypted, and goes up in the doctor's own session", async () => {
  const [bob, alice, omar] = [await world.patient('Bob'), await world.doctor('Alice'), await world.doctor('Omar')]
  const { warrant } = await world.permit(bob, [alice])
  await alice.keyring.newest(bob.ref)
  await world.server.stop()
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: observation('HbA1c') })
  const first = await alice.sendOrKeep(prepared)
  const again = await alice.sendOrKeep(prepared)
  assert.ok('kept' in first && 'kept' in again)
  assert.equal(again.sinceMs, first.sinceMs)
  assert.equal((await api.outbox(alice.requestSigner)).length, 1)
  assert.deepEqual(await api.outbox(omar.requestSigner), [])
  const { recordId } = prepared
  await assert.rejects(api.keptEnvelope(omar.requestSigner, recordId, 1), { code: 'HTTP_NOT_FOUND' })
  await assert.rejects(api.keptDelivered(omar.requestSigner, recordId, 1, 'x'), { code: 'HTTP_NOT_FOUND' })
  await assert.rejects(api.dropKept(bob.requestSigner, recordId, 1), { code: 'TEE_FORBIDDEN' })

  const [waiting] = await alice.deliverKept()
  assert.deepEqual([waiting?.state, waiting?.code], ['waiting', 'SERVER_UNAVAILABLE'])
  await world.server.start()
  const [delivered] = await alice.deliverKept()
  assert.equal(delivered?.state, 'delivered')
  assert.deepEqual(await alice.deliverKept(), [])
  assert.deepEqual((await bob.read(recordId)).ehr, observation('HbA1c'))
  const versions = await bob.versions(recordId)
  assert.equal(versions.length, 1)
})

test('while the ledger is away, too: the record is there after it is back, and once', async () => {
  const carla = await world.patient('Carla')
  const hospital = world.hospital('a')
  const { warrant } = await world.permit(carla, [hospital])
  const prepared = await hospital.prepare({ patient: carla.ref, warrant, ehr: observation('ledger away') })
  const signature = await hospital.identity.signer.sign(
    batchSigningInput(world.crypto, hospital.ref, [prepared.commitment]),
  )
  const keep = () => api.keep(hospital.requestSigner, signature, prepared.commitment, prepared.envelope)
  await world.ledger.close()
  const entry = await keep()
  assert.deepEqual([entry.state, entry.place], ['waiting', undefined])
  await world.startLedger()
  // In the world it shares the connection that was closed.
  await world.server.stop()
  await world.server.start()
  await until(async () => (await keep()).state === 'delivered')
  assert.equal((await carla.list(carla.ref)).items.length, 1)
  await world.verifyEverything()
})

test('what is refused for itself stays, with its code, until its author gives it up', async () => {
  const bob = await world.patient('Bob')
  const hospital = world.hospital('a')
  const as = hospital.requestSigner
  const { warrant } = await world.permit(bob, [hospital])
  const prepared = await hospital.prepare({ patient: bob.ref, warrant, ehr: encodeUtf8('{"no":"FHIR"}') })
  const signature = await hospital.identity.signer.sign(
    batchSigningInput(world.crypto, hospital.ref, [prepared.commitment]),
  )
  await api.keep(as, signature, prepared.commitment, prepared.envelope)
  await until(async () => (await api.outbox(as))[0]?.state === 'refused')
  assert.equal((await api.outbox(as))[0]?.code, 'RECORD_NOT_FHIR')
  await api.dropKept(as, prepared.recordId, 1)
  assert.deepEqual(await api.outbox(as), [])
})

test('other content under a known id, a stranger and a patient of elsewhere are refused', async () => {
  const [bob, alice, omar] = [await world.patient('Bob'), await world.doctor('Alice'), await world.doctor('Omar')]
  const { warrant } = await world.permit(bob, [alice])
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: observation('a') })
  const other = await alice.prepare({ patient: bob.ref, warrant, ehr: observation('b') })
  const sign = (items: readonly (typeof prepared.commitment)[]) =>
    alice.identity.signer.sign(batchSigningInput(world.crypto, alice.ref, items))
  const as = alice.requestSigner
  await api.keep(as, await sign([prepared.commitment]), prepared.commitment, prepared.envelope)
  const reused = { ...other.commitment, recordId: prepared.recordId }
  await assert.rejects(api.keep(as, await sign([reused]), reused, other.envelope), { code: 'RECORD_ID_REUSED' })
  const denied = { code: 'ACCESS_DENIED' }
  const stranger = omar.requestSigner
  await assert.rejects(api.keep(stranger, await sign([other.commitment]), other.commitment, other.envelope), denied)
  const emi = await world.patient('Emi', { hospital: 'b' })
  const elsewhere = await emi.keyring.newest(emi.ref)
  assert.ok(elsewhere)
  const forbidden = { code: 'TEE_FORBIDDEN' }
  await assert.rejects(api.keep(bob.requestSigner, new Uint8Array(64), other.commitment, other.envelope), forbidden)
})
