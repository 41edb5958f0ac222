/** The staff's first screen, and the review of emergency accesses. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { HospitalApi } from '../../clients/sdk/src/index.ts'
import { misuseRecordShape } from '../../shared/ledger-model/src/index.ts'
import { hospitalApi } from '../../testkit/src/world/people.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld
let api: HospitalApi
before(async () => {
  world = await openTestWorld()
  api = hospitalApi(world.surroundings('a'))
})
after(() => world.close())

const forbidden = { code: 'TEE_FORBIDDEN' }

test('parts, people and what is missing for today stand in the summary; only staff see it', async () => {
  const [bob, alice] = [await world.patient('Bob'), await world.doctor('Alice', { department: 'Cardiology' })]
  const hospital = world.hospital('a')
  const booking = { patient: bob.ref, department: 'Cardiology', symptoms: '', aux: '', doctors: [] }
  await hospital.assign({ ...booking, fromMs: world.clock.nowMs() })
  const first = await api.summary(hospital.requestSigner)
  assert.deepEqual([first.today.booked, first.today.permissionsMissing], [1, 1])
  assert.ok(first.recordServer.state === 'up' && first.recordServer.simulated)
  assert.ok(first.ledger.state === 'up' && first.ledger.height > 0 && first.ledger.organizations > 0)
  assert.deepEqual(first.registered, { patients: 1, practitioners: 1, staff: 0 })
  assert.deepEqual(first.certificates, [])
  await world.permit(bob, [alice])
  world.clock.advanceMs(3_000)
  assert.equal((await api.summary(hospital.requestSigner)).today.permissionsMissing, 0)
  await assert.rejects(api.summary(bob.requestSigner), forbidden)
  await assert.rejects(api.summary(alice.requestSigner), forbidden)
})

test('an emergency access waits for review until somebody of staff has a verdict', async () => {
  const bob = await world.patient('Bob')
  const chen = await world.doctor('Chen', { emergency: true })
  const as = world.hospital('a').requestSigner
  const { emergency } = await chen.openEmergency(bob.ref, 'unconscious', 'unconscious on arrival')
  world.clock.advanceMs(3_000)
  assert.equal((await api.summary(as)).today.emergenciesToReview, 1)
  await assert.rejects(api.reviewedEmergencies(chen.requestSigner), forbidden)
  await assert.rejects(api.reviewEmergency(bob.requestSigner, emergency, 'justified'), forbidden)
  await assert.rejects(api.reviewEmergency(as, `e-${'0'.repeat(32)}`, 'justified'), { code: 'HTTP_NOT_FOUND' })
  await api.reviewEmergency(as, emergency, 'follow-up', 'ask Dr Chen')
  await api.reviewEmergency(as, emergency, 'justified')
  const [found] = await api.reviewedEmergencies(as)
  assert.deepEqual([found?.emergency, found?.review?.verdict], [emergency, 'justified'])
  world.clock.advanceMs(3_000)
  assert.equal((await api.summary(as)).today.emergenciesToReview, 0)
})

test('misuse that staff find stands on the shared ledger, once, and flags the doctor', async () => {
  const bob = await world.patient('Bob')
  const eve = await world.doctor('Eve', { emergency: true })
  const as = world.hospital('a').requestSigner
  const { emergency } = await eve.openEmergency(bob.ref, 'other', 'no reason at all')
  const reports = async () => {
    const text = await world.ledger.ledger.query({ fn: 'misuseOf', args: [eve.ref] })
    return misuseRecordShape(JSON.parse(text), 'misuse')
  }
  assert.deepEqual((await reports()).reports, [])
  await api.reviewEmergency(as, emergency, 'follow-up')
  assert.deepEqual((await reports()).reports, [], 'to follow up is no report')
  const both = await Promise.all([1, 2].map(() => api.reviewEmergency(as, emergency, 'misuse')))
  const { flagged, reports: found } = await reports()
  assert.equal(flagged, true)
  assert.deepEqual(
    found.map(({ subject, code, reporter, evidence }) => [subject, code, reporter, evidence.length]),
    [[eve.ref, 'no-permission', world.hospitalRef('a'), 1]],
  )
  assert.deepEqual(both, [found[0]?.txId, found[0]?.txId])
  assert.equal(await api.reviewEmergency(as, emergency, 'misuse'), found[0]?.txId)
  assert.equal((await reports()).reports.length, 1)
  const kept = (await api.reviewedEmergencies(as)).find((one) => one.emergency === emergency)
  assert.deepEqual([kept?.review?.verdict, kept?.review?.reportTx], ['misuse', found[0]?.txId])
})

test('staff have a copy of the store made while it is in use; nobody else', async () => {
  const as = world.hospital('a').requestSigner
  const bob = await world.patient('Bob')
  const { file } = await api.makeBackup(as)
  assert.deepEqual(await api.backups(as), [file])
  await assert.rejects(api.makeBackup(bob.requestSigner), forbidden)
  await assert.rejects(api.backups(bob.requestSigner), forbidden)
})

test('certificates that end soon are named', async () => {
  world.clock.advanceMs(320 * 86_400_000)
  const { certificates } = await api.summary(world.hospital('a').requestSigner)
  assert.deepEqual(certificates.map(({ kind }) => kind).toSorted(), [
    'practitioner',
    'practitioner',
    'practitioner',
    'service',
  ])
})

test('a part that is away is down in the summary, with its code; the rest is there', async () => {
  await world.server.stop()
  world.clock.advanceMs(3_600_000)
  const { recordServer, ledger, today } = await api.summary(world.hospital('a').requestSigner)
  assert.deepEqual(recordServer, { state: 'down', code: 'SERVER_UNAVAILABLE' })
  assert.equal(ledger.state, 'up')
  assert.equal(today.emergenciesToReview, undefined)
  await world.server.start()
})
