import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TaWorld, type WorldPatient, type WorldSession } from '../../../../testkit/src/ta-world.ts'
import type { TestIdentity } from '../../../../testkit/src/consortium.ts'
import { DEFAULT_LIMITS } from '../limits.ts'

let world: TaWorld
let patient: WorldPatient
let doctor: TestIdentity
let warrant: string
let session: WorldSession

before(async () => {
  world = await TaWorld.open({ limits: { ...DEFAULT_LIMITS, newestRows: 2 } })
  patient = await world.patient()
  doctor = await world.doctor()
  warrant = await world.warrant(patient, [doctor])
  session = await world.connect(patient)
})
after(() => world.close())

test('what was read before does not hide a correction or an erasure', async () => {
  const { commitment } = await world.store(patient, { author: doctor, warrant })
  const { recordId: record, ehrHash: previous } = commitment
  const versionOf = async (): Promise<unknown> => (await session.request('record.read', { record }))['version']
  assert.equal(await versionOf(), 1)
  assert.equal(await versionOf(), 1)
  const next = await world.store(patient, { author: doctor, warrant, recordId: record, version: 2, previous })
  assert.equal(await versionOf(), 2)
  await session.request('record.erase', { record, confirm: next.commitment.ehrHash })
  await assert.rejects(versionOf(), { code: 'RECORD_ERASED' })
  await assert.rejects(versionOf(), { code: 'RECORD_ERASED' })
})

test('more records than rows are kept: each is read as itself', async () => {
  const stored = []
  for (let i = 0; i < 5; i++) stored.push(await world.store(patient, { author: doctor, warrant }))
  for (const { commitment, ehr } of [...stored, ...stored.toReversed()]) {
    const read = await session.request('record.read', { record: commitment.recordId })
    assert.deepEqual(read['ehr'], ehr)
    assert.equal(read['recordId'], commitment.recordId)
  }
})
