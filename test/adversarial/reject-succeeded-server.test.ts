/**
 * A record server that runs on although the organisations gave its store to another instance: it stops with the next
 * question that it puts to the ledger, by itself, and serves again only when they vote for it anew.
 * docs/protocol/07 §7.16, 10 §10.9.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeHex } from '../../shared/crypto/src/index.ts'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const OTHER = 'c0'.repeat(32)
let scene: Scene
let own = ''
before(async () => {
  scene = await openScene()
  const { instance } = await scene.world.server.tee.request('status', {})
  own = instance === undefined ? '' : encodeHex(instance)
})
after(() => scene?.world.close())

const vote = (name: 'a' | 'b', term: number, instance: string) =>
  scene.world.submitAsAdmin(name, 'approveSuccession', [scene.world.serverRef, JSON.stringify({ term, instance })])

async function start(): Promise<void> {
  const { server } = scene.world
  await server.stop()
  await server.start()
  await server.serving()
}

test('one vote of two changes nothing', async () => {
  await vote('a', 1, OTHER)
  const { alice, stored } = scene
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
})

test('with the votes of both the server answers no read and no store any more, and stops', async () => {
  const { world, alice, bob, warrant, stored } = scene
  await vote('b', 1, OTHER)
  await assert.rejects(alice.read(stored.recordId))
  await assert.rejects(alice.store({ patient: bob.ref, warrant, ehr: labResult(7) }))
  assert.equal(world.server.tee.failure, 'STORE_SUCCEEDED')
})

test('started again, it is refused, also after its own term was voted for too late', async () => {
  await assert.rejects(start(), refusedWith('STORE_SUCCEEDED'))
  await vote('a', 1, own)
  await vote('b', 2, OTHER)
  await assert.rejects(
    scene.world.submitAsAdmin('b', 'approveSuccession', [
      scene.world.serverRef,
      JSON.stringify({ term: 1, instance: own }),
    ]),
    refusedWith('SUCCESSION_OLD_TERM'),
  )
})

test('votes of a later term bring it back with everything that it had', async () => {
  await vote('a', 3, own)
  await vote('b', 3, own)
  await start()
  const { world, stored } = scene
  const alice = await world.doctor('alice')
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
  assert.equal((await world.server.tee.request('status', {})).term, 3)
  assert.equal((await world.verifyEverything()).records, 1)
})
