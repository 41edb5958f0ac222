/**
 * A running record server that is told of other organisations, nodes or quorums than the consortium agreed on, by its
 * host or by anybody: it takes no update but the next one that a majority signed, and with a registration that says
 * otherwise no client talks to it. docs/protocol/02 §2.7, 07 §7.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { configurationDigest, encodeConfiguration as encodeServer } from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import {
  encodeConfiguration,
  encodeConfigurationUpdate,
  LedgerError,
  parseResult,
  participantRecordShape,
  signConfiguration,
  type ChannelConfiguration,
  type ConfigurationSignature,
} from '../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'
import { createOrganization, type TestOrganization } from '../../testkit/src/consortium.ts'
import {
  certify,
  configurationOf,
  copyFolder,
  doctorClient,
  openScene,
  putBackFolder,
  refusedWith,
  type Certified,
  type EndorsedAnswers,
  type FolderCopy,
  type Scene,
} from '../../testkit/src/world/index.ts'

type Signer = Parameters<typeof signConfiguration>[1]

let scene: Scene
/** Nobody knows it yet. */
let c: TestOrganization
/** A doctor of it, whom its administrator registers when it is a member. */
let dana: Certified
let digestBefore: string

before(async () => {
  scene = await openScene()
  const { world } = scene
  c = await createOrganization('HospitalC', () => world.clock.nowMs())
  const certified = await certify(world, 'doctor', { authority: c.authority })
  dana = { ...certified, identity: { ...certified.identity, mspId: c.mspId } }
  digestBefore = await digestNow()
})
afterEach(() => scene.world.beHonest())
after(() => scene?.world.close())

const admin = (name: 'a' | 'b'): Signer => scene.world.organization(name).admin

async function digestNow(): Promise<string> {
  const { configDigest } = await scene.world.server.tee.request('status', {})
  return encodeHex(configDigest ?? new Uint8Array())
}

/** The next configuration, with the hospital that joins. */
function joined(change: Partial<ChannelConfiguration> = {}): ChannelConfiguration {
  const { genesis } = scene.world
  const organizations = [...genesis.organizations, { mspId: c.mspId, roots: [c.authority.root] }]
  return { ...genesis, sequence: 1, organizations, ...change }
}

function signed(
  configuration: ChannelConfiguration,
  signers: readonly Signer[] = [admin('a'), admin('b'), c.admin],
  alter: (signatures: ConfigurationSignature[]) => ConfigurationSignature[] = (all) => all,
): Uint8Array {
  const encoded = encodeConfiguration(configuration)
  const signatures = alter(signers.map((signer) => signConfiguration(scene.world.crypto, signer, encoded)))
  return encodeConfigurationUpdate({ configuration: encoded, signatures })
}

/** As anybody who reaches the server can. @returns the refusal's code, or undefined if it was taken. */
async function hand(update: Uint8Array): Promise<unknown> {
  const headers = { 'content-type': 'application/octet-stream' }
  const url = `${scene.world.server.url}/v1/configurations`
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(update) })
  return response.ok ? undefined : ((await response.json()) as { code?: unknown }).code
}

async function refuses(update: Uint8Array, code = 'LEDGER_CONFIGURATION_REJECTED'): Promise<void> {
  assert.equal(await hand(update), code)
  assert.equal(await digestNow(), digestBefore)
}

/** The server's files at this moment. */
async function stoppedCopy(): Promise<FolderCopy> {
  const { server } = scene.world
  await server.stop()
  const copy = copyFolder(server.dataFolder)
  await server.start()
  await server.serving()
  return copy
}

/** As the administrator of the server's organisation. */
async function register(configDigest: string): Promise<void> {
  const { world } = scene
  const text = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
  const { ref, kind, publicKey, certSerial, attributes, server } = parseResult(text, participantRecordShape)
  const renewed = { ref, kind, publicKey, certSerial, attributes, server: { ...server, configDigest } }
  await world.submitAsAdmin('a', 'renewParticipant', [JSON.stringify(renewed)])
}

test('nobody who is no administrator of a majority lets an organisation in', async () => {
  const { world } = scene
  const { crypto } = world
  const doctor = await certify(world, 'doctor', { hospital: 'b', registered: true })
  const service = await certify(world, 'hospital', { hospital: 'b', registered: true })
  const stranger = await createOrganization('HospitalB', () => world.clock.nowMs())
  const otherKey = { ...admin('b'), signingKey: crypto.generateSigningKey() }
  const signers: Readonly<Record<string, readonly Signer[]>> = {
    nobody: [],
    'the one who joins': [c.admin],
    'half of the members': [admin('a'), c.admin],
    'one member twice': [admin('a'), admin('a'), c.admin],
    'the members without the one who joins': [admin('a'), admin('b')],
    'a doctor': [admin('a'), doctor.ledger, c.admin],
    'a hospital’s service': [admin('a'), service.ledger, c.admin],
    'an authority of the same name': [admin('a'), stranger.admin, c.admin],
    'a certificate without its key': [admin('a'), otherKey, c.admin],
    'one organisation in the name of another': [admin('a'), { ...admin('a'), mspId: 'HospitalB' as MspId }, c.admin],
  }
  for (const [who, by] of Object.entries(signers)) {
    assert.equal(await hand(signed(joined(), by)), 'LEDGER_CONFIGURATION_REJECTED', who)
  }
  assert.equal(await digestNow(), digestBefore)
  await assert.rejects(doctorClient(world, dana.identity).session.request('ping'), refusedWith('CREDENTIAL_REJECTED'))
})

test('signatures are of this configuration: altered, or taken from another one, they count for nothing', async () => {
  const other = encodeConfiguration(joined({ channel: 'other' }))
  const { crypto } = scene.world
  await refuses(
    signed(joined(), undefined, (all) =>
      all.map((one) => ({ ...one, signature: one.signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) })),
    ),
  )
  await refuses(signed(joined(), undefined, (all) => [...all.slice(0, 2), signConfiguration(crypto, c.admin, other)]))
  await refuses(new Uint8Array(64))
})

test('another sequence, another channel, a Fabric channel, and what contradicts itself', async () => {
  const { genesis, crypto } = scene.world
  const [first] = joined().organizations
  assert.ok(first !== undefined)
  const strangers = { mspId: 'Nobody' as MspId, publicKey: crypto.generateSigningKey().publicKey }
  const changes: readonly Partial<ChannelConfiguration>[] = [
    { sequence: 0 },
    { sequence: 2 },
    { channel: 'other' },
    { quorum: 2 },
    { nodes: [] },
    { nodes: [...genesis.nodes, strangers] },
    { organizations: [...joined().organizations, first] },
    { nodes: [], quorum: 1, fabric: { chaincode: 'trusthealth' } },
  ]
  for (const change of changes) await refuses(signed(joined(change)))
})

test('a certificate that was revoked signs nothing, and a host that keeps that back gets nothing', async () => {
  const { world } = scene
  const { crypto } = world
  const { authority, mspId } = world.organization('b')
  const signingKey = crypto.generateSigningKey()
  const { chain, serialHex } = await authority.issue({ role: 'admin', publicKey: signingKey.publicKey })
  const revoked = { mspId, cert: chain[0], signingKey }
  // What the ledger said before, with another nonce.
  let earlier: EndorsedAnswers | undefined
  world.hooks.endorsedReads = async (request, honest) => {
    earlier = await honest(request)
    throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'kept back')
  }
  const update = signed(joined(), [admin('a'), revoked, c.admin])
  await refuses(update, 'LEDGER_UNAVAILABLE')
  await world.submitAsAdmin('b', 'revokeCertificate', [serialHex, 'key-compromise'])
  world.hooks.endorsedReads = async () => earlier ?? []
  await refuses(update, 'ENDORSEMENT_NONCE')
  world.beHonest()
  await refuses(update)
})

test('what the organisations agreed on counts once, and only with the registration that says so', async () => {
  const { world, bob, alice, stored } = scene
  const update = signed(joined())
  const reply = await fetch(`${world.ledger.url}/v1/configurations`, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: new Uint8Array(update),
  })
  assert.equal(reply.status, 200)
  const registration = {
    ref: dana.identity.ref,
    kind: 'doctor',
    publicKey: encodeBase64url(dana.keys.signingKey.publicKey),
    sealKey: encodeBase64url(dana.keys.sealKey.publicKey),
    certSerial: dana.certSerial,
    attributes: {},
  }
  const args = [JSON.stringify(registration)]
  await submitCall(world.ledger.ledger, c.admin, { fn: 'registerParticipant', args })

  // A host that does not tell its server: the ledger's new member is nobody there.
  const client = () => doctorClient(world, dana.identity)
  await assert.rejects(client().session.request('ping'), refusedWith('CREDENTIAL_REJECTED'))
  const olderStore = await stoppedCopy()
  assert.equal(await hand(update), undefined)
  const digest = await digestNow()
  assert.notEqual(digest, digestBefore)
  // Until an administrator has registered what it came to, its evidence is not believed.
  await assert.rejects(client().session.request('ping'), refusedWith('ATTESTATION_CONFIG'))
  // Whoever came in between gets through by itself: refused at first, again when the ledger says so.
  const second = Promise.withResolvers<void>()
  let hellos = 0
  world.hooks.request = (op, request, honest) => {
    if (op === 'hello' && ++hellos === 2) second.resolve()
    return honest(request)
  }
  const early = client().session.request('ping')
  await second.promise
  await register(digest)
  await early
  world.beHonest()
  await client().session.request('ping')
  await alice.read(stored.recordId)

  digestBefore = digest
  await refuses(update)
  await refuses(signed({ ...world.genesis, sequence: 1 }))
  await world.server.restart()
  await world.server.serving()
  await refuses(update)
  await client().session.request('ping')
  await bob.read(stored.recordId)

  // The store from before is not put back in place of the one that knows the newest configuration.
  await world.server.stop()
  const good = copyFolder(world.server.dataFolder)
  putBackFolder(world.server.dataFolder, olderStore)
  await world.server.start()
  await assert.rejects(world.server.serving(), refusedWith('STATE_ROLLED_BACK'))
  await world.server.stop()
  putBackFolder(world.server.dataFolder, good)
  await world.server.start()
  await world.server.serving()
})

test('an organisation that leaves: evidence without that is refused, its sessions end, its members stay out', async () => {
  const { world, stored } = scene
  const { crypto } = world
  const two = { ...world.genesis, sequence: 2 }
  await refuses(signed(two, [c.admin]))
  const open = doctorClient(world, dana.identity)
  await open.session.request('ping')
  // The administrator registers the digest computed from what was agreed, whatever the host has told its server.
  const agreed = encodeHex(configurationDigest(crypto, encodeServer({ ...configurationOf(world), sequence: 2 })))
  await register(agreed)
  await assert.rejects((await world.doctor('alice')).read(stored.recordId), refusedWith('ATTESTATION_CONFIG'))
  assert.equal(await hand(signed(two, [admin('a'), admin('b')])), undefined)
  assert.equal(await digestNow(), agreed)
  await assert.rejects(open.session.request('ping'), refusedWith('SESSION_UNKNOWN', 'CREDENTIAL_REJECTED'))
  await assert.rejects(doctorClient(world, dana.identity).session.request('ping'), refusedWith('CREDENTIAL_REJECTED'))
  await (await world.doctor('alice')).read(stored.recordId)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
