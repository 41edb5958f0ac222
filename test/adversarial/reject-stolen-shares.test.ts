/**
 * Somebody wants the key of the store. They have a device of their own with the very program and configuration, its host
 * and its network, and they ask hospitals for their recovery shares; later one hospital works with them. They get
 * nothing before more than half of the organisations voted for that device and it is registered, and then nothing with
 * fewer shares than the threshold, forged ones, or those of two sets. docs/protocol/12 §12.4, §12.5.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpTransport, parseIdentityFile, SecureSession, type Identity } from '../../clients/sdk/src/index.ts'
import { readServerRegistration } from '../../clients/sdk/src/ledger-reader.ts'
import { serviceIdentityPath } from '../../hospital/src/index.ts'
import { KeptShares, type KeptSet } from '../../hospital/src/recovery/kept-shares.ts'
import { Recovery } from '../../hospital/src/recovery/recovery.ts'
import { encodeBase64url, encodeHex, equalBytes, parseCertificate } from '../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import { openShare } from '../../shared/protocol/src/index.ts'
import { openScene, RecordServer, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

type Name = 'a' | 'b'
let scene: Scene
let thief: RecordServer
let instance = ''
let own = ''
let recoveries: Readonly<Record<Name, Recovery>>

before(async () => {
  scene = await openScene()
  const { world } = scene
  recoveries = { a: recoveryOf('a'), b: recoveryOf('b') }
  // Each says that it has its share of the set that both are in.
  for (const name of ['a', 'b', 'a'] as const) await recoveries[name].fetch()
  own = encodeHex((await world.server.tee.request('status', {})).instance ?? new Uint8Array())
  const { config } = await world.server.tee.request('configuration', {})
  thief = new RecordServer({
    crypto: world.crypto,
    clock: world.serverClock,
    folder: join(world.folder, 'thief'),
    ledger: () => world.ledger.ledger,
    identity: () => world.organization('a').admin,
    hooks: {},
    traffic: world.traffic,
    restore: { configuration: new Uint8Array(config), backups: join(world.folder, 'no-backups') },
  })
  await thief.start()
  while ((await thief.tee.request('status', {})).state !== 'restoring') {
    assert.deepEqual(thief.troubles, [])
    await sleep(20)
  }
  instance = encodeHex((await thief.tee.request('status', {})).instance ?? new Uint8Array())
})
after(async () => {
  await thief?.stop()
  await scene?.world.close()
})

const identityOf = (name: Name): Identity => {
  const { world } = scene
  return parseIdentityFile(world.crypto, readFileSync(serviceIdentityPath(world.hospitalFolder(name)), 'utf8')).identity
}

function recoveryOf(name: Name): Recovery {
  const { world } = scene
  const identity = identityOf(name)
  return new Recovery({
    crypto: world.crypto,
    folder: world.hospitalFolder(name),
    ref: world.hospitalRef(name),
    identity,
    sealKey: identity.sealKey,
    recordServer: world.hospital(name),
    url: world.server.url,
    fetch,
    fetchBytes: fetch,
  })
}

const vote = (name: Name, term: number, who: string) =>
  scene.world.submitAsAdmin(name, 'approveSuccession', [scene.world.serverRef, JSON.stringify({ term, instance: who })])

async function isWhole(): Promise<boolean | undefined> {
  return (await thief.tee.request('status', {})).restoring?.isComplete
}

test('a device that nobody voted for gets no share, nor one that half of the organisations voted for', async () => {
  for (const name of ['a', 'b'] as const) {
    await assert.rejects(recoveries[name].give(thief.url), refusedWith('RECOVERY_NOT_APPROVED'))
  }
  await vote('a', 1, instance)
  for (const name of ['a', 'b'] as const) {
    await assert.rejects(recoveries[name].give(thief.url), refusedWith('RECOVERY_NOT_APPROVED'))
  }
})

test('votes of an earlier term are none, and are not cast again', async () => {
  await vote('b', 1, instance)
  for (const name of ['a', 'b'] as const) await vote(name, 2, own)
  for (const name of ['a', 'b'] as const) {
    await assert.rejects(recoveries[name].give(thief.url), refusedWith('RECOVERY_NOT_APPROVED'))
    await assert.rejects(vote(name, 1, instance), refusedWith('SUCCESSION_OLD_TERM'))
  }
})

test('an approved device that its operator did not register gets no share: its evidence is nobody’s', async () => {
  for (const name of ['a', 'b'] as const) await vote(name, 3, instance)
  for (const name of ['a', 'b'] as const) {
    await assert.rejects(recoveries[name].give(thief.url), refusedWith('ATTESTATION_SIGNATURE'))
  }
  assert.equal(await isWhole(), false)
})

/** The device is registered, as if the operator’s administrator worked with the thieves. */
async function registerThief(): Promise<void> {
  const { world } = scene
  const text = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
  const { ref, kind, publicKey, certSerial, attributes, server } = parseResult(text, participantRecordShape)
  const { attestationKey } = await thief.tee.request('status', {})
  assert.ok(server !== undefined && attestationKey !== undefined)
  const attestationKeys = [...server.attestationKeys, encodeBase64url(attestationKey)]
  await world.submitAsAdmin('a', 'renewParticipant', [
    JSON.stringify({ ref, kind, publicKey, certSerial, attributes, server: { ...server, attestationKeys } }),
  ])
}

/** What somebody says to the device in a session of their own, past every program of a hospital. */
async function say(identity: Identity, body: Readonly<Record<string, Uint8Array>>) {
  const { world } = scene
  const { clock, policy, ledger } = world.hospital('a').options
  const registered = await readServerRegistration(ledger, world.serverRef)
  const { identityKey } = await thief.tee.request('status', {})
  assert.ok(identityKey !== undefined)
  const session = new SecureSession({
    crypto: world.crypto,
    clock,
    identity,
    transport: new HttpTransport(thief.url, fetch, '/v1/restore'),
    findServer: () => Promise.resolve({ ...registered, identityKey }),
    policy,
  })
  try {
    return await session.request('recovery.give', body)
  } finally {
    session.close()
  }
}

function keptOf(name: Name): KeptSet {
  const [newest] = new KeptShares(scene.world.hospitalFolder(name)).all()
  assert.ok(newest !== undefined)
  return newest
}

function shareOf(name: Name, { set }: KeptSet): Uint8Array {
  const { world } = scene
  return openShare(world.crypto, set, world.hospitalRef(name), identityOf(name).sealKey)
}

test('a hospital that works with them cannot forge: neither its share, nor another’s, nor a set', async () => {
  await registerThief()
  const { world, bob } = scene
  const kept = keptOf('a')
  const share = shareOf('a', kept)
  const forged = share.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
  await assert.rejects(say(identityOf('a'), { ...kept.signed, share: forged }), refusedWith('RECOVERY_SHARE_WRONG'))
  // That of B, which it does not have, in its own name; and its own again in the name of nobody who has one.
  await assert.rejects(
    say(identityOf('a'), { ...kept.signed, share: world.crypto.randomBytes(32) }),
    refusedWith('RECOVERY_SHARE_WRONG'),
  )
  await assert.rejects(say(bob.options.identity, { ...kept.signed, share }), refusedWith('TEE_FORBIDDEN'))
  const signature = await identityOf('a').signer.sign(kept.signed.set)
  await assert.rejects(
    say(identityOf('a'), { set: kept.signed.set, signature, share }),
    refusedWith('RECOVERY_SET_INVALID'),
  )
  const set = kept.signed.set.map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte))
  await assert.rejects(
    say(identityOf('a'), { set, signature: kept.signed.signature, share }),
    refusedWith('RECOVERY_SET_INVALID'),
  )
  assert.equal(await isWhole(), false)
})

test('one share of two opens nothing, however often it is given, and shares of two sets do not add up', async () => {
  const { world } = scene
  const first = keptOf('a')
  for (let i = 0; i < 3; i++) {
    const { isComplete } = await say(identityOf('a'), { ...first.signed, share: shareOf('a', first) })
    assert.equal(isComplete, false)
  }
  await assert.rejects(thief.tee.request('restore-open', {}), refusedWith('RECOVERY_SHARES_MISSING'))

  // The server comes back by votes of a later term, and makes another set because its program’s identity key is another.
  for (const name of ['a', 'b'] as const) await vote(name, 4, own)
  await world.server.stop()
  await world.server.start()
  await world.server.serving()
  await exchangeIdentity()
  await recoveries.b.fetch()
  const second = keptOf('b')
  assert.ok(!equalBytes(first.set.id, second.set.id))
  for (const name of ['a', 'b'] as const) await vote(name, 5, instance)
  const { isComplete } = await say(identityOf('b'), { ...second.signed, share: shareOf('b', second) })
  assert.equal(isComplete, false)
  assert.equal(await isWhole(), false)
  await assert.rejects(thief.tee.request('restore-open', {}), refusedWith('RECOVERY_SHARES_MISSING'))
})

/** docs/protocol/02 §2.10, by hand. */
async function exchangeIdentity(): Promise<void> {
  const { world } = scene
  const { tee } = world.server
  const { identityKey, handover } = await tee.request('next-identity', {})
  const { chain } = await world.organization('a').authority.issue({
    role: 'server',
    ref: world.serverRef,
    publicKey: identityKey,
  })
  await tee.request('take-identity', { cert: chain[0] })
  const text = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
  const { ref, kind, attributes, server } = parseResult(text, participantRecordShape)
  assert.ok(server !== undefined)
  const next = {
    ref,
    kind,
    attributes,
    publicKey: encodeBase64url(identityKey),
    certSerial: parseCertificate(chain[0]).serialHex,
    server: { ...server, certificate: encodeBase64url(chain[0]), handover: encodeBase64url(handover) },
  }
  await world.submitAsAdmin('a', 'renewParticipant', [JSON.stringify(next)])
  const isTaken = async (): Promise<boolean> => {
    return equalBytes((await tee.request('status', {})).identityKey ?? new Uint8Array(), identityKey)
  }
  while (!(await isTaken())) {
    world.clock.advanceMs(200)
    await sleep(20)
  }
}

test('after all that the server goes on with everything that it had, by votes', async () => {
  const { world, stored } = scene
  for (const name of ['a', 'b'] as const) await vote(name, 6, own)
  await world.server.stop()
  await world.server.start()
  await world.server.serving()
  const alice = await world.doctor('alice')
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
  assert.equal((await world.verifyEverything()).records, 1)
})
