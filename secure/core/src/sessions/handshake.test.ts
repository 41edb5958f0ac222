import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { createPortableCrypto } from '../../../../shared/crypto/src/portable-crypto.ts'
import type { ClientSession } from '../../../../shared/protocol/src/session/client-session.ts'
import { startHandshake, type SigningClientIdentity } from '../../../../shared/protocol/src/session/client.ts'
import { NOW, openSessionWorld, WORLD_TIME_MS, type SessionWorld } from '../../../../testkit/src/session-world.ts'
import type { OrganizationFacts } from './client.ts'
import type { Session } from './session.ts'
import { SessionTable } from './table.ts'

interface Opened {
  readonly client: ClientSession
  readonly server: Session
}

function open(
  world: SessionWorld,
  table: SessionTable,
  identity: SigningClientIdentity,
  facts: OrganizationFacts,
  clientCrypto = world.crypto,
): Opened {
  const pending = startHandshake(clientCrypto)
  const unconfirmed = pending.complete(table.hello(pending.hello, 1, NOW), world.check, identity)
  const { session, record } = table.completeFinish(table.finish(unconfirmed.finish, NOW), facts, NOW)
  return { client: unconfirmed.confirm(record, NOW.monotonicMs), server: session }
}

test('doctor, hospital and auditor open sessions, and the server knows who they are', () => {
  const world = openSessionWorld()
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  for (const [role, kind] of [
    ['doctor', 'practitioner'],
    ['hospital', 'organization'],
    ['auditor', 'auditor'],
  ] as const) {
    const participant = world.participant(role)
    const { client, server } = open(world, table, participant.identity, world.facts([participant]))
    assert.equal(server.client.kind, kind)
    assert.equal(server.client.ref, participant.ref)
    assert.equal(server.client.mspId, 'HospitalA')
    assert.equal(server.client.emergency, false)
    assert.equal(client.sid, server.id)
    assert.deepEqual(client.exporter, server.exporter)

    const { seq, frame } = client.sealRequest({ cmd: 'whoami' }, NOW.monotonicMs)
    const opened = table.openRecord(frame, NOW)
    assert.equal(opened.session, server)
    assert.deepEqual(opened.request, { cmd: 'whoami' })
    const answer = table.sealAnswer(opened.session, opened.seq, { ok: true, ref: participant.ref })
    assert.deepEqual(client.openAnswer(seq, answer), { ok: true, ref: participant.ref })
  }
  assert.equal(table.size, 3)
  assert.equal(table.halfOpenSize, 0)
})

test('only a doctor whose certificate says so has the emergency attribute', () => {
  const world = openSessionWorld()
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const attributesOf = (role: string, ref: string, emergency: string) => ({
    attributes: { 'trusthealth.role': role, 'trusthealth.ref': ref, 'trusthealth.emergency': emergency },
  })
  for (const [role, emergency, expected] of [
    ['doctor', 'true', true],
    ['doctor', 'TRUE', false],
    ['hospital', 'true', false],
  ] as const) {
    const { ref } = world.participant(role)
    const participant = world.participant(role, { ref, ...attributesOf(role, ref, emergency) })
    const { server } = open(world, table, participant.identity, world.facts([participant]))
    assert.equal(server.client.emergency, expected, `${role} ${emergency}`)
  }
})

test('the two implementations of the cryptography understand each other, either way round', () => {
  const node = createNodeCrypto()
  const portable = createPortableCrypto((length) => node.randomBytes(length))
  for (const [serverCrypto, clientCrypto] of [
    [node, portable],
    [portable, node],
    [portable, portable],
  ] as const) {
    const world = openSessionWorld(serverCrypto)
    const table = new SessionTable(serverCrypto, world.server, world.organizations)
    const clientKey = clientCrypto.generateSigningKey()
    const participant = world.participant('doctor', { key: clientKey })
    const identity = { ...participant.identity, sign: (message: Uint8Array) => clientCrypto.sign(clientKey, message) }
    const { client } = open(world, table, identity, world.facts([participant]), clientCrypto)
    const { seq, frame } = client.sealRequest({ cmd: 'ping' }, 0)
    const opened = table.openRecord(frame, NOW)
    assert.deepEqual(client.openAnswer(seq, table.sealAnswer(opened.session, opened.seq, { ok: true })), { ok: true })
  }
})

test('a signer that answers later gets the bytes to sign, and the rest waits', async () => {
  const world = openSessionWorld()
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const doctor = world.participant('doctor')
  const pending = startHandshake(world.crypto)
  const checked = pending.checkServer(table.hello(pending.hello, 1, NOW), world.check, doctor.identity)
  assert.equal(checked.evidence.measurement, world.claims.measurement)
  const signature = await Promise.resolve(doctor.identity.sign(checked.toBeSigned))
  const unconfirmed = checked.finishWith(signature)
  const { record } = table.completeFinish(table.finish(unconfirmed.finish, NOW), world.facts([doctor]), NOW)
  assert.equal(unconfirmed.confirm(record, 0).isExpired(0), false)
})

test('the answer to the finish tells when the session ends', () => {
  const world = openSessionWorld()
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const doctor = world.participant('doctor')
  const { server, client } = open(world, table, doctor.identity, world.facts([doctor]))
  assert.equal(server.expiresMs, NOW.monotonicMs + 3_600_000)
  assert.equal(client.expiresMs, NOW.monotonicMs + 3_600_000)
  assert.equal(NOW.unixMs, WORLD_TIME_MS)
})

test('the hello names nobody and no two are alike', () => {
  const { crypto } = openSessionWorld()
  const [a, b] = [startHandshake(crypto).hello, startHandshake(crypto).hello]
  assert.notDeepEqual(a, b)
  assert.equal(a.length, b.length)
})

test('two sessions of one client have nothing in common', () => {
  const world = openSessionWorld()
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const doctor = world.participant('doctor')
  const [a, b] = [1, 2].map(() => open(world, table, doctor.identity, world.facts([doctor]))) as [Opened, Opened]
  assert.notEqual(a.client.sid, b.client.sid)
  assert.notDeepEqual(a.client.exporter, b.client.exporter)
  const { frame } = a.client.sealRequest({ cmd: 'ping' }, 0)
  assert.throws(() => b.server.open(frame), { code: 'SESSION_RECORD_REJECTED' })
})
