import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { observation, TaWorld } from '../../../../testkit/src/ta-world.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor])
const session = await world.connect(patient)

test('what is erased can be read and found by nobody; a marker and its proof stay', async () => {
  const ehr = encodeUtf8(JSON.stringify(observation({ note: [{ text: 'wordtobeforgotten' }] })))
  const first = await world.store(patient, { author: doctor, warrant, ehr })
  const { recordId: record, ehrHash: previous } = first.commitment
  const second = await world.store(patient, { author: doctor, warrant, recordId: record, version: 2, previous })
  const { log } = await session.request('record.erase', { record, confirm: second.commitment.ehrHash })
  world.verifyLogProof(log, { kind: 'erase', record })

  const refused = await session.answer('record.read', { record })
  assert.deepEqual([refused['ok'], refused['code']], [false, 'RECORD_ERASED'])
  world.verifyLogProof(refused['log'], { kind: 'erase', record })
  const old = await session.answer('record.read', { record, version: 1 })
  assert.equal(old['code'], 'RECORD_ERASED')
  const { results } = await session.request('record.read-many', { records: [record] })
  assert.equal((results as readonly { readonly code: string }[])[0]?.code, 'RECORD_ERASED')

  const { items } = await session.request('record.list', { patient: patient.ref })
  const [line] = items as readonly Readonly<Record<string, unknown>>[]
  assert.deepEqual([line?.['record'], line?.['title'], typeof line?.['erasedMs']], [record, '', 'number'])
  for (const query of [{ text: 'wordtobeforgotten' }, { code: '4548-4' }, { ehrType: 'lab' }]) {
    assert.deepEqual((await session.request('record.search', query))['items'], [], JSON.stringify(query))
  }
  const { versions } = await session.request('record.versions', { record })
  assert.equal((versions as readonly unknown[]).length, 2)
})

test('keys, words and bodies are gone from the database', async () => {
  const upload = await world.store(patient, { author: doctor, warrant })
  const { recordId: record, ehrHash } = upload.commitment
  await session.request('record.erase', { record, confirm: ehrHash })
  const rows = world.inspect((database) => ({
    record: database
      .prepare('SELECT id, wrapped, title, codes, text_hash, state FROM record WHERE record = ?')
      .get(record),
    bodies: database.prepare('SELECT count(*) AS n FROM record_body').get(),
    texts: database.prepare('SELECT count(*) AS n FROM record_text').get(),
    words: database.prepare(`SELECT count(*) AS n FROM record_fts WHERE record_fts MATCH 'text : hba1c'`).get(),
    terms: database.prepare(`SELECT count(*) AS n FROM record_fts_data`).get(),
  }))
  assert.deepEqual(
    [
      rows.record?.['wrapped'],
      rows.record?.['title'],
      rows.record?.['codes'],
      rows.record?.['text_hash'],
      rows.record?.['state'],
    ],
    [null, null, null, null, 2],
  )
  assert.deepEqual([rows.bodies?.['n'], rows.texts?.['n'], rows.words?.['n']], [0, 0, 0])
})

test('only the patient erases, and only with the fingerprint of the newest version', async () => {
  const upload = await world.store(patient, { author: doctor, warrant })
  const { recordId: record, ehrHash: confirm } = upload.commitment
  const byDoctor = (await world.connect(doctor)).request('record.erase', { record, confirm })
  await assert.rejects(byDoctor, { code: 'TEE_FORBIDDEN' })
  const stranger = (await world.connect(await world.patient())).request('record.erase', { record, confirm })
  await assert.rejects(stranger, { code: 'ACCESS_DENIED' })
  const wrong = session.request('record.erase', { record, confirm: new Uint8Array(32) })
  await assert.rejects(wrong, { code: 'RECORD_HASH_MISMATCH' })
  assert.ok(await session.request('record.read', { record }))
  await session.request('record.erase', { record, confirm })
  const again = await session.answer('record.erase', { record, confirm })
  assert.equal(again['code'], 'RECORD_ERASED')
  world.verifyLogProof(again['log'], { kind: 'erase', record })
})

test('an erased record does not come back: neither by the same upload nor as a new version', async () => {
  const upload = await world.store(patient, { author: doctor, warrant })
  const { recordId, ehrHash } = upload.commitment
  const author = await world.connect(doctor)
  const next = world.upload(patient, { author: doctor, warrant, recordId, version: 2, previous: ehrHash })
  const staged = assert.rejects(author.request('record.store', { envelope: next.envelope }), { code: 'RECORD_ERASED' })
  await world.settle()
  await session.request('record.erase', { record: recordId, confirm: ehrHash })
  await staged
  await world.commit(next)
  await world.settle()
  for (const { envelope } of [upload, next]) {
    await assert.rejects(author.request('record.store', { envelope }), { code: 'RECORD_ERASED' })
  }
})

test('the host’s disk never holds what was stored or erased in the clear', async () => {
  const canary = 'canary-of-a-diagnosis'
  const ehr = encodeUtf8(JSON.stringify(observation({ note: [{ text: canary }] })))
  await world.store(patient, { author: doctor, warrant, ehr })
  for (const file of readdirSync(world.folder)) {
    const bytes = readFileSync(join(world.folder, file))
    for (const text of [canary, 'HbA1c', patient.ref, doctor.ref]) assert.ok(!bytes.includes(text), `${file}: ${text}`)
  }
})
