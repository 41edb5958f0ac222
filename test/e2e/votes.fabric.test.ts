/**
 * Votes on a real network of Fabric: a replica takes over when the first record server is killed, another program when it
 * was approved. That one vote is too few: test/adversarial/reject-unapproved-program.test.ts on the same contract.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { programRecordShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import { labResult, openProgramScene, type ProgramScene } from '../../testkit/src/world/index.ts'
import { replicaTakesOver } from './played-replica.ts'

describe('a replica', () => replicaTakesOver({ fabric: true }))

describe('another program', () => {
  let scene: ProgramScene

  before(async () => {
    scene = await openProgramScene({ fabric: true })
  })
  after(() => scene?.close())

  test('with one vote of two it does not start', async () => {
    const { world, second } = scene
    await world.submitAsAdmin('a', 'approveProgram', [second.measurement, '1'])
    await assert.rejects(scene.install(second), { code: 'PROGRAM_NOT_APPROVED' })
  })

  test('with both it takes over: what was stored is read, more is stored, and the ledger names both votes', async () => {
    const { world, bob, alice, warrant, stored, second } = scene
    await scene.approve(second, 1)
    await scene.install(second)
    assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
    await alice.store({ patient: bob.ref, warrant, ehr: labResult(2) })
    assert.equal((await world.verifyEverything()).records, 2)
    const { votes } = parseResult(
      await world.ledger.ledger.query({ fn: 'program', args: [second.measurement] }),
      programRecordShape,
    )
    assert.equal(votes.length, 2)
  })
})
