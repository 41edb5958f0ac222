/**
 * The machine is gone: a device that never saw the store gets its key from hospitals, as many as it takes, opens the copy,
 * and serves it when the organisations have named it. What else it might be told gets it nowhere.
 * docs/protocol/12-recovery-shares.md §12.4, §12.5.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concat, encodeHex, equalBytes, label, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  decodeRecoverySet,
  encodeCbor,
  openShare,
  type HospitalRef,
  type SignedRecoverySet,
} from '../../../../shared/protocol/src/index.ts'
import { startHandshake } from '../../../../shared/protocol/src/session/index.ts'
import { issueCertificate, registrationOf, type TestIdentity } from '../../../../testkit/src/consortium.ts'
import { copyStore, ReplicaWorld } from '../../../../testkit/src/replica-world.ts'
import { fetchShare, RestoreWorld } from '../../../../testkit/src/restore-world.ts'
import { TaWorld, type WorldPatient } from '../../../../testkit/src/ta-world.ts'
import { createSqlCipherPort } from '../../../adapters/sqlcipher/src/index.ts'
import { storeKeysOf } from '../keys/sealing.ts'
import { Store } from '../store.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-restoring-'))
const opened: { close(): void }[] = []
after(() => {
  opened.forEach((one) => one.close())
  rmSync(folder, { recursive: true, force: true })
})

interface Scene {
  readonly world: TaWorld
  readonly hospitals: readonly [TestIdentity, TestIdentity, TestIdentity]
  readonly signed: SignedRecoverySet
  readonly patient: WorldPatient
  readonly records: number
  /** Of the log. */
  readonly size: number
  /** Of the store, taken while it ran, without the device's key. */
  readonly backup: string
}

/** Three hospitals with a share each; a record, its checkpoint on the ledger, a backup, and then no machine. */
async function openScene(): Promise<Scene> {
  const world = await TaWorld.open({ names: ['HospitalA', 'HospitalB', 'HospitalC'] })
  opened.push(world)
  const [a, b, c] = world.consortium.organizations.map(({ hospital }) => hospital)
  assert.ok(a !== undefined && b !== undefined && c !== undefined)
  const hospitals = [a, b, c] as const
  const patient = await world.patient()
  const doctor = await world.doctor()
  const warrant = await world.warrant(patient, [doctor])
  await world.store(patient, { author: doctor, warrant })
  for (const hospital of hospitals) await fetchShare(world, hospital)
  const signed = await fetchShare(world, a)
  await world.ask('anchor-now', {})
  await world.settle()
  const backup = join(folder, encodeHex(world.crypto.randomBytes(8)))
  mkdirSync(backup)
  copyStore(world.folder, backup)
  const { records, logSize: size } = await world.ask('status', {})
  world.kill()
  return { world, hospitals, signed, patient, records, size, backup }
}

async function newHardware(world: TaWorld): Promise<RestoreWorld> {
  const restored = await RestoreWorld.prepared(world)
  opened.push(restored)
  return restored
}

/** It has the key and the store; and then the ledger says that another instance holds it. */
async function opensUnheld(restored: RestoreWorld): Promise<void> {
  await assert.rejects(restored.ask('restore-open', {}), { code: 'STORE_NOT_HELD' })
}

test('two of three hospitals, the backup and the votes: it serves what the lost server served', async () => {
  const { world, hospitals, signed, records, size, backup } = await openScene()
  const [a, , c] = hospitals
  const restored = await newHardware(world)
  assert.deepEqual((await restored.ask('status', {})).restoring, { given: [], wrong: [], isComplete: false })
  assert.deepEqual(await restored.give(a, signed), { ok: true, given: ['HospitalA'], threshold: 2, isComplete: false })
  await assert.rejects(restored.ask('restore-open', {}), { code: 'RECOVERY_SHARES_MISSING' })
  assert.equal((await restored.give(c, signed))['isComplete'], true)
  copyStore(backup, restored.folder)
  await opensUnheld(restored)
  await restored.name(2)
  restored.restart()
  assert.equal(await restored.recovered(), 'serving')
  const status = await restored.ask('status', {})
  assert.deepEqual([status.records, status.term, status.shares?.number], [records, 1, 1])
  assert.equal(status.restoring, undefined)
  assert.ok(status.logSize > size)
  // Later starts need nobody.
  restored.restart()
  assert.equal(await restored.recovered(), 'serving')
  // The one before, should it turn up, is fenced off.
  await world.restart()
  assert.equal(world.fatal, 'STORE_SUCCEEDED')
})

test('any two of the three give the key, whichever they are; the third may come too', async () => {
  const { world, hospitals, signed, backup } = await openScene()
  const [a, b, c] = hospitals
  for (const [one, other] of [
    [a, b],
    [b, c],
  ] as const) {
    const restored = await newHardware(world)
    await restored.give(other, signed)
    // The same again is the same.
    assert.equal((await restored.give(other, signed))['isComplete'], false)
    assert.equal((await restored.give(one, signed))['isComplete'], true)
    for (const hospital of hospitals) assert.equal((await restored.give(hospital, signed))['isComplete'], true)
    copyStore(backup, restored.folder)
    await opensUnheld(restored)
  }
})

test('one hospital is not enough: after a start in between it gives again, and still is one', async () => {
  const { world, hospitals, signed, backup } = await openScene()
  const [a] = hospitals
  const restored = await newHardware(world)
  await restored.give(a, signed)
  restored.restart()
  assert.equal((await restored.ask('status', {})).state, 'restoring')
  await restored.give(a, signed)
  copyStore(backup, restored.folder)
  await assert.rejects(restored.ask('restore-open', {}), { code: 'RECOVERY_SHARES_MISSING' })
})

test('a whole key outlasts a start; the store may come later', async () => {
  const { world, hospitals, signed, backup } = await openScene()
  const restored = await newHardware(world)
  await restored.give(hospitals[0], signed)
  await restored.give(hospitals[1], signed)
  restored.restart()
  const { state, restoring } = await restored.ask('status', {})
  assert.deepEqual([state, restoring?.isComplete], ['restoring', true])
  await restored.prepare()
  // The empty store of the first start is not it.
  await assert.rejects(restored.ask('restore-open', {}), { code: 'STORE_DAMAGED' })
  for (const file of readdirSync(restored.folder)) {
    if (file.startsWith('store.db')) rmSync(join(restored.folder, file))
  }
  await assert.rejects(restored.ask('restore-open', {}), { code: 'STORE_DAMAGED' })
  copyStore(backup, restored.folder)
  await restored.name(2)
  await restored.ask('restore-open', {})
  assert.equal(await restored.recovered(), 'serving')
})

test('a store that names no holder, of before that rule, is its first device’s only, whatever the votes', async () => {
  const { world, hospitals, signed, backup } = await openScene()
  const port = createSqlCipherPort({ folder: backup })
  const store = Store.open(world.crypto, port.open('store.db', storeKeysOf(world.crypto, world.rootKey).database))
  store.removeMeta('holder')
  store.state.delete('holder', 'current')
  store.commit({ timeMs: world.clock.nowMs(), actor: world.serverRef })
  store.database.close()
  const restored = await newHardware(world)
  await restored.give(hospitals[0], signed)
  await restored.give(hospitals[1], signed)
  copyStore(backup, restored.folder)
  await restored.name(2)
  await opensUnheld(restored)
})

test('shares that are each the committed one and give another key than the set says: RECOVERY_SET_INVALID', async () => {
  const crypto = createNodeCrypto()
  const keys: SigningKey[] = []
  const generateSigningKey = (): SigningKey => {
    const key = crypto.generateSigningKey()
    keys.push(key)
    return key
  }
  const names = ['HospitalA', 'HospitalB', 'HospitalC']
  const world = await TaWorld.open({ names, crypto: { ...crypto, generateSigningKey } })
  opened.push(world)
  const [a, b] = world.consortium.organizations.map(({ hospital }) => hospital)
  assert.ok(a !== undefined && b !== undefined)
  const { identityKey = new Uint8Array(0) } = await world.ask('status', {})
  const identity = keys.find(({ publicKey }) => equalBytes(publicKey, identityKey))
  assert.ok(identity !== undefined)
  const set = { ...decodeRecoverySet((await fetchShare(world, a)).set), root: new Uint8Array(32) }
  const encoded = encodeCbor(set)
  const signed = { set: encoded, signature: crypto.sign(identity, concat(label('recovery-set'), encoded)) }
  const restored = await newHardware(world)
  await restored.give(a, signed)
  await assert.rejects(restored.give(b, signed), { code: 'RECOVERY_SET_INVALID' })
  assert.equal((await restored.ask('status', {})).restoring?.isComplete, false)
  await assert.rejects(restored.ask('restore-open', {}), { code: 'RECOVERY_SHARES_MISSING' })
})

test('a wrong share is named, and does no harm', async () => {
  const { world, hospitals, signed, backup } = await openScene()
  const [a, b, c] = hospitals
  const restored = await newHardware(world)
  const flipped = (share: Uint8Array): Uint8Array => share.map((byte, i) => (i === 7 ? byte ^ 4 : byte))
  await assert.rejects(restored.give(b, signed, flipped), { code: 'RECOVERY_SHARE_WRONG' })
  assert.deepEqual((await restored.ask('status', {})).restoring?.wrong, ['HospitalB'])
  // Nor may one hospital give another's.
  const set = decodeRecoverySet(signed.set)
  const theirs = openShare(world.crypto, set, a.ref as HospitalRef, a.sealKeyPair)
  await assert.rejects(
    restored.give(c, signed, () => theirs),
    { code: 'RECOVERY_SHARE_WRONG' },
  )
  assert.deepEqual((await restored.ask('status', {})).restoring?.wrong, ['HospitalB', 'HospitalC'])
  await restored.give(b, signed)
  await restored.give(a, signed)
  const { restoring } = await restored.ask('status', {})
  assert.deepEqual([restoring?.wrong, restoring?.isComplete], [['HospitalC'], true])
  copyStore(backup, restored.folder)
  await opensUnheld(restored)
})

test('shares of another server, and of a set that was altered, are refused', async () => {
  const { world, hospitals, signed } = await openScene()
  const other = await openScene()
  const restored = await newHardware(world)
  const session = await restored.connect(hospitals[0])
  const share = new Uint8Array(32)
  const invalid = { code: 'RECOVERY_SET_INVALID' }
  await assert.rejects(session.request('recovery.give', { ...other.signed, share }), invalid)
  const altered = signed.set.map((byte, i) => (i === signed.set.length - 3 ? byte ^ 1 : byte))
  await assert.rejects(session.request('recovery.give', { ...signed, set: altered, share }), invalid)
  await assert.rejects(session.request('recovery.give', { ...signed, share: new Uint8Array(31) }), {
    code: 'MESSAGE_MALFORMED',
  })
  await assert.rejects(session.request('recovery.share', {}), { code: 'MESSAGE_MALFORMED' })
})

test('shares of an old set are refused once enough hospitals had a newer one', async () => {
  const { world, hospitals, signed } = await openScene()
  const [a, b, c] = hospitals
  await world.restart()
  const third = world.consortium.organizations[2]
  await world.ledger.submit(third?.admin ?? a, 'suspendParticipant', [c.ref, 'left'])
  world.clock.advanceMs(5_001)
  await fetchShare(world, a)
  const between = join(folder, 'between')
  mkdirSync(between)
  copyStore(world.folder, between)
  const newer = await fetchShare(world, b)
  const later = join(folder, 'later')
  mkdirSync(later)
  copyStore(world.folder, later)
  world.kill()
  const restored = await newHardware(world)
  await restored.give(a, signed)
  await restored.give(b, signed)
  copyStore(later, restored.folder)
  await assert.rejects(restored.ask('restore-open', {}), { code: 'RECOVERY_SET_OLD' })
  // While one of them had the newer one only, the older one is what there is.
  copyStore(between, restored.folder)
  await opensUnheld(restored)
  // Shares of the two sets do not add up.
  const mixed = await newHardware(world)
  await mixed.give(a, signed)
  await mixed.give(b, newer)
  await assert.rejects(mixed.ask('restore-open', {}), { code: 'RECOVERY_SHARES_MISSING' })
  await mixed.give(a, newer)
  copyStore(later, mixed.folder)
  await opensUnheld(mixed)
})

test('a set that the key before the exchange signed gives the key; one of two exchanges ago does not', async () => {
  const world = await TaWorld.open({ names: ['HospitalA', 'HospitalB', 'HospitalC'] })
  opened.push(world)
  const [a, b] = world.consortium.organizations.map(({ hospital }) => hospital)
  assert.ok(a !== undefined && b !== undefined)
  const signed = await fetchShare(world, a)
  await fetchShare(world, b)
  const exchange = async (): Promise<void> => {
    const keyNow = async () => (await world.ask('status', {})).identityKey ?? new Uint8Array(65)
    const before = await keyNow()
    await world.exchangeIdentity()
    const isTaken = async () => !equalBytes(await keyNow(), before)
    for (let i = 0; i < 100 && !(await isTaken()); i++) {
      world.clock.advanceMs(250)
      world.tick()
      await world.settle()
    }
    assert.ok(await isTaken())
  }
  await exchange()
  const restored = await newHardware(world)
  await restored.give(a, signed)
  assert.equal((await restored.give(b, signed))['isComplete'], true)
  copyStore(world.folder, restored.folder)
  await opensUnheld(restored)

  await exchange()
  const later = await newHardware(world)
  await assert.rejects(later.give(a, signed), { code: 'RECOVERY_SET_INVALID' })
})

test('shares of a server whose replica took over open nothing: the store has another root key since', async () => {
  const world = await TaWorld.open({ names: ['HospitalA', 'HospitalB', 'HospitalC'] })
  opened.push(world)
  const [a, b] = world.consortium.organizations.map(({ hospital }) => hospital)
  assert.ok(a !== undefined && b !== undefined)
  const signed = await fetchShare(world, a)
  await fetchShare(world, b)
  const replica = await ReplicaWorld.following(world)
  opened.push(replica)
  const vote = JSON.stringify({ term: 1, instance: encodeHex(replica.instance) })
  for (const { admin } of world.consortium.organizations) {
    await world.ledger.submit(admin, 'approveSuccession', [world.serverRef, vote])
  }
  await replica.ask('promote', {})
  await replica.ask('status', {})
  assert.equal((await replica.ask('status', {})).state, 'serving')
  const restored = await newHardware(world)
  await restored.give(a, signed)
  assert.equal((await restored.give(b, signed))['isComplete'], true)
  copyStore(replica.folder, restored.folder)
  await assert.rejects(restored.ask('restore-open', {}), { code: 'STORE_DAMAGED' })
})

test('only hospitals that the ledger knows give shares', async () => {
  const { world, hospitals, signed } = await openScene()
  const [a, b] = hospitals
  await world.restart()
  const doctor = await world.doctor()
  const patient = await world.patient()
  const [, second] = world.consortium.organizations
  await world.ledger.submit(second?.admin ?? a, 'suspendParticipant', [b.ref, 'left'])
  world.kill()
  const restored = await newHardware(world)
  for (const who of [doctor, patient]) {
    const session = await restored.connect(who)
    const share = new Uint8Array(32)
    await assert.rejects(session.request('recovery.give', { ...signed, share }), { code: 'TEE_FORBIDDEN' })
  }
  await assert.rejects(restored.give(b, signed), { code: 'CREDENTIAL_REJECTED' })
  // A hospital that came later has no share in this set.
  const late = await issueCertificate(world.organizations[0].authority, 'hospital')
  await world.ledger.submit(world.organizations[0].admin, 'registerParticipant', [JSON.stringify(registrationOf(late))])
  const session = await restored.connect(late)
  await assert.rejects(session.request('recovery.give', { ...signed, share: new Uint8Array(32) }), {
    code: 'RECOVERY_SET_INVALID',
  })
})

test('a hospital refuses a device that is not registered, another program, and another configuration', async () => {
  const { world, hospitals } = await openScene()
  const [a] = hospitals
  const restored = new RestoreWorld(world, {})
  opened.push(restored)
  await restored.prepare()
  const registered = restored.registration()
  // What the ledger says: the device is not in the registration.
  const before = { ...registered, attestationKeys: world.registration().attestationKeys }
  await assert.rejects(restored.connect(a, before), { code: 'ATTESTATION_SIGNATURE' })
  await assert.rejects(restored.connect(a, { ...registered, configDigest: '00'.repeat(32) }), {
    code: 'ATTESTATION_CONFIG',
  })
  // Nor does it speak for the server, whose key it does not have.
  await assert.rejects(restored.connect(a, world.registration()), { code: 'SESSION_SERVER_SIGNATURE' })
  const other = new RestoreWorld(world, { measurement: new Uint8Array(32).fill(0x22) })
  opened.push(other)
  await other.prepare()
  await other.register()
  await assert.rejects(other.connect(a), { code: 'ATTESTATION_MEASUREMENT' })
})

test('operations of one role are refused in the other', async () => {
  const { world } = await openScene()
  await world.restart()
  const done = { code: 'TEE_ALREADY_PROVISIONED' }
  const { hello } = startHandshake(world.crypto)
  await assert.rejects(world.ask('restore-prepare', { config: world.config }), done)
  await assert.rejects(world.ask('restore-hello', { hello, conn: 1 }), done)
  await assert.rejects(world.ask('restore-open', {}), done)
  const restored = await newHardware(world)
  await assert.rejects(restored.ask('provision', { config: world.config }), done)
  await assert.rejects(restored.ask('follow-prepare', { config: world.config }), done)
  await assert.rejects(restored.ask('follow-hello', {}), { code: 'REPLICA_UNKNOWN' })
  await assert.rejects(restored.ask('hello', { hello, conn: 1 }), { code: 'TEE_NOT_PROVISIONED' })
  const replica = new ReplicaWorld(world)
  opened.push(replica)
  await replica.prepare()
  await assert.rejects(replica.ask('restore-prepare', { config: world.config }), done)
  const fresh = new ReplicaWorld(world)
  opened.push(fresh)
  await assert.rejects(fresh.ask('restore-hello', { hello, conn: 1 }), { code: 'TEE_NOT_PROVISIONED' })
})
