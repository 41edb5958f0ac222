/**
 * One server follows another: what it is given, to whom, and what the host between them can do about it.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeHex, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { startHandshake } from '../../../../shared/protocol/src/session/index.ts'
import { encodeFinish } from '../../../../shared/protocol/src/session/messages.ts'
import { decodeOutcome, decodeTaMessage, encodeRequest, FrameReader } from '../../../../shared/tee-abi/src/index.ts'
import { copyStore, ReplicaWorld } from '../../../../testkit/src/replica-world.ts'
import { observation, TaWorld, type WorldPatient } from '../../../../testkit/src/ta-world.ts'
import { createSqlCipherPort } from '../../../adapters/sqlcipher/src/index.ts'
import { storeKeysOf } from '../keys/sealing.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import type { DatabasePort } from '../ports.ts'

const opened: { close(): void }[] = []
after(() => opened.forEach((one) => one.close()))

async function openWorld(): Promise<TaWorld> {
  const world = await TaWorld.open()
  opened.push(world)
  return world
}

async function store(world: TaWorld, patient: WorldPatient): Promise<string> {
  const author = await world.doctor()
  const { commitment } = await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
  await world.settle()
  return commitment.recordId
}

async function follow(world: TaWorld): Promise<ReplicaWorld> {
  const replica = await ReplicaWorld.following(world)
  opened.push(replica)
  return replica
}

async function prepared(world: TaWorld, options: { readonly measurement?: Uint8Array } = {}): Promise<ReplicaWorld> {
  const replica = new ReplicaWorld(world, options)
  opened.push(replica)
  await replica.prepare()
  return replica
}

test('a replica has what the server has: commit by commit, before and after both start again', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  await store(world, patient)
  const replica = await follow(world)
  await store(world, patient)
  await replica.catchUp()
  const { logSize, replication } = await world.ask('status', {})
  const { following, state } = await replica.ask('status', {})
  assert.equal(state, 'following')
  assert.deepEqual(following, { position: replication?.position, logSize })

  replica.restart()
  await replica.ask('follow-open', {})
  await replica.join()
  await store(world, patient)
  await replica.catchUp()
  assert.equal((await replica.ask('status', {})).following?.logSize, (await world.ask('status', {})).logSize)
})

test('the key is handed to nobody whom less than half of the organisations approved', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await replica.register()
  await replica.approve(1)
  await replica.add()
  await assert.rejects(replica.join(), { code: 'REPLICA_NOT_APPROVED' })
})

test('votes for a program are none for a replica', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await replica.register()
  await replica.approve(2, 1)
  await replica.add()
  await assert.rejects(replica.join(), { code: 'REPLICA_NOT_APPROVED' })
})

test('a device that the registration does not list is refused, whoever approved it', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await replica.approve(2)
  await replica.add()
  await assert.rejects(replica.join(), { code: 'ATTESTATION_SIGNATURE' })
})

test('a replica with another program is refused by the server, and refuses it', async () => {
  const world = await openWorld()
  const replica = await prepared(world, { measurement: new Uint8Array(32).fill(0x22) })
  await replica.register()
  await replica.approve(2)
  await replica.add()
  await assert.rejects(replica.join(), { code: 'ATTESTATION_MEASUREMENT' })
})

test('another replica than the one that was added is refused, and while there is none every one is', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await replica.register()
  await replica.approve(2)
  await assert.rejects(replica.join(), { code: 'REPLICA_UNKNOWN' })
  const other = await prepared(world)
  await replica.add()
  await assert.rejects(other.join(), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(world.ask('replica-record', { record: new Uint8Array(64) }), { code: 'SESSION_UNKNOWN' })
  const finish = encodeFinish({ sid: new Uint8Array(16), box: new Uint8Array(64) })
  await assert.rejects(world.ask('replica-finish', { finish }), { code: 'SESSION_UNKNOWN' })
})

test('a server that the ledger does not have, or that is another one, gets no finish', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await replica.register([replica.attestation.publicKey])
  await replica.approve(2)
  await replica.add()
  await assert.rejects(replica.join(), { code: 'ATTESTATION_SIGNATURE' })
})

test('a server that the ledger calls suspended is not followed', async () => {
  const world = await openWorld()
  const replica = await ReplicaWorld.prepared(world)
  opened.push(replica)
  await world.ledger.submit(world.organizations[0].admin, 'suspendParticipant', [world.serverRef, 'left'])
  await assert.rejects(replica.join(), { code: 'CREDENTIAL_REJECTED' })
  await assert.rejects(replica.ask('follow-open', {}), { code: 'REPLICA_UNKNOWN' })
})

test('by the door of replicas nobody else comes in', async () => {
  const world = await openWorld()
  const replica = await ReplicaWorld.prepared(world)
  opened.push(replica)
  const pending = startHandshake(world.crypto)
  const { reply } = await world.ask('replica-hello', { hello: pending.hello })
  const policy = { teeKinds: ['process'], minSecurityVersion: 1, allowSimulated: true } as const
  const check = { server: world.registration(), policy }
  const { finish } = pending.complete(reply, check, world.identityOf(world.hospital))
  await assert.rejects(world.ask('replica-finish', { finish }), { code: 'CREDENTIAL_REJECTED' })
  await assert.rejects(world.ask('replica-record', { record: new Uint8Array(64) }), { code: 'SESSION_UNKNOWN' })
})

test('a session of a replica ends after an hour; a new one goes on', async () => {
  const world = await openWorld()
  const replica = await follow(world)
  const record = replica.request ?? new Uint8Array(0)
  world.clock.advanceMs(3_600_000)
  await assert.rejects(world.ask('replica-record', { record }), { code: 'SESSION_EXPIRED' })
  await replica.join()
  await replica.step()
})

test('a replica that waits while more changes than is kept for it needs a new copy', async () => {
  const world = await TaWorld.open({ limits: { ...DEFAULT_LIMITS, keptBytes: 32_768 } })
  opened.push(world)
  const patient = await world.patient()
  const replica = await follow(world)
  const before = await replica.position()
  const waiting = world.ask('replica-record', { record: replica.request ?? new Uint8Array(0) })
  const author = await world.doctor()
  const ehr = encodeUtf8(JSON.stringify(observation({ note: [{ text: encodeHex(world.crypto.randomBytes(65_536)) }] })))
  await world.store(patient, { author, warrant: await world.warrant(patient, [author]), ehr })
  await assert.rejects(replica.ask('follow-record', await waiting), { code: 'REPLICA_BEHIND' })
  assert.equal(await replica.position(), before)
  await replica.copy()
  await replica.catchUp()
})

test('changes that come after the copy was put away are not applied', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  const answer = world.ask('replica-record', { record: replica.request ?? new Uint8Array(0) })
  await store(world, patient)
  await replica.ask('follow-close', {})
  await assert.rejects(replica.ask('follow-record', await answer), { code: 'SESSION_UNKNOWN' })
  assert.equal((await replica.ask('status', {})).following, undefined)
})

test('a replica whose copy is put away while the ledger is asked does not take over', async () => {
  const world = await TaWorld.openUnprovisioned()
  opened.push(world)
  // No checkpoint on the ledger that it would lack.
  world.behaviour = async (effect, honest) => (effect.fx === 'anchor' ? undefined : await honest(effect))
  await world.provision()
  const replica = await follow(world)
  await name(world, replica)
  const promoted = replica.ask('promote', {})
  replica.app.handle(encodeRequest<'follow-close'>({ id: 1_000_000, op: 'follow-close' }))
  await assert.rejects(promoted, { code: 'REPLICA_UNKNOWN' })
  assert.equal((await replica.ask('status', {})).state, 'following')
})

test('what the host alters, repeats, leaves out or exchanges is not applied', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  await store(world, patient)
  const before = await replica.position()
  const flipped = (record: Uint8Array): Uint8Array =>
    record.map((byte, i) => (i === record.length - 1 ? byte ^ 1 : byte))
  await assert.rejects(replica.step(flipped), { code: 'SESSION_RECORD_REJECTED' })
  assert.equal(await replica.position(), before)

  await replica.join()
  let first = new Uint8Array(0)
  await replica.step((record) => (first = new Uint8Array(record)))
  await assert.rejects(
    replica.step(() => first),
    { code: 'SESSION_RECORD_REJECTED' },
  )

  // A request again: the server takes each once.
  await replica.join()
  const request = replica.request ?? new Uint8Array(0)
  await replica.step()
  await assert.rejects(world.ask('replica-record', { record: request }), { code: 'SESSION_REPLAY' })
  await replica.catchUp()
})

test('a replica that stood still too long, and one with an older copy, need a new one', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  await store(world, patient)
  // What it lacks was kept in memory.
  await world.restart()
  await replica.join()
  await assert.rejects(replica.step(), { code: 'REPLICA_BEHIND' })
  // What it has it keeps until there is a new copy: it may be all that is left.
  assert.ok((await replica.position()) > 0)
  await replica.copy()
  await replica.catchUp()
  assert.equal((await replica.ask('status', {})).following?.logSize, (await world.ask('status', {})).logSize)
})

/** A server that ended, with the store of before a record that its replica has. */
async function putBack() {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  // Else the ledger tells before the replica can.
  world.behaviour = async (effect, honest) => (effect.fx === 'anchor' ? undefined : await honest(effect))
  const older = mkdtempSync(join(tmpdir(), 'trusthealth-older-'))
  opened.push({ close: () => rmSync(older, { recursive: true }) })
  copyStore(world.folder, older)
  await store(world, patient)
  await replica.catchUp()
  world.kill()
  copyStore(older, world.folder)
  return { world, replica }
}

test('a server that was put back below what the replica has stops', async () => {
  const { world, replica } = await putBack()
  await world.restart()
  assert.equal(world.app.state, 'serving')
  await replica.join()
  await assert.rejects(replica.step())
  assert.equal(world.fatal, 'STATE_ROLLED_BACK')
})

test('a server that was put back and went on another way is noticed by its log', async () => {
  const { world, replica } = await putBack()
  const behind = async (): Promise<boolean> => {
    const { replication } = await world.ask('status', {})
    return (replication?.position ?? 0) < (await replica.position())
  }
  // Each start is a commit, of another moment than what the replica has.
  do await world.restart()
  while (await behind())
  await replica.join()
  await assert.rejects(replica.step(), { code: 'REPLICA_DIVERGED' })
})

test('a copy that was altered or mixed is not opened', async () => {
  const world = await openWorld()
  const replica = await ReplicaWorld.prepared(world)
  opened.push(replica)
  await assert.rejects(replica.ask('follow-open', {}), { code: 'REPLICA_UNKNOWN' })
  await replica.join()
  await assert.rejects(replica.ask('follow-open', {}), { code: 'STORE_DAMAGED' })
})

test('operations of one role are refused in the other', async () => {
  const world = await openWorld()
  const replica = await prepared(world)
  await assert.rejects(world.ask('follow-hello', {}), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(world.ask('promote', {}), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(world.ask('replica-mode', { mode: 'asynchronous' }), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(replica.ask('follow-reply', { reply: new Uint8Array(64) }), { code: 'SESSION_UNKNOWN' })
  await assert.rejects(replica.ask('follow-record', { record: new Uint8Array(64) }), { code: 'SESSION_UNKNOWN' })
  await assert.rejects(world.ask('follow-prepare', { config: world.config }), { code: 'TEE_ALREADY_PROVISIONED' })
  await assert.rejects(replica.ask('promote', {}), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(replica.ask('provision', { config: world.config }), { code: 'TEE_ALREADY_PROVISIONED' })
  await assert.rejects(replica.ask('hello', { hello: new Uint8Array(1), conn: 1 }), { code: 'TEE_NOT_PROVISIONED' })
  await assert.rejects(replica.ask('attest', { nonce: new Uint8Array(32) }), { code: 'TEE_NOT_PROVISIONED' })
  await assert.rejects(replica.ask('configuration', {}), { code: 'TEE_NOT_PROVISIONED' })
  await assert.rejects(replica.ask('certificate', { cert: new Uint8Array(1) }), { code: 'TEE_NOT_PROVISIONED' })
})

test('TEE_NOT_OFFERED: a platform without replicas is neither followed nor follows, and restores nothing', async () => {
  const plain = (port: DatabasePort): DatabasePort => ({ open: (file, key) => port.open(file, key) })
  const world = await TaWorld.open({ database: plain })
  opened.push(world)
  const refused = { code: 'TEE_NOT_OFFERED' }
  for (const mode of ['asynchronous', 'synchronous'] as const) {
    await assert.rejects(world.ask('replica-mode', { mode, key: world.attestationKey }), refused)
  }
  await world.ask('replica-mode', { mode: 'off' })
  await store(world, await world.patient())
  const empty = new ReplicaWorld(world, { database: plain })
  opened.push(empty)
  await assert.rejects(empty.ask('follow-prepare', { config: world.config }), refused)
  await assert.rejects(empty.ask('restore-prepare', { config: world.config }), refused)
  assert.equal((await empty.ask('status', {})).state, 'new')
})

/** The organisations name the replica as the one that holds the store. */
async function name(world: TaWorld, replica: ReplicaWorld, count = 2): Promise<void> {
  const vote = JSON.stringify({ term: 1, instance: encodeHex(replica.instance) })
  for (const { admin } of world.organizations.slice(0, count)) {
    await world.ledger.submit(admin, 'approveSuccession', [world.serverRef, vote])
  }
}

test('a replica takes over when the organisations have named it, and has every record; the server before stops', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const record = await store(world, patient)
  const replica = await follow(world)
  await assert.rejects(replica.ask('promote', {}), { code: 'STORE_NOT_HELD' })
  await name(world, replica, 1)
  await assert.rejects(replica.ask('promote', {}), { code: 'STORE_NOT_HELD' })
  await replica.join()
  await replica.catchUp()
  const { logSize, records } = await world.ask('status', {})
  await name(world, replica)
  await replica.ask('promote', {})
  // It asks the ledger, as after every start.
  await replica.ask('status', {})
  const status = await replica.ask('status', {})
  assert.equal(status.state, 'serving')
  assert.equal(status.records, records)
  assert.ok(status.logSize >= logSize)
  assert.equal(status.replication, undefined)

  // Whatever the server before asks of the ledger next, it learns that it is over, now and at every start. What it knows of
  // organisations it asks again after five seconds.
  world.clock.advanceMs(5_000)
  await assert.rejects(world.connect(patient))
  assert.equal(world.fatal, 'STORE_SUCCEEDED')
  await world.restart()
  assert.equal(world.fatal, 'STORE_SUCCEEDED')
  assert.ok(record.startsWith('r-'))

  replica.restart()
  await replica.ask('status', {})
  assert.equal((await replica.ask('status', {})).state, 'serving')
})

/** Whether the store in a folder opens with the keys of that root. */
function isUnder(world: TaWorld, folder: string, root: Uint8Array): boolean {
  const here = mkdtempSync(join(tmpdir(), 'trusthealth-look-'))
  try {
    copyStore(folder, here)
    createSqlCipherPort({ folder: here }).open('store.db', storeKeysOf(world.crypto, root).database).close()
    return true
  } catch (error) {
    assert.equal((error as { readonly code?: unknown }).code, 'STORE_DAMAGED')
    return false
  } finally {
    rmSync(here, { recursive: true })
  }
}

test('a copy is under a root key of the replica’s own, which outlasts a start and takes over; the server’s opens it no more', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  await store(world, patient)
  assert.ok(isUnder(world, world.folder, world.rootKey))
  const replica = await follow(world)
  assert.ok(!isUnder(world, replica.folder, world.rootKey))
  await store(world, patient)
  await replica.catchUp()
  assert.ok(!isUnder(world, replica.folder, world.rootKey))
  // Killed, it opens its copy as it is and follows on; a new copy is made its own like the first.
  replica.restart()
  await replica.ask('follow-open', {})
  await replica.join()
  await replica.copy()
  await replica.catchUp()
  assert.ok(!isUnder(world, replica.folder, world.rootKey))
  await name(world, replica)
  await replica.ask('promote', {})
  await replica.ask('status', {})
  for (let starts = 0; starts < 2; starts++) {
    const status = await replica.ask('status', {})
    assert.deepEqual([status.state, status.records], ['serving', 2])
    assert.ok(!isUnder(world, replica.folder, world.rootKey))
    replica.restart()
    await replica.ask('status', {})
  }
})

test('killed at any step of its copy’s exchange of keys, a replica has the one or the other, and goes on', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  await store(world, patient)
  const replica = await ReplicaWorld.prepared(world)
  opened.push(replica)
  await replica.join()
  const copied = join(replica.folder, 'store.db')
  const begin = async (): Promise<void> => {
    await replica.ask('follow-close', {})
    replica.takeFiles(replica.folder)
  }
  const states: Readonly<Record<string, () => void>> = {
    'the copy came, nothing was done': () => undefined,
    'half of the new file is written': () => writeFileSync(`${copied}.rekey`, readFileSync(copied).subarray(0, 12_345)),
    'the new file is half encrypted': () => {
      copyFileSync(copied, `${copied}.rekey`)
      writeFileSync(`${copied}.rekey-journal`, readFileSync(copied).subarray(0, 9_000))
    },
  }
  for (const [, leave] of Object.entries(states)) {
    await begin()
    leave()
    replica.restart()
    await replica.ask('follow-open', {})
    await replica.join()
    await replica.catchUp()
    assert.ok(!isUnder(world, replica.folder, world.rootKey))
    assert.deepEqual(
      readdirSync(replica.folder).filter((file) => file.includes('rekey')),
      [],
    )
  }
})

test('a replica that lacks what the ledger vouches for does not take over; it follows on', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  await store(world, patient)
  world.clock.advanceMs(1_000)
  world.tick()
  await world.settle()
  await name(world, replica)
  await assert.rejects(replica.ask('promote', {}), { code: 'REPLICA_BEHIND' })
  assert.equal((await replica.ask('status', {})).state, 'following')
})

test('a replica whose ledger is silent says so as soon as it has waited long enough', async () => {
  const world = await openWorld()
  const replica = await follow(world)
  replica.app.handle(encodeRequest<'promote'>({ id: 1_000_000, op: 'promote' }))
  assert.equal(replica.app.commit().length, 1)
  world.clock.advanceMs(10_000)
  assert.ok(replica.app.isDue)
  const reader = new FrameReader()
  const messages = replica.app.commit().flatMap((frame) => reader.push(frame))
  const refused = messages.map(decodeTaMessage).find(({ kind }) => kind === 'answer')
  assert.ok(refused?.kind === 'answer')
  assert.equal(refused.id, 1_000_000)
  assert.deepEqual(decodeOutcome('promote', refused.body), { ok: false, code: 'LEDGER_UNAVAILABLE' })
  assert.equal((await replica.ask('status', {})).state, 'following')
})

test('an identity key that is exchanged while a replica follows is the key that the replica takes over with', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  const replica = await follow(world)
  const { identityKey: before } = await world.ask('status', {})
  await world.exchangeIdentity()
  for (let i = 0; i < 4; i++) {
    world.clock.advanceMs(250)
    world.tick()
    await world.settle()
  }
  await store(world, patient)
  const { identityKey } = await world.ask('status', {})
  assert.notDeepEqual(identityKey, before)
  await replica.catchUp()
  await name(world, replica)
  await replica.ask('promote', {})
  await replica.ask('status', {})
  const status = await replica.ask('status', {})
  assert.equal(status.state, 'serving')
  assert.deepEqual(status.identityKey, identityKey)
})
