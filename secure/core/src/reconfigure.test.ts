/** Updates of the configuration: docs/protocol/02-registration.md §2.7. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import {
  encodeConfiguration as encodeChannel,
  encodeConfigurationUpdate,
  signConfiguration,
  type ChannelConfiguration,
  type ConfigurationSignature,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import {
  createOrganization,
  issueCertificate,
  registrationOf,
  type TestIdentity,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import { InsecureFabricPeer } from '../../../testkit/src/fabric-peer.ts'
import { TEST_CHAINCODE } from '../../../testkit/src/insecure-memory-ledger.ts'
import { plainRows, TaWorld, type TaWorldOptions } from '../../../testkit/src/ta-world.ts'
import { createSqlCipherPort } from '../../adapters/sqlcipher/src/index.ts'
import { storeKeysOf } from './keys/sealing.ts'
import { Store } from './store.ts'

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})
async function open(options: TaWorldOptions = {}): Promise<TaWorld> {
  const world = await TaWorld.open(options)
  worlds.push(world)
  return world
}

const joining = (world: TaWorld): Promise<TestOrganization> =>
  createOrganization('HospitalC', () => world.clock.nowMs())

/** The configuration with one organisation more, or as `change` has it. */
function next(
  world: TaWorld,
  more: readonly TestOrganization[],
  change: Partial<ChannelConfiguration> = {},
): ChannelConfiguration {
  const { genesis } = world.consortium
  const organizations = [
    ...genesis.organizations,
    ...more.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] })),
  ]
  return { ...genesis, sequence: 1, organizations, ...change }
}

function signed(
  world: TaWorld,
  configuration: ChannelConfiguration,
  signers: readonly TestIdentity[],
  alter: (signatures: ConfigurationSignature[]) => ConfigurationSignature[] = (signatures) => signatures,
): Uint8Array {
  const encoded = encodeChannel(configuration)
  const signatures = alter(signers.map((signer) => signConfiguration(world.crypto, signer, encoded)))
  return encodeConfigurationUpdate({ configuration: encoded, signatures })
}

const admins = (world: TaWorld, ...more: TestOrganization[]): TestIdentity[] =>
  [...world.organizations, ...more].map(({ admin }) => admin)

async function register(world: TaWorld, { admin, hospital }: TestOrganization): Promise<void> {
  await world.ledger.submit(admin, 'registerParticipant', [JSON.stringify(registrationOf(hospital))])
}

const rejected = { ok: false, code: 'LEDGER_CONFIGURATION_REJECTED' }

test('an organisation joins while it serves: sessions go on, its members get in, over a restart, too', async () => {
  const world = await open()
  const c = await joining(world)
  await register(world, c)
  const earlier = await world.connect(world.hospital)
  await assert.rejects(world.connect(c.hospital), { code: 'CREDENTIAL_REJECTED' })
  const old = await world.ask('status', {})
  const { configDigest, sequence } = await world.reconfigure(signed(world, next(world, [c]), admins(world, c)))
  assert.equal(sequence, 1)
  assert.notDeepEqual(configDigest, old.configDigest)

  await earlier.request('ping')
  await (await world.connect(c.hospital)).request('ping')
  for (const again of [false, true]) {
    if (again) await world.restart()
    const status = await world.ask('status', {})
    assert.deepEqual([status.configDigest, status.sequence], [configDigest, 1])
    assert.ok(status.logSize > old.logSize)
    await (await world.connect(c.hospital)).request('ping')
  }
})

test('the next update counts from the one before', async () => {
  const world = await open()
  const c = await joining(world)
  await world.reconfigure(signed(world, next(world, [c]), admins(world, c)))
  const { organizations } = next(world, [c])
  const d = await createOrganization('HospitalD', () => world.clock.nowMs())
  const four = [...organizations, { mspId: d.mspId, roots: [d.authority.root] }]
  const second = next(world, [], { sequence: 2, organizations: four })
  // Two of three are a majority; the third need not sign.
  const [a] = admins(world)
  assert.ok(a !== undefined)
  assert.deepEqual(await world.request('reconfigure', { update: signed(world, second, [a, d.admin]) }), rejected)
  assert.equal((await world.reconfigure(signed(world, second, [a, c.admin, d.admin]))).sequence, 2)
})

test('the ledger nodes and the quorum follow: nobody else is believed from then on', async () => {
  const world = await open()
  const [a] = world.organizations
  const nodes = [{ mspId: a.mspId, publicKey: world.crypto.generateSigningKey().publicKey }]
  await world.reconfigure(signed(world, next(world, [], { nodes }), admins(world)))
  await assert.rejects(world.connect(world.hospital), { code: 'ENDORSEMENT_SIGNATURE' })
})

test('sessions of an organisation that leaves or changes its roots end, and of nobody else', async () => {
  const world = await open()
  const [a, b] = world.organizations
  const renamed = await createOrganization(b.name, () => world.clock.nowMs())
  const c = await joining(world)
  await register(world, c)
  await world.reconfigure(signed(world, next(world, [c]), admins(world, c)))
  const [ofA, ofB, ofC] = [
    await world.connect(a.hospital),
    await world.connect(b.hospital),
    await world.connect(c.hospital),
  ]
  const organizations = [a, renamed].map(({ mspId, authority }) => ({ mspId, roots: [authority.root] }))
  const without = next(world, [], { sequence: 2, organizations })
  await world.reconfigure(signed(world, without, admins(world)))
  await ofA.request('ping')
  for (const session of [ofB, ofC]) await assert.rejects(session.request('ping'), { code: 'SESSION_UNKNOWN' })
  for (const who of [b.hospital, c.hospital]) await assert.rejects(world.connect(who), { code: 'CREDENTIAL_REJECTED' })
})

test('a client of an organisation that leaves while it signs in does not get in', async () => {
  const world = await open()
  const [a, b] = world.organizations
  const held: (() => Promise<void>)[] = []
  let isHeld = true
  world.behaviour = async (effect, honest) => {
    if (isHeld && effect.fx === 'need') held.push(() => honest(effect))
    else await honest(effect)
  }
  const organizations = [{ mspId: a.mspId, roots: [a.authority.root] }]
  const update = signed(world, next(world, [], { organizations }), admins(world))
  const leaving = world.request('reconfigure', { update })
  const connecting = assert.rejects(world.connect(b.hospital), { code: 'CREDENTIAL_REJECTED' })
  while (held.length === 0) await world.settle()
  isHeld = false
  // The question of the update is under way; the finish waits for the next one.
  await world.settle()
  for (const go of held) await go()
  assert.ok((await leaving).ok)
  await connecting
})

// --- what is refused leaves everything as it was

let shared: TaWorld
let newcomer: TestOrganization
before(async () => {
  shared = await open()
  newcomer = await joining(shared)
})

interface Case {
  readonly change?: () => Partial<ChannelConfiguration>
  readonly more?: () => readonly TestOrganization[]
  readonly signers?: () => readonly TestIdentity[] | Promise<readonly TestIdentity[]>
  readonly alter?: (signatures: ConfigurationSignature[]) => ConfigurationSignature[]
}

const unsigned = new Uint8Array(64)
const NODE_OF_NOBODY = () => ({ mspId: 'Nobody' as MspId, publicKey: shared.crypto.generateSigningKey().publicKey })

const REFUSED: Readonly<Record<string, Case>> = {
  'of the same sequence': { change: () => ({ sequence: 0 }) },
  'of a later sequence': { change: () => ({ sequence: 2 }) },
  'of another channel': { change: () => ({ channel: 'other' }) },
  'with no signatures': { signers: () => [] },
  'that half of the organisations signed': { signers: () => [...admins(shared).slice(0, 1), newcomer.admin] },
  'that one organisation signed twice': {
    signers: () => [...admins(shared).slice(0, 1), ...admins(shared).slice(0, 1), newcomer.admin],
  },
  'that the one who joins did not sign': { signers: () => admins(shared) },
  'that a hospital’s service signed in place of its admin': {
    signers: () => [shared.organizations[0].admin, shared.organizations[1].hospital, newcomer.admin],
  },
  'signed with a certificate of another authority': {
    signers: async () => {
      const { name, mspId } = shared.organizations[1]
      const { admin } = await createOrganization(name, () => shared.clock.nowMs())
      return [shared.organizations[0].admin, { ...admin, mspId }, newcomer.admin]
    },
  },
  'signed with a certificate that has ended': {
    signers: async () => {
      const nowMs = shared.clock.nowMs()
      const period = { notBeforeMs: nowMs - 86_400_000, notAfterMs: nowMs - 1_000 }
      const ended = await issueCertificate(shared.organizations[1].authority, 'admin', period)
      return [shared.organizations[0].admin, ended, newcomer.admin]
    },
  },
  'with a signature of something else': {
    alter: (all) => all.map((one, i) => (i === 1 ? { ...one, signature: all[0]?.signature ?? unsigned } : one)),
  },
  'with one bad signature beside enough good ones': {
    alter: (all) => [...all, { ...(all[0] as ConfigurationSignature), signature: unsigned }],
  },
  'whose quorum its nodes do not reach': { change: () => ({ quorum: 2 }) },
  'with no nodes': { change: () => ({ nodes: [] }) },
  'with a node of no organisation': {
    change: () => ({ nodes: [...shared.consortium.genesis.nodes, NODE_OF_NOBODY()] }),
  },
  'with an organisation twice': { more: () => [newcomer, newcomer] },
  'to a channel of Fabric': { change: () => ({ nodes: [], fabric: { chaincode: 'trusthealth' } }) },
}

for (const [what, { change, more, signers, alter }] of Object.entries(REFUSED)) {
  test(`refused: an update ${what}`, async () => {
    const earlier = await shared.ask('status', {})
    const configuration = next(shared, more?.() ?? [newcomer], change?.())
    const update = signed(shared, configuration, (await signers?.()) ?? admins(shared, newcomer), alter)
    assert.deepEqual(await shared.request('reconfigure', { update }), rejected)
    const { configDigest, sequence } = await shared.ask('status', {})
    assert.deepEqual([configDigest, sequence], [earlier.configDigest, 0])
  })
}

test('refused: what is no update', async () => {
  assert.deepEqual(await shared.request('reconfigure', { update: new Uint8Array(9) }), rejected)
})

test('refused: an update that was taken before, and the configuration before it', async () => {
  const world = await open()
  const c = await joining(world)
  const update = signed(world, next(world, [c]), admins(world, c))
  await world.reconfigure(update)
  assert.deepEqual(await world.request('reconfigure', { update }), rejected)
  const back = signed(world, { ...world.consortium.genesis, sequence: 0 }, admins(world, c))
  assert.deepEqual(await world.request('reconfigure', { update: back }), rejected)
})

test('refused: an update signed with a certificate that its organisation revoked', async () => {
  const world = await open()
  const c = await joining(world)
  const [, b] = world.organizations
  await world.ledger.submit(b.admin, 'revokeCertificate', [b.admin.certSerial, 'key-compromise'])
  const update = signed(world, next(world, [c]), admins(world, c))
  assert.deepEqual(await world.request('reconfigure', { update }), rejected)
  const other = await issueCertificate(b.authority, 'admin')
  const again = signed(world, next(world, [c]), [world.organizations[0].admin, other, c.admin])
  assert.ok((await world.request('reconfigure', { update: again })).ok)
})

test('LEDGER_UNAVAILABLE: without the ledger nobody knows what was revoked', async () => {
  const world = await open()
  const c = await joining(world)
  // Remembered answers do not count.
  await world.connect(world.hospital)
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
  }
  const update = signed(world, next(world, [c]), admins(world, c))
  assert.deepEqual(await world.request('reconfigure', { update }), { ok: false, code: 'LEDGER_UNAVAILABLE' })
  assert.equal((await world.ask('status', {})).sequence, 0)
})

test('of two updates at once one is taken', async () => {
  const world = await open()
  const c = await joining(world)
  const d = await createOrganization('HospitalD', () => world.clock.nowMs())
  const outcomes = await Promise.all(
    [c, d].map((one) =>
      world.request('reconfigure', { update: signed(world, next(world, [one]), admins(world, one)) }),
    ),
  )
  assert.deepEqual(
    outcomes.map(({ ok }) => ok),
    [true, false],
  )
  assert.deepEqual(outcomes[1], rejected)
})

test('an end before the round is durable leaves the configuration that was in force', async () => {
  const world = await open()
  const c = await joining(world)
  const { configDigest } = await world.ask('status', {})
  const update = signed(world, next(world, [c]), admins(world, c))
  world.behaviour = async (effect) => {
    if (effect.fx !== 'need') return
    const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce)
    void world.request('endorsement', { need: effect.need, ...plainRows(answers) })
    // Taken in memory, not committed.
    world.kill()
  }
  assert.deepEqual(await world.request('reconfigure', { update }), { ok: false, code: 'TEE_RESTARTED' })
  world.behaviour = undefined
  await world.restart()
  const status = await world.ask('status', {})
  assert.deepEqual([status.configDigest, status.sequence, status.state], [configDigest, 0, 'serving'])
  assert.equal((await world.reconfigure(update)).sequence, 1)
})

/** The sealed configuration in the store. */
const rowOf = (world: TaWorld) =>
  world.inspect((database) => database.prepare(`SELECT value FROM meta WHERE name = 'configuration'`).get())?.[
    'value'
  ] as Uint8Array

/** Starts again on a store in which that stands in place of the sealed configuration. */
async function startWith(world: TaWorld, row: Uint8Array): Promise<string | undefined> {
  world.inspect((database) => database.prepare(`UPDATE meta SET value = ? WHERE name = 'configuration'`).run(row))
  await world.restart()
  return world.fatal
}

test('STATE_ROLLED_BACK: the configuration of before an update, put back into the store', async () => {
  const world = await open()
  const c = await joining(world)
  const earlier = rowOf(world)
  await world.reconfigure(signed(world, next(world, [c]), admins(world, c)))
  assert.notDeepEqual(rowOf(world), earlier)
  assert.equal(await startWith(world, earlier), 'STATE_ROLLED_BACK')
  assert.equal(world.app.state, 'stopped')
})

test('a store whose configuration has no head yet is served; the next program gives it one', async () => {
  const world = await open()
  const c = await joining(world)
  const earlier = rowOf(world)
  await world.reconfigure(signed(world, next(world, [c]), admins(world, c)))
  const newest = rowOf(world)
  world.kill()
  const port = createSqlCipherPort({ folder: world.folder })
  const store = Store.open(world.crypto, port.open('store.db', storeKeysOf(world.crypto, world.rootKey).database))
  store.beginWrite()
  store.state.delete('configuration', 'current')
  store.commit({ timeMs: world.clock.nowMs(), actor: world.serverRef })
  store.database.close()
  await world.restart()
  assert.equal(world.app.state, 'serving')
  assert.equal(await startWith(world, earlier), undefined)
  assert.equal(await startWith(world, newest), undefined)
  world.program = { measurement: new Uint8Array(32).fill(0x22), securityVersion: 2 }
  for (const { admin } of [...world.organizations, c]) {
    await world.ledger.submit(admin, 'approveProgram', [encodeHex(world.program.measurement), '2'])
  }
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], [undefined, 'serving'])
  assert.equal(await startWith(world, earlier), 'STATE_ROLLED_BACK')
})

// --- on Fabric, whose blocks hold no configuration of ours: the same rule, and peers in place of nodes

/** Organisations and chaincode of the world's channel, with some organisations more. */
function nextOnFabric(
  world: TaWorld,
  more: readonly TestOrganization[],
  change: Partial<ChannelConfiguration> = {},
): ChannelConfiguration {
  return next(world, more, { nodes: [], quorum: 2, fabric: { chaincode: TEST_CHAINCODE }, ...change })
}

test('on Fabric an organisation joins: its members get in and its peer counts, over a restart, too', async () => {
  const world = await open({ fabric: true })
  const c = await joining(world)
  const peer = await InsecureFabricPeer.create(world.crypto, c.authority)
  const { peers } = world.ledger
  const [ofA, ofB] = [...peers]
  assert.ok(ofA !== undefined && ofB !== undefined)
  await register(world, c)
  await assert.rejects(world.connect(c.hospital), { code: 'CREDENTIAL_REJECTED' })
  // Nobody counts for the newcomer before.
  peers.splice(0, peers.length, ofA, peer)
  await assert.rejects(world.connect(world.hospital), { code: 'ENDORSEMENT_SIGNATURE' })
  peers.splice(0, peers.length, ofA, ofB)

  const { sequence } = await world.reconfigure(signed(world, nextOnFabric(world, [c]), admins(world, c)))
  assert.equal(sequence, 1)
  // One of three is no quorum.
  peers.splice(0, peers.length, peer)
  await assert.rejects(world.connect(world.hospital), { code: 'ENDORSEMENT_QUORUM' })
  for (const [again, answering] of [
    [false, [ofB, peer]],
    [true, [ofA, peer]],
  ] as const) {
    peers.splice(0, peers.length, ...answering)
    if (again) await world.restart()
    await (await world.connect(c.hospital)).request('ping')
    await (await world.connect(world.hospital)).request('ping')
  }
})

const REFUSED_ON_FABRIC: Readonly<Record<string, (world: TaWorld, c: TestOrganization) => Uint8Array>> = {
  'to an embedded ledger': (world, c) => signed(world, next(world, [c]), admins(world, c)),
  'to another chaincode': (world, c) =>
    signed(world, nextOnFabric(world, [c], { fabric: { chaincode: 'other' } }), admins(world, c)),
  'to a quorum that is no majority': (world, c) =>
    signed(world, nextOnFabric(world, [c], { quorum: 1 }), admins(world, c)),
  'that half of the organisations signed': (world, c) =>
    signed(world, nextOnFabric(world, [c]), [...admins(world).slice(0, 1), c.admin]),
  'that the one who joins did not sign': (world, c) => signed(world, nextOnFabric(world, [c]), admins(world)),
  'that nobody signed': (world, c) => signed(world, nextOnFabric(world, [c]), []),
  'of a later sequence': (world, c) => signed(world, nextOnFabric(world, [c], { sequence: 2 }), admins(world, c)),
  'of another channel': (world, c) => signed(world, nextOnFabric(world, [c], { channel: 'other' }), admins(world, c)),
}

test('refused on Fabric: every update that is not the next one of this channel, signed by all who must', async () => {
  const world = await open({ fabric: true })
  const c = await joining(world)
  const { configDigest } = await world.ask('status', {})
  for (const [what, updateOf] of Object.entries(REFUSED_ON_FABRIC)) {
    assert.deepEqual(await world.request('reconfigure', { update: updateOf(world, c) }), rejected, what)
    const status = await world.ask('status', {})
    assert.deepEqual([status.configDigest, status.sequence], [configDigest, 0], what)
  }
  const update = signed(world, nextOnFabric(world, [c]), admins(world, c))
  await world.reconfigure(update)
  assert.deepEqual(await world.request('reconfigure', { update }), rejected)
})

test('refused on Fabric: an update signed with a certificate that its organisation revoked', async () => {
  const world = await open({ fabric: true })
  const c = await joining(world)
  const [, b] = world.organizations
  await world.ledger.submit(b.admin, 'revokeCertificate', [b.admin.certSerial, 'key-compromise'])
  const update = signed(world, nextOnFabric(world, [c]), admins(world, c))
  assert.deepEqual(await world.request('reconfigure', { update }), rejected)
})

test('TEE_NOT_PROVISIONED, TEE_RECOVERING: nothing is taken before the store is known to be the newest', async () => {
  const world = await TaWorld.openUnprovisioned()
  worlds.push(world)
  const c = await joining(world)
  const update = signed(world, next(world, [c]), admins(world, c))
  assert.deepEqual(await world.request('reconfigure', { update }), { ok: false, code: 'TEE_NOT_PROVISIONED' })
  await world.provision()
  world.behaviour = async () => {}
  await world.restart()
  assert.deepEqual(await world.request('reconfigure', { update }), { ok: false, code: 'TEE_RECOVERING' })
})
