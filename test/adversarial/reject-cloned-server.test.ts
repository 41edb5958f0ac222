/**
 * Two copies of one server, made from one store with the device key and all: the ledger takes the checkpoints of one,
 * and the other stops. docs/protocol/06 §6.9, §6.10, 07 §7.2, 10 §10.5.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  copyServerFiles,
  labResult,
  openScene,
  otherServer,
  refusedWith,
  transportTo,
  type HostHooks,
  type Scene,
} from '../../testkit/src/world/index.ts'

const FOUND_OUT = ['CHECKPOINT_EPOCH', 'CHECKPOINT_FORKED', 'STATE_ROLLED_BACK']
let scene: Scene
let clone: ReturnType<typeof otherServer>
/** What the clone's host does: it keeps the clone's checkpoints back, so that the other is first, however slow all is. */
const hooks: HostHooks = {
  submit: () => Promise.reject(Object.assign(new Error('kept'), { code: 'LEDGER_UNAVAILABLE' })),
}
before(async () => {
  scene = await openScene()
  const { world } = scene
  await world.server.tee.request('anchor-now', {})
  await world.server.stop()
  copyServerFiles(world, 'clone')
  clone = otherServer(world, { name: 'clone', hooks })
})
after(async () => {
  await clone?.stop()
  await scene?.world.close()
})

/** The code with which a server stopped by itself. */
async function failureOf(server: ReturnType<typeof otherServer>): Promise<string> {
  for (;;) {
    const { failure } = server.tee
    if (failure !== undefined) return failure
    await setTimeout(20)
  }
}

test('both start: until one of them writes, they are the same', async () => {
  const { world, stored } = scene
  await world.server.start()
  await clone.start()
  await Promise.all([world.server.serving(), clone.serving()])
  const transport = transportTo(clone)
  await (await world.doctor('alice', {}, { transport })).read(stored.recordId)
  await scene.alice.read(stored.recordId)
})

test('each writes another history: the ledger takes one, the other is found out and stops', async () => {
  const { world, bob, alice, warrant } = scene
  const viaClone = await world.doctor('alice', {}, { transport: transportTo(clone) })
  await viaClone.store({ patient: bob.ref, warrant, ehr: labResult(2) })
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })
  const { epoch } = await world.server.tee.request('anchor-now', {})
  await anchored(epoch)
  delete hooks.submit
  void clone.tee.request('anchor-now', {}).catch(() => undefined)
  const code = await failureOf(clone)
  assert.ok(FOUND_OUT.includes(code), code)
  assert.equal(world.server.tee.failure, undefined)
})

test('who was found out serves nobody, and does not start again', async () => {
  const { world } = scene
  const viaClone = await world.doctor('alice', {}, { transport: transportTo(clone) })
  await assert.rejects(viaClone.session.request('ping'), refusedWith(...FOUND_OUT))
  await clone.stop()
  await clone.start()
  await assert.rejects(clone.serving(), refusedWith('CHECKPOINT_FORKED', 'STATE_ROLLED_BACK'))
})

test('what the clone said it stored is not there; the one that goes on tells one history', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 2)
})

/** Until the ledger has the checkpoint of an epoch. */
async function anchored(epoch: number): Promise<void> {
  const { world } = scene
  const call = { fn: 'checkpoint', args: [world.serverRef] }
  while ((JSON.parse(await world.ledger.ledger.query(call)) as { epoch: number }).epoch < epoch) await setTimeout(20)
}
