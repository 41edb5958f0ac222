/**
 * A record server whose TEE has little memory, as in TrustZone: it says what it takes in one request, clients keep to it
 * by themselves, and what does not fit is refused by name (docs/protocol/05-sessions.md §5.6).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SMALL_LIMITS } from '../../secure/core/src/limits.ts'
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'
import { fillRoom } from './full-room.ts'

const REMARK = 'no remarks '.repeat(100)

test('a batch goes in several requests under one signature; a record that fits into none is refused alone', async () => {
  await using world = await openTestWorld({ limits: { ...SMALL_LIMITS, recordBytes: 16 * 1024 } })
  const hospital = world.hospital('a')
  const bob = await world.patient('bob')
  const { warrant } = await world.permit(bob, [hospital])
  const remarks = [...Array.from({ length: 12 }, () => REMARK), REMARK.repeat(20), REMARK]
  const records = remarks.map((remark, i) => ({ patient: bob.ref, warrant, ehr: labResult(i, remark) }))
  const outcomes = await hospital.storeMany(records)
  assert.deepEqual(
    outcomes.map((outcome) => ('code' in outcome ? outcome.code : 'stored')),
    remarks.map((remark) => (remark === REMARK ? 'stored' : 'RECORD_TOO_LARGE')),
  )
  const batches = new Set(outcomes.flatMap((outcome) => ('code' in outcome ? [] : [outcome.place.batchId])))
  assert.equal(batches.size, 1)
  for (const [i, outcome] of outcomes.entries()) {
    if ('code' in outcome) continue
    assert.deepEqual((await bob.read(outcome.recordId)).ehr, labResult(i, REMARK))
    assert.ok((await bob.verify(await bob.read(outcome.recordId))).checks.every(({ result }) => result === 'pass'))
  }
})

test('RECORD_TOO_LARGE: one record alone, by the client and by the trusted application itself', async () => {
  const limits = { ...SMALL_LIMITS, recordBytes: 16 * 1024 }
  await using world = await openTestWorld({ limits })
  const alice = await world.doctor('alice')
  const bob = await world.patient('bob')
  const { warrant } = await world.permit(bob, [alice])
  const ehr = labResult(47, REMARK.repeat(20))
  await assert.rejects(alice.store({ patient: bob.ref, warrant, ehr }), { code: 'RECORD_TOO_LARGE' })
  assert.equal(await alice.session.maxRecordBytes(), limits.recordBytes)
  const record = new Uint8Array(limits.recordBytes + 1)
  await assert.rejects(world.server.tee.request('record', { record }), { code: 'RECORD_TOO_LARGE' })
  await assert.rejects(world.server.tee.request('record', { record: record.subarray(1) }), { code: 'SESSION_UNKNOWN' })
})

test('all sessions, handshakes, records that may wait and the largest one at once: each is answered by rule, and all are stored', async () => {
  await using world = await openTestWorld({ limits: SMALL_LIMITS })
  const seen: string[] = []
  await fillRoom(world, (when) => Promise.resolve(void seen.push(when)))
  assert.equal(seen.length, 3)
  assert.match(seen[1] ?? '', /one more is refused$/)
})
