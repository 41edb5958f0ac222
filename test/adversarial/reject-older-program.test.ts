/**
 * The operator puts an earlier program back, which has a fault that everybody knows: it is refused, whatever was voted.
 * docs/protocol/10 §10.8, threat model: whoever runs the record server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openProgramScene, refusedWith, type ProgramScene } from '../../testkit/src/world/index.ts'

let scene: ProgramScene

before(async () => {
  scene = await openProgramScene()
})
after(() => scene?.close())

test('after a program with a higher security version an earlier one is refused, whatever was voted', async () => {
  const { first, second, third } = scene
  await scene.approve(third, 2)
  await scene.approve(second, 1)
  await scene.approve(first, 1)
  await scene.install(third)
  for (const earlier of [second, first]) {
    await assert.rejects(scene.install(earlier), refusedWith('PROGRAM_DOWNGRADE'))
  }
  await scene.install(third)
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
