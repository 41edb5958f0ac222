import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { observation, TaWorld, type Upload } from '../../../../testkit/src/ta-world.ts'
import { DEFAULT_LIMITS } from '../limits.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor])

function store(word: string): Promise<Upload> {
  const ehr = encodeUtf8(JSON.stringify(observation({ note: [{ text: word }] })))
  return world.store(patient, { author: doctor, warrant, ehr })
}

/** Records that a search over all patients finds. */
async function found(text: string): Promise<readonly unknown[]> {
  const session = await world.connect(doctor)
  const { items } = await session.request('record.search', { text })
  return (items as readonly { readonly record: string }[]).map(({ record }) => record)
}

/** Rows in the written index, and words in that of words. */
function written(word: string): readonly unknown[] {
  return world.inspect((database) => [
    database.prepare('SELECT count(*) AS n FROM patient_record').get()?.['n'],
    database.prepare(`SELECT count(*) AS n FROM record_fts WHERE record_fts MATCH 'text : ${word}'`).get()?.['n'],
  ])
}

/** The first page of an access log is written out, and all that waits with it. */
async function writeIndexes(): Promise<void> {
  const session = await world.connect(patient)
  await session.request('access-log', { patient: patient.ref })
}

test('what was stored is found before it is in the index, after a restart, and once it is written', async () => {
  const { recordId } = (await store('alabaster')).commitment
  assert.deepEqual(await found('alabaster'), [recordId])
  assert.deepEqual(written('alabaster'), [0, 0])
  await world.restart()
  assert.deepEqual(await found('alabaster'), [recordId])
  await writeIndexes()
  assert.deepEqual(await found('alabaster'), [recordId])
  assert.deepEqual(written('alabaster'), [1, 1])
  await world.restart()
  assert.deepEqual(await found('alabaster'), [recordId])
})

test('words that are erased before they are written are never written', async () => {
  const { recordId: record, ehrHash: confirm } = (await store('basalt')).commitment
  const session = await world.connect(patient)
  await session.request('record.erase', { record, confirm })
  assert.deepEqual(await found('basalt'), [])
  await writeIndexes()
  assert.deepEqual(written('basalt'), [2, 0])
  const { items } = await session.request('record.list', { patient: patient.ref })
  assert.equal((items as readonly unknown[]).length, 2)
})

test('a record that was erased before a crash is listed, and its words are not found', async () => {
  const { recordId: record, ehrHash: confirm } = (await store('chalk')).commitment
  await (await world.connect(patient)).request('record.erase', { record, confirm })
  await world.restart()
  assert.deepEqual(await found('chalk'), [])
  const { items } = await (await world.connect(patient)).request('record.list', { patient: patient.ref })
  assert.equal((items as readonly unknown[]).length, 3)
})

test('a list that is known follows what is stored, corrected and erased', async () => {
  const session = await world.connect(patient)
  const list = async (): Promise<readonly unknown[]> => {
    const { items } = await session.request('record.list', { patient: patient.ref })
    return (items as readonly Readonly<Record<string, unknown>>[]).map(({ record, version, erasedMs }) => {
      return [record, version, erasedMs === undefined]
    })
  }
  const before = await list()
  const first = (await store('dolomite')).commitment
  assert.deepEqual(await list(), [[first.recordId, 1, true], ...before])
  const corrected = await world.store(patient, {
    author: doctor,
    warrant,
    recordId: first.recordId,
    version: 2,
    previous: first.ehrHash,
  })
  assert.deepEqual(await list(), [[first.recordId, 2, true], ...before])
  const { recordId: record, ehrHash: confirm } = corrected.commitment
  await session.request('record.erase', { record, confirm })
  assert.deepEqual(await list(), [[record, 2, false], ...before])
  await world.restart()
})

test('some hundred records are written together, in any order of storing', async () => {
  const before = Number(written('gneiss')[0])
  for (let i = 0; i < DEFAULT_LIMITS.unindexed; i += 32)
    await Promise.all(Array.from({ length: 32 }, () => store('gneiss')))
  await store('gneiss')
  const [rows, words] = written('gneiss')
  assert.ok(Number(rows) - before >= 32 && Number(words) >= 32, `${String(rows)} ${String(words)}`)
  const session = await world.connect(patient)
  const { items } = await session.request('record.search', { patient: patient.ref, text: 'gneiss', limit: 500 })
  assert.equal((items as readonly unknown[]).length, 500)
})

test('a store of the first format is brought to the second, and finds what it found', async () => {
  const before = await found('gneiss')
  const newest = (await store('feldspar')).commitment.recordId
  await writeIndexes()
  const lists = async (): Promise<unknown> => {
    return (await world.connect(patient)).request('record.list', { patient: patient.ref, limit: 500 })
  }
  const listed = await lists()
  world.inspect((database) => {
    database.exec(`DROP TABLE patient_record; CREATE INDEX record_by_patient ON record (patient);`)
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'format'`).run(Uint8Array.of(1))
  })
  await world.restart()
  assert.deepEqual(await lists(), listed)
  assert.deepEqual([await found('gneiss'), await found('feldspar')], [before, [newest]])
})
