/**
 * Who holds a store: another device has it with the organisations' votes only, the one before is fenced off, and a store
 * below the anchored checkpoint is served only as the very state that they agreed on.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import type { Succession } from '../../../../shared/ledger-model/src/index.ts'
import type { Sha256Hex } from '../../../../shared/protocol/src/index.ts'
import type { TestIdentity } from '../../../../testkit/src/consortium.ts'
import { TaWorld, type WorldPatient } from '../../../../testkit/src/ta-world.ts'
import { decodeEntry } from '../audit/entry.ts'

const worlds: TaWorld[] = []
const folders: string[] = []
after(() => {
  for (const world of worlds) world.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Scene {
  readonly world: TaWorld
  readonly patient: WorldPatient
  readonly doctor: TestIdentity
  readonly warrant: string
  readonly record: string
  readonly ehr: Uint8Array
}

async function open(): Promise<Scene> {
  const world = await TaWorld.open()
  worlds.push(world)
  const patient = await world.patient()
  const doctor = await world.doctor()
  const warrant = await world.warrant(patient, [doctor])
  const { commitment, ehr } = await world.store(patient, { author: doctor, warrant })
  await anchor(world)
  return { world, patient, doctor, warrant, record: commitment.recordId, ehr }
}

async function anchor(world: TaWorld): Promise<void> {
  await world.ask('anchor-now', {})
  await world.settle()
}

const DEVICE = new Uint8Array(32).fill(0xd2)
const THIRD_DEVICE = new Uint8Array(32).fill(0xd3)

/** The instance on a device, or on the first; as an operator reads it, before anything is decided. */
async function instanceOn(world: TaWorld, device: Uint8Array | undefined): Promise<Sha256Hex> {
  return (await stateOn(world, device)).instance
}

async function stateOn(world: TaWorld, device: Uint8Array | undefined) {
  const { behaviour } = world
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  await startOn(world, device)
  const { instance, logSize, logRoot, term } = await world.ask('status', {})
  world.behaviour = behaviour
  assert.ok(instance !== undefined && logRoot !== undefined)
  return { instance: hex(instance), size: logSize, root: hex(logRoot), term }
}

const hex = (bytes: Uint8Array): Sha256Hex => encodeHex(bytes) as Sha256Hex

/** @returns the code with which it ended, if it did. */
async function startOn(world: TaWorld, device: Uint8Array | undefined): Promise<string | undefined> {
  world.otherDevice = device
  await world.restart()
  return world.fatal
}

/** Votes of the first `count` organisations. */
async function vote(world: TaWorld, succession: Succession, count = 2): Promise<void> {
  for (const { admin } of world.organizations.slice(0, count)) {
    await world.ledger.submit(admin, 'approveSuccession', [world.serverRef, JSON.stringify(succession)])
  }
}

async function reads({ world, patient, record }: Scene): Promise<unknown> {
  const session = await world.connect(patient)
  return (await session.request('record.read', { record }))['ehr']
}

/** Stops the application and copies its files. */
function copyOf(world: TaWorld): string {
  world.kill()
  const copy = mkdtempSync(join(tmpdir(), 'trusthealth-copy-'))
  folders.push(copy)
  cpSync(world.folder, copy, { recursive: true })
  return copy
}

function putBack(world: TaWorld, copy: string): void {
  world.kill()
  for (const file of readdirSync(world.folder)) rmSync(join(world.folder, file))
  cpSync(copy, world.folder, { recursive: true })
}

/** Entries of the log of that kind, oldest first. */
function entriesOf(world: TaWorld, kind: string) {
  const rows = world.inspect((database) => database.prepare('SELECT body FROM log_entry ORDER BY position').all())
  return rows.map(({ body }) => decodeEntry(body as Uint8Array)).filter(({ t }) => t === kind)
}

test('another instance gets the store with votes; old records are read, new ones stored, and it stays so', async () => {
  const scene = await open()
  const { world, patient, doctor, warrant, ehr } = scene
  const instance = await instanceOn(world, DEVICE)
  await vote(world, { term: 1, instance })
  assert.equal(await startOn(world, DEVICE), undefined)
  assert.deepEqual(await reads(scene), ehr)
  await world.store(patient, { author: doctor, warrant })
  assert.equal((await world.ask('status', {})).term, 1)
  const [entry] = entriesOf(world, 'succession')
  assert.deepEqual([entry?.version, entry?.digest && hex(entry.digest), entry?.from], [1, instance, undefined])
  // The store names it now; a vote is for taking over.
  for (const { admin } of world.organizations) {
    await world.ledger.submit(admin, 'withdrawSuccession', [world.serverRef, '1'])
  }
  assert.equal(await startOn(world, DEVICE), undefined)
  assert.equal(entriesOf(world, 'succession').length, 1)
})

test('refused: nobody voted, half of them, for another instance, for different terms', async () => {
  const scene = await open()
  const { world, ehr } = scene
  const first = await instanceOn(world, undefined)
  const instance = await instanceOn(world, DEVICE)
  assert.notEqual(instance, first)
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
  await vote(world, { term: 1, instance }, 1)
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
  await vote(world, { term: 2, instance }, 1)
  const [, other] = world.organizations
  await world.ledger.submit(other.admin, 'approveSuccession', [
    world.serverRef,
    JSON.stringify({ term: 1, instance: first }),
  ])
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
  assert.equal(await startOn(world, undefined), undefined)
  assert.deepEqual(await reads(scene), ehr)
  const third = await instanceOn(world, THIRD_DEVICE)
  await vote(world, { term: 3, instance: third })
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
})

test('the host cannot speak for the organisations: while the ledger is not asked, nothing is served', async () => {
  const scene = await open()
  const { world } = scene
  await vote(world, { term: 1, instance: await instanceOn(world, DEVICE) })
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  assert.equal(await startOn(world, DEVICE), undefined)
  assert.equal(world.app.state, 'recovering')
  await assert.rejects(reads(scene), { code: 'TEE_RECOVERING' })
})

test('fencing: the instance that held the store ends with the first question after the votes, and answers nothing', async () => {
  const scene = await open()
  const { world, patient, doctor, warrant } = scene
  const instance = await instanceOn(world, DEVICE)
  await startOn(world, undefined)
  const session = await world.connect(patient)
  await vote(world, { term: 1, instance }, 1)
  await session.request('record.read', { record: scene.record })
  await vote(world, { term: 1, instance })
  await assert.rejects(session.request('record.read', { record: scene.record }))
  assert.deepEqual([world.fatal, world.app.state], ['STORE_SUCCEEDED', 'stopped'])
  assert.equal(await startOn(world, undefined), 'STORE_SUCCEEDED')
  // Nor does it store what arrives.
  assert.equal(await startOn(world, DEVICE), undefined)
  await world.store(patient, { author: doctor, warrant })
})

test('fencing also stops a store that is under way: no receipt after the votes', async () => {
  const scene = await open()
  const { world, patient, doctor, warrant } = scene
  const instance = await instanceOn(world, DEVICE)
  await startOn(world, undefined)
  world.behaviour = async (effect, honest) => {
    // Between the permission and the receipt.
    if (effect.fx === 'watch') await vote(world, { term: 1, instance })
    await honest(effect)
  }
  await assert.rejects(world.store(patient, { author: doctor, warrant }))
  assert.equal(world.fatal, 'STORE_SUCCEEDED')
})

test('terms go up: who held the store before gets it back with a higher term, not with an old one', async () => {
  const scene = await open()
  const { world } = scene
  const second = await instanceOn(world, DEVICE)
  const first = await instanceOn(world, undefined)
  await vote(world, { term: 1, instance: second })
  assert.equal(await startOn(world, DEVICE), undefined)
  // The same term for another: neither has it.
  await vote(world, { term: 1, instance: first })
  assert.equal(await startOn(world, undefined), 'STORE_NOT_HELD')
  assert.equal(await startOn(world, DEVICE), 'STORE_SUCCEEDED')
  await vote(world, { term: 2, instance: first })
  assert.equal(await startOn(world, undefined), undefined)
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
})

test('a vote for the instance that runs is taken notice of, and nothing stops', async () => {
  const scene = await open()
  const { world, ehr } = scene
  const first = await instanceOn(world, undefined)
  await startOn(world, undefined)
  await vote(world, { term: 4, instance: first })
  assert.deepEqual(await reads(scene), ehr)
  assert.equal((await world.ask('status', {})).term, 4)
  assert.equal(entriesOf(world, 'succession').length, 1)
})

/** A copy of the store, and then more that the ledger vouches for: the copy is below the anchored checkpoint. */
async function openWithOldCopy() {
  const scene = await open()
  const { world, patient, doctor, warrant } = scene
  const copy = copyOf(world)
  await world.restart()
  for (let i = 0; i < 10; i++) await world.store(patient, { author: doctor, warrant })
  await anchor(world)
  const { epoch, anchoredSize: lostSize = 0 } = await world.ask('status', {})
  putBack(world, copy)
  return { ...scene, copy, epoch, lostSize }
}

test('a copy below the anchored checkpoint is served as the state that was agreed on; the loss is in the log', async () => {
  const scene = await openWithOldCopy()
  const { world, copy, epoch, lostSize, ehr, patient, doctor, warrant } = scene
  const { instance, size, root } = await stateOn(world, DEVICE)
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
  const from = { epoch, size, root }
  await vote(world, { term: 1, instance, from })
  assert.equal(await startOn(world, DEVICE), undefined)
  assert.deepEqual(await reads(scene), ehr)
  const [entry] = entriesOf(world, 'succession')
  assert.deepEqual([entry?.from?.epoch, entry?.from?.size, entry?.from && hex(entry.from.root)], [epoch, size, root])
  // The ledger takes the checkpoint of the shorter log, and it is served again before that and after.
  assert.equal(await startOn(world, DEVICE), undefined)
  await anchor(world)
  const shorter = await world.ask('status', {})
  assert.ok(shorter.epoch > epoch && shorter.logSize < lostSize)
  assert.equal(shorter.anchoredSize, shorter.logSize)
  assert.equal(await startOn(world, DEVICE), undefined)
  for (let i = 0; i < 3; i++) await world.store(patient, { author: doctor, warrant })
  await anchor(world)
  const status = await world.ask('status', {})
  assert.ok(status.epoch > epoch)
  assert.equal(status.anchoredSize, status.logSize)
  assert.equal(await startOn(world, DEVICE), undefined)
  // The leave was for once: the same copy is too old again, and so is what was given up.
  putBack(world, copy)
  assert.equal(await startOn(world, DEVICE), 'STATE_ROLLED_BACK')
})

test('the same device gets an old copy of its own back only with such votes', async () => {
  const scene = await openWithOldCopy()
  const { world, epoch, ehr } = scene
  const { instance, size, root } = await stateOn(world, undefined)
  assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK')
  await vote(world, { term: 1, instance })
  assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK')
  await vote(world, { term: 1, instance, from: { epoch, size, root } }, 1)
  assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK')
  await vote(world, { term: 1, instance, from: { epoch, size, root } })
  assert.equal(await startOn(world, undefined), undefined)
  assert.deepEqual(await reads(scene), ehr)
})

test('refused below the checkpoint: another epoch, size or root, and a store that was used since', async () => {
  const scene = await openWithOldCopy()
  const { world, copy, epoch } = scene
  const { instance, size, root } = await stateOn(world, undefined)
  const agreed = { epoch, size, root }
  let term = 0
  for (const from of [
    { ...agreed, epoch: epoch - 1 },
    { ...agreed, epoch: epoch + 1 },
    { ...agreed, size: size - 1 },
    { ...agreed, size: size + 1_000 },
    { ...agreed, root: instance },
  ]) {
    await vote(world, { term: ++term, instance, from })
    assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK', JSON.stringify(from))
  }
  // An earlier state of this very log.
  putBack(world, copy)
  await stateOn(world, undefined)
  const first = world.inspect((database) => database.prepare('SELECT hash FROM log_node WHERE id = 0').get())
  await vote(world, { term: ++term, instance, from: { epoch, size: 1, root: hex(first?.['hash'] as Uint8Array) } })
  assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK')
})

test('looking at a store that is not served leaves it as it is, so that all vote for the same', async () => {
  const { world } = await openWithOldCopy()
  const looked = await stateOn(world, DEVICE)
  assert.equal(await startOn(world, DEVICE), 'STORE_NOT_HELD')
  assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK')
  assert.deepEqual(await stateOn(world, DEVICE), looked)
})

test('the row that names the holder is authenticated: one put back and one taken out are noticed', async () => {
  for (const change of ['UPDATE meta SET value = ?', 'DELETE FROM meta']) {
    const { world } = await open()
    const earlier = world.inspect(
      (database) => database.prepare(`SELECT value FROM meta WHERE name = 'holder'`).get()?.['value'] ?? null,
    )
    await vote(world, { term: 1, instance: await instanceOn(world, DEVICE) })
    await startOn(world, DEVICE)
    const parameters = change.includes('?') ? [earlier] : []
    world.inspect((database) => database.prepare(`${change} WHERE name = 'holder'`).run(...parameters))
    assert.equal(await startOn(world, undefined), 'STATE_ROLLED_BACK', change)
  }
})
