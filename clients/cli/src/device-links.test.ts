/** A browser comes with a link that this device shows, and is let in by the key that is here. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { hospitalApi } from '../../../testkit/src/world/people.ts'
import { quietContext } from '../../../testkit/src/quiet-context.ts'
import { openTestWorld, type TestWorld } from '../../../testkit/src/world/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { askToJoin, parseDeviceLink } from '../../sdk/src/device-join.ts'
import { createKeys, signerOf } from '../../sdk/src/identity.ts'
import type { Context } from './context.ts'
import { approveJoins, openLink } from './device-links.ts'
import { findIdentity, keepIdentity } from './identities.ts'
import { SERVER_PROGRAM, type Consortium, type SystemState } from './system-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-links-'))
let world: TestWorld
let context: Context
let places: { readonly consortium: Consortium; readonly system: SystemState }

before(async () => {
  world = await openTestWorld()
  context = quietContext(folder, () => world.clock.nowMs())
  const program = (url: string) => ({ pid: 1, start: '', url, state: 'running' as const, restarts: 0, log: '' })
  const { channel, nodes, quorum } = world.consortium
  const mspId = 'HospitalA' as MspId
  places = {
    consortium: {
      v: 1,
      channel,
      nodes: nodes.map((node) => ({ mspId: node.mspId, publicKey: Buffer.from(node.publicKey).toString('base64url') })),
      quorum,
      serverRef: world.serverRef,
      operatorMspId: mspId,
      createdMs: 0,
      hospitals: [{ slug: 'hospital-a', name: 'Hospital A', mspId, ref: world.hospitalRef('a') }],
    },
    system: {
      v: 1,
      version: '0',
      pid: 1,
      startedMs: 0,
      programs: {
        'hospital-a': program(world.surroundings('a').hospitalUrl),
        [SERVER_PROGRAM]: program(world.server.url),
      },
    },
  }
})

after(async () => {
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

async function kept(name: string) {
  const { identity, keys } = await world.keysOf(name)
  const hospital = { ref: world.hospitalRef('a'), url: world.surroundings('a').hospitalUrl }
  return findIdentity(
    context.state,
    world.crypto,
    keepIdentity(context.state, world.crypto, keys, { identity, name, hospital }),
  )
}

test('a patient and a doctor let a browser in, each by a link of their own; the links are used up', async () => {
  await Promise.all([world.patient('Bob'), world.doctor('Alice')])
  const links = [
    await openLink(context, await kept('Bob'), places, 600),
    await openLink(context, await kept('Alice'), places, 600),
  ]
  const joined: string[] = []
  const approving = approveJoins(context, links, places, {
    signal: new AbortController().signal,
    onJoined: ({ who }, label) => joined.push(`${who.name} ${label}`),
  })
  const api = hospitalApi(world.surroundings('a'))
  for (const { url } of links) {
    const [address, text = ''] = url.split('/join#')
    assert.equal(address, world.surroundings('a').hospitalUrl)
    const keys = createKeys(world.crypto)
    const device = {
      label: 'browser',
      signer: signerOf(world.crypto, keys.signingKey),
      sealKey: keys.sealKey.publicKey,
    }
    const link = parseDeviceLink(text)
    let state = await askToJoin(world.crypto, api, link, device)
    while (state.state === 'waiting') state = await askToJoin(world.crypto, api, link, device)
    assert.equal(state.state, 'approved')
  }
  await approving
  assert.deepEqual(joined.toSorted(), ['Alice browser', 'Bob browser'])
})

test('nobody is let in after the signal', async () => {
  await world.patient('Bob')
  const link = await openLink(context, await kept('Bob'), places, 600)
  const stop = new AbortController()
  stop.abort()
  await approveJoins(context, [link], places, { signal: stop.signal, onJoined: () => assert.fail() })
})
