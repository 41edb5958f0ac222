/**
 * One program takes over the store of another: with votes, without, with too few, and backwards.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { REPLICA_VERSION } from '../../../shared/ledger-model/src/index.ts'
import { MIGRATIONS } from './schema.ts'
import { MEASUREMENT, TaWorld, type WorldPatient } from '../../../testkit/src/ta-world.ts'

const worlds: TaWorld[] = []
after(() => worlds.forEach((world) => world.close()))

const FIRST = { measurement: MEASUREMENT, securityVersion: 1 }
const SECOND = { measurement: new Uint8Array(32).fill(0x22), securityVersion: 2 }
/** The same with one more table: a format that the first one does not know. */
const SECOND_TABLES = {
  ...SECOND,
  migrations: [...MIGRATIONS, `CREATE TABLE person AS SELECT * FROM patient`],
}
const THIRD = { measurement: new Uint8Array(32).fill(0x33), securityVersion: 2 }
type Program = TaWorld['program']

async function open(): Promise<{ world: TaWorld; patient: WorldPatient; record: string; ehr: Uint8Array }> {
  const world = await TaWorld.open()
  worlds.push(world)
  const patient = await world.patient()
  const author = await world.doctor()
  const { commitment, ehr } = await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
  await world.settle()
  return { world, patient, record: commitment.recordId, ehr }
}

/** Votes of the first `count` organisations. */
async function approve(world: TaWorld, { measurement, securityVersion }: Program, count = 2): Promise<void> {
  for (const { admin } of world.organizations.slice(0, count)) {
    await world.ledger.submit(admin, 'approveProgram', [encodeHex(measurement), String(securityVersion)])
  }
}

async function startAs(world: TaWorld, program: Program): Promise<string | undefined> {
  world.program = program
  await world.restart()
  return world.fatal
}

async function reads(world: TaWorld, patient: WorldPatient, record: string): Promise<unknown> {
  const session = await world.connect(patient)
  return (await session.request('record.read', { record }))['ehr']
}

test('an approved program takes over: old records are read, new ones stored, and it goes on after a restart', async () => {
  const { world, patient, record, ehr } = await open()
  await approve(world, SECOND)
  assert.equal(await startAs(world, SECOND), undefined)
  assert.deepEqual(await reads(world, patient, record), ehr)
  const author = await world.doctor()
  const { commitment } = await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
  for (const { admin } of world.organizations) {
    await world.ledger.submit(admin, 'withdrawProgram', [encodeHex(SECOND.measurement)])
  }
  // The store is its own now: a vote is for taking over.
  assert.equal(await startAs(world, SECOND), undefined)
  assert.ok(await reads(world, patient, commitment.recordId))
})

test('refused without votes, with too few, for another security version, for a replica; the earlier program goes on', async () => {
  const { world, patient, record, ehr } = await open()
  assert.equal(await startAs(world, SECOND), 'PROGRAM_NOT_APPROVED')
  await approve(world, SECOND, 1)
  assert.equal(await startAs(world, SECOND), 'PROGRAM_NOT_APPROVED')
  await approve(world, { ...SECOND, securityVersion: 3 })
  assert.equal(await startAs(world, SECOND), 'PROGRAM_NOT_APPROVED')
  await approve(world, { ...SECOND, securityVersion: REPLICA_VERSION })
  assert.equal(await startAs(world, SECOND), 'PROGRAM_NOT_APPROVED')
  assert.equal(await startAs(world, { ...SECOND, securityVersion: REPLICA_VERSION }), 'PROGRAM_NOT_APPROVED')
  await approve(world, THIRD)
  assert.equal(await startAs(world, SECOND), 'PROGRAM_NOT_APPROVED')
  assert.equal(await startAs(world, FIRST), undefined)
  assert.deepEqual(await reads(world, patient, record), ehr)
})

test('the host cannot speak for the organisations: while the ledger is not asked, nothing is served', async () => {
  const { world, patient, record } = await open()
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  assert.equal(await startAs(world, SECOND), undefined)
  assert.equal(world.app.state, 'recovering')
  await assert.rejects(reads(world, patient, record), { code: 'TEE_RECOVERING' })
})

test('a program with a lower security version is refused, with votes or without', async () => {
  const { world } = await open()
  await approve(world, SECOND)
  await startAs(world, SECOND)
  assert.equal(await startAs(world, FIRST), 'PROGRAM_DOWNGRADE')
  await approve(world, FIRST)
  assert.equal(await startAs(world, FIRST), 'PROGRAM_DOWNGRADE')
  assert.equal(await startAs(world, SECOND), undefined)
})

test('between programs of one security version organisations may go forth and back', async () => {
  const { world, patient, record, ehr } = await open()
  await approve(world, SECOND)
  await approve(world, THIRD)
  await startAs(world, SECOND)
  assert.equal(await startAs(world, THIRD), undefined)
  assert.equal(await startAs(world, SECOND), undefined)
  assert.deepEqual(await reads(world, patient, record), ehr)
})

const FORMAT = `SELECT value, (SELECT count(*) FROM sqlite_master WHERE name = 'person') AS changed
  FROM meta WHERE name = 'format'`

test('a program that nobody approved leaves the tables as they were: the earlier one reads everything', async () => {
  const { world, patient, record, ehr } = await open()
  const tables = () => world.inspect((database) => database.prepare(FORMAT).get())
  const before = tables()
  assert.equal(await startAs(world, SECOND_TABLES), 'PROGRAM_NOT_APPROVED')
  // Cut off before it was decided.
  world.behaviour = () => Promise.resolve()
  assert.equal(await startAs(world, SECOND_TABLES), undefined)
  assert.equal(world.app.state, 'recovering')
  // It sees its own tables, and nobody else ever does.
  assert.notDeepEqual(tables(), before)
  world.behaviour = undefined
  assert.equal(await startAs(world, FIRST), undefined)
  assert.deepEqual(tables(), before)
  assert.deepEqual(await reads(world, patient, record), ehr)
  const author = await world.doctor()
  await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
})

test('with votes the tables change in the commit in which the program takes over; the earlier one reads them no more', async () => {
  const { world } = await open()
  await approve(world, SECOND_TABLES)
  assert.equal(await startAs(world, SECOND_TABLES), undefined)
  assert.equal(world.app.state, 'serving')
  await world.restart()
  assert.equal(world.fatal, undefined)
  assert.equal(
    world.inspect((database) => database.prepare(FORMAT).get()?.['changed']),
    1,
  )
  await approve(world, { ...FIRST, securityVersion: 2 })
  assert.equal(await startAs(world, { ...FIRST, securityVersion: 2 }), 'STORE_DAMAGED')
  assert.equal(await startAs(world, SECOND_TABLES), undefined)
})

test('the row that names the program is authenticated: one put back and one taken out are noticed', async () => {
  for (const change of ['UPDATE meta SET value = ?', 'DELETE FROM meta']) {
    const { world } = await open()
    const earlier = world.inspect(
      (database) => database.prepare(`SELECT value FROM meta WHERE name = 'program'`).get()?.['value'] ?? null,
    )
    await approve(world, SECOND)
    await startAs(world, SECOND)
    const parameters = change.includes('?') ? [earlier] : []
    world.inspect((database) => database.prepare(`${change} WHERE name = 'program'`).run(...parameters))
    assert.equal(await startAs(world, FIRST), 'STATE_ROLLED_BACK', change)
  }
})
