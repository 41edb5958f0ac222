/** The hospital's client by two ways: one of them leads nowhere, and nobody notices. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { HospitalClient, HttpTransport } from '../../clients/sdk/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld
before(async () => {
  world = await openTestWorld()
})
after(() => world.close())

test('sessions are attested by each way, and a way that leads nowhere is passed over', async () => {
  const { options } = world.hospital('a')
  const nowhere = new HttpTransport('http://127.0.0.1:1', (url, init) => fetch(url, init))
  const client = new HospitalClient({
    ...options,
    transport: nowhere,
    furtherTransports: [world.transport(), world.transport()],
  })
  const bob = await world.patient('Bob')
  await world.permit(bob, [{ ref: world.hospitalRef('a') }])
  assert.equal((await client.evidence()).serverRef, world.serverRef)
  const lists = await Promise.all(Array.from({ length: 8 }, () => client.list(bob.ref)))
  assert.ok(lists.every(({ items }) => items.length === 0))
  client.close()
})
