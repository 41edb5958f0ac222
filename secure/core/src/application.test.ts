import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { decodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { encodeCbor, type CborValue } from '../../../shared/protocol/src/index.ts'
import { startHandshake } from '../../../shared/protocol/src/session/index.ts'
import { issueCertificate } from '../../../testkit/src/consortium.ts'
import { MEASUREMENT, TaWorld } from '../../../testkit/src/ta-world.ts'
import { encodeConfiguration } from './index.ts'

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})
async function fresh(): Promise<TaWorld> {
  const world = await TaWorld.openUnprovisioned()
  worlds.push(world)
  return world
}
async function serving(): Promise<TaWorld> {
  const world = await TaWorld.open()
  worlds.push(world)
  return world
}
const helloOf = ({ crypto }: TaWorld) => ({ hello: startHandshake(crypto).hello, conn: 1 })

test('a new application says so, and serves nothing but status and provisioning', async () => {
  const world = await fresh()
  const status = await world.ask('status', {})
  assert.deepEqual([status.state, status.measurement, status.serverRef], ['new', MEASUREMENT, undefined])
  for (const [op, body] of [
    ['hello', helloOf(world)],
    ['attest', { nonce: new Uint8Array(32) }],
    ['certificate', { cert: new Uint8Array(1) }],
    ['anchor-now', {}],
    ['checkpoint', {}],
  ] as const) {
    assert.deepEqual(await world.request(op, body as never), { ok: false, code: 'TEE_NOT_PROVISIONED' }, op)
  }
})

test('it is provisioned once; the identity key is made inside and stays over a restart', async () => {
  const world = await fresh()
  const first = await world.ask('provision', { config: world.config })
  assert.deepEqual(await world.request('provision', { config: world.config }), {
    ok: false,
    code: 'TEE_ALREADY_PROVISIONED',
  })
  const evidence = await world.ask('attest', { nonce: new Uint8Array(32) })
  assert.ok(evidence.evidence.length > 0)
  await world.restart()
  const status = await world.ask('status', {})
  assert.deepEqual(
    [status.state, status.identityKey, status.configDigest],
    ['provisioned', first.identityKey, first.configDigest],
  )
})

test('a configuration that contradicts itself is refused, and another can follow', async () => {
  const world = await fresh()
  const { organizations, nodes } = world.consortium.genesis
  const good = {
    channel: world.consortium.channel,
    serverRef: world.serverRef,
    organizations,
    ledgerNodes: nodes.map(({ mspId, publicKey }) => ({ mspId: mspId as string, publicKey })),
    quorum: 1,
    logOrigin: `trusthealth/${world.serverRef}`,
    allow: { policyCacheMs: 0 },
  }
  const bad = [
    { ...good, quorum: 2 },
    { ...good, quorum: 0 },
    { ...good, organizations: [] },
    { ...good, organizations: [...organizations, ...organizations] },
    { ...good, ledgerNodes: good.ledgerNodes.map((node) => ({ ...node, mspId: 'Nobody' })) },
    { ...good, logOrigin: 'other' },
    { ...good, ledgerNodes: [] },
    { ...good, fabric: { chaincode: 'trusthealth' } },
    { ...good, ledgerNodes: [], fabric: { chaincode: '' } },
    { ...good, ledgerNodes: [], fabric: { chaincode: 'trusthealth' }, quorum: organizations.length + 1 },
    { ...good, allow: { policyCacheMs: 5_001 } },
    { ...good, more: 1 },
  ]
  for (const configuration of bad) {
    const outcome = await world.request('provision', { config: encodeConfiguration(configuration) })
    assert.deepEqual(outcome, { ok: false, code: 'MESSAGE_MALFORMED' })
  }
  const offCurve = good.ledgerNodes.map((node) => ({ ...node, publicKey: new Uint8Array(65).fill(4) }))
  const refused = await world.request('provision', { config: encodeConfiguration({ ...good, ledgerNodes: offCurve }) })
  assert.deepEqual(refused, { ok: false, code: 'CRYPTO_BAD_KEY' })
  await world.ask('provision', { config: encodeConfiguration(good) })
})

test('only a certificate of its own key, as this server, by a trusted root, is taken', async () => {
  const world = await fresh()
  const { identityKey } = await world.ask('provision', { config: world.config })
  const { authority } = world.organizations[0]
  const outsider = await TaWorld.openUnprovisioned()
  worlds.push(outsider)
  const issue = async (by: typeof authority, change: object) => {
    const asked = { role: 'server' as const, ref: world.serverRef, publicKey: identityKey, ...change }
    return (await by.issue(asked)).chain[0]
  }
  const wrong = [
    await issue(authority, { publicKey: world.crypto.generateSigningKey().publicKey }),
    await issue(authority, { role: 'doctor' }),
    await issue(authority, { ref: `s-${'0'.repeat(32)}` }),
    await issue(outsider.organizations[0].authority, {}),
    await issue(authority, { notBeforeMs: world.clock.nowMs() + 1_000 }),
  ]
  for (const cert of wrong) {
    assert.deepEqual(await world.request('certificate', { cert }), { ok: false, code: 'CREDENTIAL_REJECTED' })
  }
  const nothing = await world.request('certificate', { cert: new Uint8Array(10) })
  assert.deepEqual(nothing, { ok: false, code: 'CRYPTO_BAD_CERTIFICATE' })
  assert.equal(world.app.state, 'provisioned')
})

test('until the ledger says that the store is the newest, nothing is served: TEE_RECOVERING', async () => {
  const world = await serving()
  world.behaviour = async () => {}
  await world.restart()
  assert.equal(world.app.state, 'recovering')
  assert.deepEqual(await world.request('hello', helloOf(world)), { ok: false, code: 'TEE_RECOVERING' })
  // The question is asked again after a while: the first one may have been lost.
  let asked = 0
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') asked++
    await honest(effect)
  }
  world.clock.advanceMs(10_000)
  world.tick()
  world.clock.advanceMs(500)
  world.tick()
  await world.settle()
  assert.ok(asked > 0)
  assert.equal(world.app.state, 'serving')
})

test('messages that are not in order are refused by their number, or not at all', async () => {
  const world = await serving()
  const outcomes: CborValue[] = []
  world.onUnexpected = (body) => outcomes.push(body)
  for (const message of [
    encodeCbor({ id: 900_001, op: 'nothing' }),
    encodeCbor({ id: 900_002, op: 'status', more: 1 }),
    encodeCbor({ id: 900_003, op: 'proof', index: 1 }),
    encodeCbor({ op: 'status' }),
    encodeCbor([1, 2]),
    Uint8Array.of(0xff),
  ]) {
    world.app.handle(message)
  }
  world.flush()
  assert.deepEqual(outcomes, [
    { id: 900_001, ok: false, code: 'TEE_UNKNOWN_COMMAND' },
    { id: 900_002, ok: false, code: 'MESSAGE_MALFORMED' },
    { id: 900_003, ok: false, code: 'MESSAGE_MALFORMED' },
  ])
  assert.equal(world.app.state, 'serving')
})

test('a session record of nobody, or altered, is refused without ending anything', async () => {
  const world = await serving()
  const session = await world.connect(world.hospital)
  const { frame } = session.session.sealRequest({ cmd: 'ping' }, world.clock.monotonicMs())
  const altered = frame.slice()
  altered[altered.length - 1] = (altered[altered.length - 1] ?? 0) ^ 1
  const unknown = frame.slice()
  unknown[0] = (unknown[0] ?? 0) ^ 1
  assert.deepEqual(await world.request('record', { record: altered }), { ok: false, code: 'SESSION_RECORD_REJECTED' })
  assert.deepEqual(await world.request('record', { record: unknown }), { ok: false, code: 'SESSION_UNKNOWN' })
  assert.ok((await world.request('record', { record: frame })).ok)
  assert.deepEqual(await world.request('record', { record: frame }), { ok: false, code: 'SESSION_REPLAY' })
})

test('a client whom the ledger does not know opens no session; one that cannot be asked about, neither', async () => {
  const world = await serving()
  const stranger = await issueCertificate(world.organizations[0].authority, 'doctor')
  await assert.rejects(world.connect(stranger), { code: 'CREDENTIAL_REJECTED' })
  world.clock.advanceMs(5_000)
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  await assert.rejects(world.connect(world.hospital), { code: 'LEDGER_UNAVAILABLE' })
})

test('two of two organisations must agree where the configuration says so', async () => {
  const world = await TaWorld.open({ twoNodes: true })
  worlds.push(world)
  const patient = await world.patient()
  const session = await world.connect(patient)
  await session.request('record.list', { patient: patient.ref })
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce)
    await world.request('endorsement', { need: effect.need, answers: answers.map((all) => all.slice(0, 1)) })
  }
  await assert.rejects(session.request('record.list', { patient: patient.ref }), { code: 'ENDORSEMENT_QUORUM' })
})

test('on Fabric the peers’ answers count, whose certificates the organisations’ roots issued', async () => {
  const world = await TaWorld.open({ fabric: true })
  worlds.push(world)
  const doctor = await world.doctor()
  const patient = await world.patient()
  const upload = world.upload(patient, { author: doctor, warrant: await world.warrant(patient, [doctor]) })
  const stored = (await world.connect(doctor)).request('record.store', { envelope: upload.envelope })
  await world.commit(upload)
  await stored
  const session = await world.connect(patient)
  const read = await session.request('record.read', { record: upload.commitment.recordId })
  assert.deepEqual(read['ehr'], upload.ehr)
  world.ledger.peers.pop()
  await assert.rejects(session.request('record.list', { patient: patient.ref }), { code: 'ENDORSEMENT_QUORUM' })
})

test('answers of the other kind of ledger do not count: nodes on Fabric, peers elsewhere', async () => {
  for (const fabric of [true, false]) {
    const world = await TaWorld.open({ fabric })
    worlds.push(world)
    const patient = await world.patient()
    const session = await world.connect(patient)
    await session.request('record.list', { patient: patient.ref })
    if (fabric) world.ledger.peers.splice(0)
    else await world.startPeers()
    await assert.rejects(session.request('record.list', { patient: patient.ref }), { code: 'ENDORSEMENT_MALFORMED' })
  }
})

test('everything that arrived together is made durable together, and answered together', async () => {
  let commits = 0
  const world = await TaWorld.open({
    database: (port) => ({
      open: (name, key) => {
        const database = port.open(name, key)
        return {
          ...database,
          exec(sql) {
            if (sql === 'COMMIT') commits++
            database.exec(sql)
          },
        }
      },
    }),
  })
  worlds.push(world)
  const patient = await world.patient()
  const session = await world.connect(patient)
  await world.settle()
  commits = 0
  const reads = Array.from({ length: 50 }, () => session.request('record.list', { patient: patient.ref }))
  await Promise.all(reads)
  assert.equal(commits, 1)
})

test('evidence and session prove what was registered', async () => {
  const world = await serving()
  const pending = startHandshake(world.crypto)
  const { reply } = await world.ask('hello', { hello: pending.hello, conn: 1 })
  const policy = { teeKinds: ['process'], minSecurityVersion: 1 }
  const identity = world.identityOf(world.hospital)
  const server = world.registration()
  assert.throws(() => pending.checkServer(reply, { server, policy }, identity), { code: 'ATTESTATION_SIMULATED' })
  const again = startHandshake(world.crypto)
  const second = await world.ask('hello', { hello: again.hello, conn: 1 })
  const other = { ...server, configDigest: '00'.repeat(32) }
  const allowed = { ...policy, allowSimulated: true }
  assert.throws(() => again.checkServer(second.reply, { server: other, policy: allowed }, identity), {
    code: 'ATTESTATION_CONFIG',
  })
})

test('checkpoint and proofs are public; a backup is a copy that opens under the same key', async () => {
  const world = await serving()
  const { checkpoint } = await world.ask('checkpoint', {})
  const size = Number(checkpoint.split('\n')[1])
  assert.ok((await world.ask('proof', { index: 0, size })).proof.length > 0)
  assert.ok((await world.ask('proof', { from: 1, to: size })).proof.length > 0)
  assert.deepEqual(await world.request('proof', { index: 0, size: size + 50 }), { ok: false, code: 'LOG_SIZE_INVALID' })
  assert.deepEqual(await world.request('proof', { from: 0, to: size }), { ok: false, code: 'LOG_SIZE_INVALID' })
  const made = await world.ask('backup', { name: 'copy-1.db' })
  assert.equal(made.name, 'copy-1.db')
  assert.equal(Number(made.checkpoint.split('\n')[1]), (await world.ask('status', {})).logSize)
  for (const name of ['copy-1.db', 'store.db']) {
    assert.deepEqual(await world.request('backup', { name }), { ok: false, code: 'STORE_FAILED' })
  }
  assert.equal(world.app.state, 'serving')
})

/** A world whose cryptography fails while `isBroken` says so of what is to be signed; undefined: of a new share. */
async function failing() {
  const crypto = createNodeCrypto()
  const fault: { isBroken: (message?: Uint8Array) => boolean } = { isBroken: () => false }
  const check = (message?: Uint8Array): void => {
    if (fault.isBroken(message)) throw new Error('out of order')
  }
  const sign: Crypto['sign'] = (key, message) => {
    check(message)
    return crypto.sign(key, message)
  }
  const encapsulate: Crypto['encapsulate'] = (key) => {
    check()
    return crypto.encapsulate(key)
  }
  const world = await TaWorld.open({ crypto: { ...crypto, sign, encapsulate } })
  worlds.push(world)
  return { world, fault }
}

test('TEE_FAULT: a fault of our own before anything was changed refuses one request and ends nothing', async () => {
  const { world, fault } = await failing()
  const before = await world.ask('status', {})
  fault.isBroken = (message) => message === undefined
  assert.deepEqual(await world.request('hello', helloOf(world)), { ok: false, code: 'TEE_FAULT' })
  fault.isBroken = () => false
  assert.deepEqual(await world.ask('status', {}), before)
  await (await world.connect(world.hospital)).request('ping')
})

test('TEE_FAULT: what is stored and cannot be told is stored once, and told when it is asked again', async () => {
  const { world, fault } = await failing()
  const author = await world.doctor()
  const patient = await world.patient()
  const upload = world.upload(patient, { author, warrant: await world.warrant(patient, [author]) })
  const session = await world.connect(author)
  const sending = session.request('record.store', { envelope: upload.envelope })
  await world.settle()
  // A receipt is a JWS: its signing input begins with these letters.
  fault.isBroken = (message) => message !== undefined && decodeUtf8(message.slice(0, 3)) === 'eyJ'
  await Promise.all([assert.rejects(sending, { code: 'TEE_FAULT' }), world.commit(upload)])
  fault.isBroken = () => false
  assert.equal((await world.ask('status', {})).records, 1)
  assert.ok((await session.request('record.store', { envelope: upload.envelope }))['receipt'])
  assert.equal((await world.ask('status', {})).records, 1)
})

test('stop answers and ends; nothing is answered after it', async () => {
  const world = await serving()
  assert.deepEqual(await world.ask('stop', {}), {})
  assert.deepEqual([world.app.state, world.app.isDue], ['stopped', false])
  world.app.handle(encodeCbor({ id: 1, op: 'status' }))
  assert.deepEqual(world.app.commit(), [])
})
