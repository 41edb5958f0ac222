/**
 * Files of the store that go missing, or come from another record server. Nothing is served from them; with the right
 * files everything is there again (docs/operations/faults.md). Older files: test/adversarial/reject-old-store.test.ts.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TestIdentity } from '../../testkit/src/consortium.ts'
import { TaWorld, type Upload, type WorldPatient } from '../../testkit/src/ta-world.ts'
import { copyFolder, putBackFolder, type FolderCopy } from '../../testkit/src/world/index.ts'

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})

interface Scene {
  readonly world: TaWorld
  readonly doctor: TestIdentity
  readonly patient: WorldPatient
  readonly uploads: readonly Upload[]
}

/** Some records; the newest is anchored. */
async function scene(): Promise<Scene> {
  const world = await TaWorld.open()
  worlds.push(world)
  const doctor = await world.doctor()
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const uploads = []
  for (let i = 0; i < 3; i++) uploads.push(await world.store(patient, { author: doctor, warrant }))
  await world.ask('anchor-now', {})
  await world.settle()
  // The starts of a test are not anchored, so that these files stay the newest that the ledger knows of.
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'anchor') await honest(effect)
  }
  return { world, doctor, patient, uploads }
}

async function everythingIsThere({ world, patient, uploads }: Scene): Promise<void> {
  await world.restart()
  assert.equal(world.app.state, 'serving', world.fatal)
  const reader = await world.connect(patient)
  for (const { commitment, ehr } of uploads) {
    assert.deepEqual((await reader.request('record.read', { record: commitment.recordId }))['ehr'], ehr)
  }
}

/** The files as a crash leaves them: the write-ahead log is not folded in. */
function filesOfRunning(world: TaWorld): FolderCopy {
  return copyFolder(world.folder)
}

test('each file that is deleted: never served without it, and all is there when it comes back', async () => {
  const one = await scene()
  const { world } = one
  const running = filesOfRunning(world)
  world.kill()
  assert.ok(running.has('store.db') && running.has('store.db-wal'), [...running.keys()].join())
  for (const name of running.keys()) {
    putBackFolder(world.folder, running)
    rmSync(join(world.folder, name))
    await world.restart()
    // Without its database it is a new application, which knows no key and serves nobody.
    const outcome = world.fatal ?? world.app.state
    assert.ok(['STATE_ROLLED_BACK', 'STORE_DAMAGED', 'new'].includes(outcome), `${name}: ${outcome}`)
    world.kill()
    putBackFolder(world.folder, running)
    await everythingIsThere(one)
    world.kill()
  }
})

test('the stores of two record servers exchanged: STORE_DAMAGED at both, and well again when each has its own', async () => {
  const [one, other] = [await scene(), await scene()]
  for (const { world } of [one, other]) world.kill()
  const [mine, theirs] = [copyFolder(one.world.folder), copyFolder(other.world.folder)]
  putBackFolder(one.world.folder, theirs)
  putBackFolder(other.world.folder, mine)
  for (const { world } of [one, other]) {
    await world.restart()
    assert.deepEqual([world.fatal, world.app.state], ['STORE_DAMAGED', 'stopped'])
    world.kill()
  }
  putBackFolder(one.world.folder, mine)
  putBackFolder(other.world.folder, theirs)
  await everythingIsThere(one)
  await everythingIsThere(other)
})

test('the database of one server beside the write-ahead log of another: what is foreign is not read', async () => {
  const [one, other] = [await scene(), await scene()]
  const [mine, theirs] = [filesOfRunning(one.world), filesOfRunning(other.world)]
  for (const { world } of [one, other]) world.kill()
  const mixed = new Map(mine).set('store.db-wal', theirs.get('store.db-wal') ?? Buffer.alloc(0))
  putBackFolder(one.world.folder, mixed)
  await one.world.restart()
  const outcome = one.world.fatal ?? one.world.app.state
  assert.ok(['STATE_ROLLED_BACK', 'STORE_DAMAGED'].includes(outcome), outcome)
  one.world.kill()
  putBackFolder(one.world.folder, mine)
  await everythingIsThere(one)
})
