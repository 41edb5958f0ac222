/**
 * The operator puts another program in the place of the one that the organisations know: it does not get the store.
 * docs/protocol/10 §10.8, threat model: whoever runs the record server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { REPLICA_VERSION } from '../../shared/ledger-model/src/index.ts'
import { openProgramScene, refusedWith, type ProgramScene } from '../../testkit/src/world/index.ts'

let scene: ProgramScene

before(async () => {
  scene = await openProgramScene()
})
after(() => scene?.close())

test('a program that nobody approved does not get the store; the earlier one goes on', async () => {
  const { alice, stored, first, second } = scene
  await assert.rejects(scene.install(second), refusedWith('PROGRAM_NOT_APPROVED'))
  await scene.install(first)
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
})

test('one vote of two is too few', async () => {
  const { world, second } = scene
  await world.submitAsAdmin('a', 'approveProgram', [second.measurement, '1'])
  await assert.rejects(scene.install(second), refusedWith('PROGRAM_NOT_APPROVED'))
})

test('votes that the organisations were made to give for a replica are none for a program', async () => {
  const { first, second } = scene
  await scene.approve(second, REPLICA_VERSION)
  await assert.rejects(scene.install(second), refusedWith('PROGRAM_NOT_APPROVED'))
  await scene.install(first)
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
