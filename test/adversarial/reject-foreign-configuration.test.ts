/**
 * A host that sets its trusted application up with other organisations, another channel, other ledger nodes or another
 * quorum than the hospitals agreed on: no client talks to it, or it never serves. docs/protocol/02 §2.5, 07 §7.5.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { readServerRegistration, VerifyingLedgerReader } from '../../clients/sdk/src/index.ts'
import { createCertificateAuthority } from '../../hospital/src/certificate-authority.ts'
import { encodeConfiguration } from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import { newRef, type ErrorCode } from '../../shared/protocol/src/index.ts'
import { startHandshake } from '../../shared/protocol/src/session/index.ts'
import {
  configurationOf,
  INSECURE_MEASUREMENT,
  openScene,
  otherServer,
  refusedWith,
  transportTo,
  type HostHooks,
  type Scene,
  type ServerConfiguration,
} from '../../testkit/src/world/index.ts'

let scene: Scene
let count = 0
let running: ReturnType<typeof otherServer> | undefined
before(async () => {
  scene = await openScene()
})
afterEach(async () => {
  await running?.stop()
  running = undefined
})
after(() => scene?.world.close())

/** A new server that the host set up as it likes. */
async function setUp(change: Partial<ServerConfiguration>, hooks: HostHooks = {}) {
  const server = otherServer(scene.world, { name: `other-${++count}`, hooks })
  running = server
  await server.start()
  const config = encodeConfiguration(configurationOf(scene.world, change))
  return { server, config, provisioned: await server.tee.request('provision', { config }) }
}

/** Set up under a name of its own, registered by the administrator as it is, and certified. */
async function registered(change: Partial<ServerConfiguration>) {
  const { world } = scene
  const serverRef = newRef(world.crypto, 's')
  let asked = 0
  const hooks: HostHooks = {
    endorsedReads: async (request, honest) => {
      asked++
      return await honest(request)
    },
  }
  const { server, provisioned } = await setUp({ serverRef, ...change }, hooks)
  const { identityKey, configDigest, attestationKey } = provisioned
  assert.ok(attestationKey !== undefined)
  const { authority } = world.organization('a')
  const { chain, serialHex } = await authority.issue({ role: 'server', ref: serverRef, publicKey: identityKey })
  const registration = {
    ref: serverRef,
    kind: 'server',
    publicKey: encodeBase64url(identityKey),
    certSerial: serialHex,
    attributes: {},
    server: {
      certificate: encodeBase64url(chain[0]),
      teeKind: 'process',
      measurements: [encodeHex(INSECURE_MEASUREMENT)],
      configDigest: encodeHex(configDigest),
      attestationKeys: [encodeBase64url(attestationKey)],
    },
  }
  await world.submitAsAdmin('a', 'registerParticipant', [JSON.stringify(registration)])
  await server.tee.request('certificate', { cert: chain[0] })
  return { server, serverRef, asked: () => asked }
}

test('a server in the registered one’s name, set up by its host, is not the registered one', async () => {
  const { server } = await setUp({ quorum: 1 })
  const alice = await scene.world.doctor('alice', {}, { transport: transportTo(server) })
  // It has no certificate: it does not serve.
  await assert.rejects(alice.session.request('ping'), refusedWith('TEE_NOT_PROVISIONED'))
})

test('every difference of a configuration shows in its digest', async () => {
  const { world } = scene
  const { crypto, genesis } = world
  const nowMs = () => world.clock.nowMs()
  const { mspId } = world.organization('b')
  const stranger = await createCertificateAuthority({ crypto, mspId, nowMs })
  const node = { mspId: world.organization('a').mspId, publicKey: crypto.generateSigningKey().publicKey }
  const [first] = genesis.organizations
  assert.ok(first !== undefined)
  const digests = new Set<string>()
  const { configDigest } = await world.server.tee.request('status', {})
  assert.ok(configDigest !== undefined)
  digests.add(encodeHex(configDigest))
  const changes: readonly Partial<ServerConfiguration>[] = [
    { channel: 'other' },
    { organizations: [first, { mspId, roots: [stranger.root] }] },
    { organizations: [first] },
    { ledgerNodes: [node] },
    { allow: { policyCacheMs: 5_000 } },
    { allow: { policyCacheMs: 0, emergencyMs: 86_400_000 } },
  ]
  for (const change of changes) {
    const { server, provisioned } = await setUp(change)
    digests.add(encodeHex(provisioned.configDigest))
    await server.stop()
  }
  assert.equal(digests.size, changes.length + 1)
})

test('a configuration that contradicts itself is taken by no trusted application', async () => {
  const { world } = scene
  const [first] = world.genesis.organizations
  assert.ok(first !== undefined)
  const server = otherServer(world, { name: 'contradiction' })
  running = server
  await server.start()
  const refused = async (change: Partial<ServerConfiguration>, ...codes: readonly ErrorCode[]) => {
    const config = encodeConfiguration(configurationOf(world, change))
    await assert.rejects(server.tee.request('provision', { config }), refusedWith(...codes))
  }
  await refused({ quorum: 0 }, 'MESSAGE_MALFORMED')
  await refused({ quorum: 2 }, 'MESSAGE_MALFORMED')
  await refused({ organizations: [first, first] }, 'MESSAGE_MALFORMED')
  await refused({ organizations: [{ ...first, roots: [new Uint8Array(8)] }] }, 'CRYPTO_BAD_CERTIFICATE')
  await refused({ logOrigin: 'trusthealth/another' }, 'MESSAGE_MALFORMED')
  await refused({ allow: { policyCacheMs: 60_000 } }, 'MESSAGE_MALFORMED')
  await refused({ ledgerNodes: [{ mspId: first.mspId, publicKey: new Uint8Array(65) }] }, 'CRYPTO_BAD_KEY')
})

test('the registered server is not set up a second time', async () => {
  const { world } = scene
  const config = encodeConfiguration(configurationOf(world, { channel: 'other' }))
  await assert.rejects(world.server.tee.request('provision', { config }), refusedWith('TEE_ALREADY_PROVISIONED'))
  const { chain } = await world.organization('a').authority.issue({
    role: 'server',
    ref: world.serverRef,
    publicKey: world.crypto.generateSigningKey().publicKey,
  })
  const certificate = world.server.tee.request('certificate', { cert: chain[0] })
  await assert.rejects(certificate, refusedWith('CREDENTIAL_REJECTED'))
})

const FOREIGN = {
  'another channel': () => ({ channel: 'other' }),
  'another ledger node': () => ({
    ledgerNodes: [
      { mspId: scene.world.organization('a').mspId, publicKey: scene.world.crypto.generateSigningKey().publicKey },
    ],
  }),
  'a quorum that the ledger’s nodes do not reach': () => ({
    ledgerNodes: [
      ...scene.world.genesis.nodes,
      { mspId: scene.world.organization('b').mspId, publicKey: scene.world.crypto.generateSigningKey().publicKey },
    ],
    quorum: 2,
  }),
}

for (const [what, change] of Object.entries(FOREIGN)) {
  test(`with ${what} no answer of the ledger is good enough: it never serves`, async () => {
    const { server, asked } = await registered(change())
    while (asked() < 2) await setTimeout(20)
    assert.equal((await server.tee.request('status', {})).state, 'recovering')
    const { hello } = startHandshake(scene.world.crypto)
    await assert.rejects(transportTo(server).hello(hello), refusedWith('TEE_RECOVERING'))
  })
}

test('with fewer organisations, nobody of the one left out is let in', async () => {
  const { world, bob } = scene
  const { organizations } = world.genesis
  const { server, serverRef } = await registered({ organizations: organizations.slice(0, 1) })
  await server.serving()
  const omar = await world.doctor('omar', { hospital: 'b' }, { transport: transportTo(server), serverRef })
  await assert.rejects(omar.list(bob.ref), refusedWith('CREDENTIAL_REJECTED'))
})

test('a client that knows another channel, another node or a higher quorum believes no answer', async () => {
  const { world } = scene
  const { crypto } = world
  const { channel, nodes, quorum } = world.consortium
  const other = { mspId: world.organization('b').mspId, publicKey: crypto.generateSigningKey().publicKey }
  const cases = [
    [{ channel: 'other', nodes, quorum }, 'ENDORSEMENT_NONCE'],
    [{ channel, nodes: [other], quorum }, 'ENDORSEMENT_SIGNATURE'],
    [{ channel, nodes: [...nodes, other], quorum: 2 }, 'ENDORSEMENT_QUORUM'],
  ] as const
  for (const [config, code] of cases) {
    const reader = new VerifyingLedgerReader(
      crypto,
      config,
      (queries, nonce) => world.ledger.ledger.endorsedReads({ queries, nonce }),
      'the ledger',
    )
    await assert.rejects(readServerRegistration(reader, world.serverRef), refusedWith(code))
  }
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
