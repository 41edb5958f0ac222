/**
 * A permission holds from its first second to its last and no longer, whatever clock the host shows: reading and
 * writing, before, after, and after it was taken back. docs/protocol/03 §3.3, 08 §8.1, §8.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

const HOUR_MS = 3_600_000

async function permitAt(fromMs: number, untilMs: number) {
  const { world, bob } = scene
  const wei = await world.doctor('wei')
  const { warrant, jti } = await world.permit(bob, [wei], { fromMs, untilMs })
  return { wei, warrant, jti }
}

test('a permission that has not started opens nothing', async () => {
  const { world, bob, stored } = scene
  const nowMs = world.clock.nowMs()
  const { wei, warrant } = await permitAt(nowMs + HOUR_MS, nowMs + 2 * HOUR_MS)
  const store = wei.store({ patient: bob.ref, warrant, ehr: labResult(1) })
  await assert.rejects(store, refusedWith('WARRANT_NOT_YET_VALID'))
  await assert.rejects(wei.read(stored.recordId), refusedWith('WARRANT_NOT_YET_VALID'))
  world.clock.advanceMs(HOUR_MS + 1_000)
  await wei.presentWarrant(warrant)
  await wei.read(stored.recordId)
})

test('a permission that has ended opens nothing, with every key and text that the doctor still has', async () => {
  const { world, bob } = scene
  const nowMs = world.clock.nowMs()
  const { wei, warrant } = await permitAt(nowMs - 1_000, nowMs + 3 * HOUR_MS)
  const { recordId } = await wei.store({ patient: bob.ref, warrant, ehr: labResult(2) })
  world.clock.advanceMs(3 * HOUR_MS + 1_000)
  await assert.rejects(wei.read(recordId), refusedWith('WARRANT_EXPIRED'))
  await assert.rejects(wei.list(bob.ref), refusedWith('WARRANT_EXPIRED'))
  const store = wei.store({ patient: bob.ref, warrant, ehr: labResult(3) })
  await assert.rejects(store, refusedWith('WARRANT_EXPIRED'))
})

test('a host that holds its clock back does not revive it', async () => {
  const { world, bob } = scene
  const nowMs = world.clock.nowMs()
  const { wei, warrant } = await permitAt(nowMs - 1_000, nowMs + HOUR_MS)
  const { recordId } = await wei.store({ patient: bob.ref, warrant, ehr: labResult(4) })
  const taken = world.clock.nowMs()
  // The ledger goes on; the server's own clock stays where it was.
  world.serverClock.holdMs(taken)
  world.clock.advanceMs(HOUR_MS + 1_000)
  try {
    await assert.rejects(wei.read(recordId), refusedWith('WARRANT_EXPIRED', 'CLOCK_SKEW'))
  } finally {
    world.serverClock.holdMs(undefined)
  }
})

test('a permission that was taken back opens nothing from the next request on', async () => {
  const { world, bob } = scene
  const nowMs = world.clock.nowMs()
  const { wei, warrant, jti } = await permitAt(nowMs - 1_000, nowMs + HOUR_MS)
  const { recordId } = await wei.store({ patient: bob.ref, warrant, ehr: labResult(5) })
  await bob.revokeWarrant(jti)
  await assert.rejects(wei.read(recordId), refusedWith('WARRANT_REVOKED', 'WARRANT_EXPIRED'))
  const store = wei.store({ patient: bob.ref, warrant, ehr: labResult(6) })
  await assert.rejects(store, refusedWith('WARRANT_REVOKED'))
})

test('a permission of which the server has not seen the text opens nothing, and none opens a version that is not there', async () => {
  const { world, bob, stored } = scene
  const nowMs = world.clock.nowMs()
  const { wei } = await permitAt(nowMs - 1_000, nowMs + HOUR_MS)
  const read = (more: object = {}) => wei.session.request('record.read', { record: stored.recordId, ...more })
  await assert.rejects(read(), refusedWith('WARRANT_NOT_PRESENTED'))
  // The doctor's client shows it and asks again.
  await wei.read(stored.recordId)
  await assert.rejects(read({ version: 2 }), refusedWith('RECORD_NOT_FOUND'))
  await assert.rejects(bob.read(stored.recordId, { version: 2 }), refusedWith('RECORD_NOT_FOUND'))
})

test('what was stored in time is still there and verifies', async () => {
  const { records } = await scene.world.verifyEverything()
  assert.equal(records, 4)
})
