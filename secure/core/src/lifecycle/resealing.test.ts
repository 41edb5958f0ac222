/**
 * The sealing key of a store is exchanged while it serves: nobody is refused, whatever is killed goes on, and what was
 * sealed before opens nothing afterwards. docs/protocol/10 §10.10.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { equalBytes } from '../../../../shared/crypto/src/index.ts'
import { encodeRequest } from '../../../../shared/tee-abi/src/index.ts'
import { TaWorld, type WorldPatient } from '../../../../testkit/src/ta-world.ts'
import { seal, storeKeysOf } from '../keys/sealing.ts'
import type { SqlDatabase } from '../ports.ts'
import { DEFAULT_LIMITS } from '../limits.ts'

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

type Sealed = Readonly<Record<string, Uint8Array>>

/** Every sealed value, as it stands in the store. */
function sealedOf(world: TaWorld): Sealed {
  return world.inspect((database) => {
    const keys = database.prepare('SELECT patient, version, sealed FROM treatment_key').all()
    const meta = database.prepare(`SELECT name, value FROM meta WHERE name IN ('identity', 'configuration')`).all()
    const all: Record<string, Uint8Array> = {}
    for (const { patient, version, sealed } of keys) {
      all[`${String(patient)}:${String(version)}`] = sealed as Uint8Array
    }
    for (const { name, value } of meta) all[String(name)] = value as Uint8Array
    return all
  })
}

function metaRow(database: SqlDatabase): Uint8Array {
  return database.prepare(`SELECT value FROM meta WHERE name = 'sealing'`).get()?.['value'] as Uint8Array
}

async function exchanged(world: TaWorld): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const { sealing } = await world.ask('status', {})
    if (sealing?.isExchanging === false) return sealing.generation
  }
  throw new Error('it does not end')
}

test('every sealed value moves to the new key while records are stored and read; a start needs nothing else', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  await store(world, patient)
  assert.deepEqual((await world.ask('status', {})).sealing, { generation: 0, isExchanging: false })
  const before = sealedOf(world)
  assert.equal(Object.keys(before).length, 3)
  for (const generation of [1, 2]) {
    assert.deepEqual(await world.ask('exchange-sealing', {}), { generation })
    await store(world, patient)
    assert.equal(await exchanged(world), generation)
  }
  const now = sealedOf(world)
  for (const [name, value] of Object.entries(before)) assert.notDeepEqual(now[name], value, name)
  await world.restart()
  await store(world, patient)
  assert.equal((await world.ask('status', {})).records, 4)
  assert.deepEqual((await world.ask('status', {})).sealing, { generation: 2, isExchanging: false })
})

/** More treatment keys than two rounds move: further versions of one patient's. */
function addKeys(world: TaWorld, patient: WorldPatient, versions: number): void {
  const { seal: key } = storeKeysOf(world.crypto, world.rootKey)
  world.inspect((database) => {
    const insert = database.prepare('INSERT INTO treatment_key VALUES (1, ?, ?)')
    database.exec('BEGIN')
    for (let version = 2; version < 2 + versions; version++) {
      const context = ['treatment-key', patient.ref, version]
      insert.run(version, seal(world.crypto, key, context, world.crypto.randomBytes(32)))
    }
    database.exec('COMMIT')
  })
}

test('killed after any round of it, the store opens and the exchange goes on to its end', async () => {
  const world = await openWorld()
  const patient = await world.patient()
  await store(world, patient)
  const { reseals } = DEFAULT_LIMITS
  addKeys(world, patient, 2 * reseals + 1)
  const before = sealedOf(world)
  const movedOf = (now: Sealed): number =>
    Object.entries(before).filter(([name, value]) => now[name] !== undefined && !equalBytes(now[name], value)).length
  const all = Object.keys(before).length
  // One round: what is few, and as many treatment keys as a round moves.
  world.app.handle(encodeRequest<'exchange-sealing'>({ id: 1_000_000, op: 'exchange-sealing' }))
  world.app.commit()
  assert.equal(movedOf(sealedOf(world)), reseals + 2)
  await restartKilled(world)
  // It is recovering: nothing moves before it serves. Then one round more, and another end.
  world.app.commit()
  const { sealing } = await world.ask('status', {})
  assert.equal(sealing?.generation, 1)
  await restartKilled(world)
  assert.equal(await exchanged(world), 1)
  assert.equal(movedOf(sealedOf(world)), all)
  await store(world, patient)
  await world.restart()
  assert.equal((await world.ask('status', {})).records, 2)
})

async function restartKilled(world: TaWorld): Promise<void> {
  world.kill()
  await world.restart()
  assert.equal(world.fatal, undefined)
}

test('what was sealed before is refused when it is put back: a treatment key, the identity, the configuration', async () => {
  for (const name of ['1:1', 'identity', 'configuration']) {
    const world = await openWorld()
    const patient = await world.patient()
    await store(world, patient)
    const old = sealedOf(world)[name]
    assert.ok(old !== undefined)
    await world.ask('exchange-sealing', {})
    await exchanged(world)
    world.inspect((database) =>
      name.includes(':')
        ? database.prepare('UPDATE treatment_key SET sealed = ? WHERE patient = 1').run(old)
        : database.prepare('UPDATE meta SET value = ? WHERE name = ?').run(old, name),
    )
    await world.restart()
    if (world.fatal === undefined) await assert.rejects(store(world, patient))
    assert.equal(world.fatal, 'STORE_DAMAGED', name)
  }
})

test('the row of the sealing key is authenticated: one put back and one taken out are noticed', async () => {
  for (const change of ['back', 'out']) {
    const world = await openWorld()
    await world.ask('exchange-sealing', {})
    await exchanged(world)
    const old = world.inspect(metaRow)
    await world.ask('exchange-sealing', {})
    await exchanged(world)
    world.inspect((database) =>
      change === 'back'
        ? database.prepare(`UPDATE meta SET value = ? WHERE name = 'sealing'`).run(old)
        : database.prepare(`DELETE FROM meta WHERE name = 'sealing'`).run(),
    )
    await world.restart()
    assert.equal(world.fatal, 'STATE_ROLLED_BACK', change)
  }
})
