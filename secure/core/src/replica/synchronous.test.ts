/**
 * Synchronous replication: nothing that tells of the store leaves before the replica has what it tells of.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ReplicaWorld } from '../../../../testkit/src/replica-world.ts'
import { TaWorld } from '../../../../testkit/src/ta-world.ts'

const opened: { close(): void }[] = []
after(() => opened.forEach((one) => one.close()))

async function openPair(): Promise<{ world: TaWorld; replica: ReplicaWorld }> {
  const world = await TaWorld.open()
  const replica = await ReplicaWorld.following(world)
  opened.push(world, replica)
  await world.settle()
  await replica.catchUp()
  await world.ask('replica-mode', { mode: 'synchronous' })
  return { world, replica }
}

/** Whether it is answered when everything has come to rest. */
function watch(work: Promise<unknown>): { done: boolean; code: unknown } {
  const seen: { done: boolean; code: unknown } = { done: false, code: undefined }
  work.then(
    () => (seen.done = true),
    (error: unknown) => (seen.code = (error as { code?: unknown }).code),
  )
  return seen
}

/** What waits for the replica moves on only if it asks: so it does, until nothing is left. */
async function replicate(replica: ReplicaWorld, times = 6): Promise<void> {
  for (let i = 0; i < times; i++) await replica.step()
}

test('answers wait for the replica, and leave when it has acknowledged their round', async () => {
  const { world, replica } = await openPair()
  await replicate(replica)
  const session = await world.connect(world.hospital)
  await session.request('ping')
  const written = watch(world.patient())
  await world.settle()
  assert.equal(written.done, false)
  for (let i = 0; i < 20 && !written.done; i++) await replica.step()
  assert.equal(written.done, true)
  const { logSize } = await world.ask('status', {})
  assert.equal((await replica.ask('status', {})).following?.logSize, logSize)
})

test('no answer, no checkpoint and no anchor of a round leave while the replica does not have it', async () => {
  const { world, replica } = await openPair()
  await replicate(replica)
  const anchors: number[] = []
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'anchor') anchors.push(effect.epoch)
    await honest(effect)
  }
  const written = watch(world.patient())
  await world.settle()
  const checkpoint = watch(world.ask('checkpoint', {}))
  const anchored = watch(world.ask('anchor-now', {}))
  const session = watch(world.connect(await world.doctor()))
  world.clock.advanceMs(1_000)
  world.tick()
  await world.settle()
  assert.deepEqual(
    [written.done, checkpoint.done, anchored.done, session.done, anchors],
    [false, false, false, false, []],
  )
  const { replication } = await world.ask('status', {})
  assert.equal(replication?.mode, 'synchronous')
  assert.ok(replication.position > replication.acknowledged)
  for (let i = 0; i < 20 && !(written.done && anchors.length > 0); i++) await replica.step()
  assert.deepEqual([written.done, checkpoint.done, anchored.done, session.done], [true, true, true, true])
  assert.ok(anchors.length > 0)
})

test('it is not switched on for a replica that does not follow', async () => {
  const world = await TaWorld.open()
  const replica = await ReplicaWorld.prepared(world)
  opened.push(world, replica)
  await assert.rejects(world.ask('replica-mode', { mode: 'synchronous' }), { code: 'REPLICA_BEHIND' })
  await assert.rejects(world.ask('replica-mode', { mode: 'synchronous', key: world.attestationKey }), {
    code: 'REPLICA_BEHIND',
  })
})

test('a mode that was left is not put back into the store, nor is its row taken away: STATE_ROLLED_BACK', async () => {
  for (const change of ['UPDATE meta SET value = ?', 'DELETE FROM meta']) {
    const world = await TaWorld.open()
    const replica = await ReplicaWorld.following(world)
    opened.push(world, replica)
    await world.settle()
    await replica.catchUp()
    const rowOf = () =>
      world.inspect((database) => database.prepare(`SELECT value FROM meta WHERE name = 'replication'`).get())?.[
        'value'
      ]
    const before = rowOf()
    assert.ok(before instanceof Uint8Array)
    await world.ask('replica-mode', { mode: 'synchronous' })
    assert.notDeepEqual(rowOf(), before)
    const parameters = change.includes('?') ? [before] : []
    world.inspect((database) => database.prepare(`${change} WHERE name = 'replication'`).run(...parameters))
    await world.restart()
    assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
  }
})

test('it stays on over a start of the server, whatever becomes of the replica, until it is switched off by name', async () => {
  const { world, replica } = await openPair()
  await replicate(replica)
  await world.restart()
  const session = watch(world.connect(await world.doctor()))
  await world.settle()
  assert.equal(session.done, false)
  assert.equal((await world.ask('status', {})).replication?.mode, 'synchronous')
  await world.ask('replica-mode', { mode: 'asynchronous' })
  await world.settle()
  assert.equal(session.done, true)
})
