/**
 * The record server's program is exchanged, as it is shipped: another measured file takes the store over after the
 * organisations voted for it, and everything old is readable. docs/protocol/10 §10.8. What is refused:
 * test/adversarial/reject-unapproved-program.test.ts, reject-older-program.test.ts.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { labResult, openProgramScene, type ProgramScene } from '../../testkit/src/world/index.ts'

let scene: ProgramScene

before(async () => {
  scene = await openProgramScene()
})
after(() => scene?.close())

test('an approved program takes over: what was stored is read and verified, more is stored', async () => {
  const { world, bob, alice, warrant, stored, second } = scene
  await scene.approve(second, 1)
  await scene.install(second)
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(2) })
  assert.equal((await world.verifyEverything()).records, 2)
})
