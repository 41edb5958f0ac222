import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import type { CborValue } from '../../../../shared/protocol/src/index.ts'
import { observation, TaWorld, type WorldPatient } from '../../../../testkit/src/ta-world.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor])

const condition = {
  resourceType: 'Condition',
  code: {
    coding: [{ system: 'http://snomed.info/sct', code: '38341003', display: 'Hypertension' }],
    text: 'Hypertonie',
  },
  onsetDateTime: '2020-05-01',
}

async function store(of: WorldPatient, jws: string, resource: object): Promise<string> {
  const ehr = encodeUtf8(JSON.stringify(resource))
  return (await world.store(of, { author: doctor, warrant: jws, ehr })).commitment.recordId
}

const lab = await store(patient, warrant, observation())
const pressure = await store(patient, warrant, condition)
const late = await store(
  patient,
  warrant,
  observation({ effectiveDateTime: '2029-12-24', note: [{ text: 'Müller fühlt sich gut' }] }),
)

const session = await world.connect(patient)
type Item = { readonly [name: string]: CborValue }
const found = async (body: Readonly<Record<string, CborValue>>, by = session, cmd = 'record.search') => {
  const { items, cursor } = await by.request(cmd, body)
  const records = (items as readonly Item[]).map(({ record }) => record)
  return { items: items as readonly Item[], records, cursor }
}

test('a list shows every record, newest first, with what a line needs', async () => {
  const { items, records, cursor } = await found({ patient: patient.ref }, session, 'record.list')
  assert.deepEqual(records, [late, pressure, lab])
  assert.equal(cursor, undefined)
  const [, line] = items
  assert.deepEqual(
    [line?.['ehrType'], line?.['resourceType'], line?.['dateMs'], line?.['author'], line?.['version']],
    ['condition', 'Condition', Date.UTC(2020, 4, 1), doctor.ref, 1],
  )
  assert.match(line?.['title'] as string, /Hypert/)
})

test('a list goes on where the last page ended', async () => {
  const first = await found({ patient: patient.ref, limit: 2 }, session, 'record.list')
  assert.deepEqual(first.records, [late, pressure])
  const second = await found({ patient: patient.ref, limit: 2, cursor: first.cursor as string }, session, 'record.list')
  assert.deepEqual([second.records, second.cursor], [[lab], undefined])
  await assert.rejects(found({ patient: patient.ref, cursor: 'x' }, session, 'record.list'), {
    code: 'MESSAGE_MALFORMED',
  })
  await assert.rejects(found({ patient: patient.ref, cursor: '1-2' }, session, 'record.list'), {
    code: 'MESSAGE_MALFORMED',
  })
})

test('by kind, type, code with and without its system, and clinical date', async () => {
  assert.deepEqual((await found({ ehrType: 'condition' })).records, [pressure])
  assert.deepEqual((await found({ resourceType: 'Observation' })).records, [late, lab])
  assert.deepEqual((await found({ code: '4548-4' })).records, [late, lab])
  assert.deepEqual((await found({ code: 'http://snomed.info/sct|38341003' })).records, [pressure])
  assert.deepEqual((await found({ code: 'http://loinc.org|38341003' })).records, [])
  assert.deepEqual((await found({ fromMs: Date.UTC(2029, 11, 1) })).records, [late])
  assert.deepEqual((await found({ toMs: Date.UTC(2020, 4, 1) })).records, [pressure])
  assert.deepEqual((await found({ ehrType: 'lab', toMs: Date.UTC(2029, 10, 30) })).records, [lab])
})

test('by words: their beginnings, in any order, without regard to case and accents', async () => {
  for (const [text, expected] of [
    ['hba1c', [late, lab]],
    ['HYPERT', [pressure]],
    ['muller fuhlt', [late]],
    ['Müller gut', [late]],
    ['uller', []],
    ['hba1c nothing', []],
    ['!?', []],
    [`" OR text : "a`, []],
  ] as const) {
    assert.deepEqual((await found({ text })).records, expected, text)
  }
  assert.deepEqual((await found({ text: 'hba1c', code: '4548-4', fromMs: Date.UTC(2029, 11, 1) })).records, [late])
})

test('a correction takes the place of what it corrects', async () => {
  const owner = await world.patient()
  const jws = await world.warrant(owner, [doctor])
  const first = await world.store(owner, { author: doctor, warrant: jws })
  const { recordId, ehrHash } = first.commitment
  const ehr = encodeUtf8(JSON.stringify(observation({ status: 'corrected', note: [{ text: 'corrected value' }] })))
  await world.store(owner, { author: doctor, warrant: jws, recordId, version: 2, previous: ehrHash, ehr })
  const by = await world.connect(owner)
  const { items } = await found({ patient: owner.ref }, by, 'record.list')
  assert.deepEqual(
    items.map((item) => [item['record'], item['version']]),
    [[recordId, 2]],
  )
  assert.deepEqual((await found({ text: 'corrected' }, by)).records, [recordId])
})

test('others see what they may see and no more; nobody’s list is nobody’s', async () => {
  const reader = await world.doctor({ at: 1 })
  const by = await world.connect(reader)
  await assert.rejects(found({ patient: patient.ref }, by, 'record.list'), { code: 'ACCESS_DENIED' })
  await assert.rejects(found({ patient: patient.ref, text: 'hba1c' }, by), { code: 'ACCESS_DENIED' })
  await world.grant(patient, reader, { scope: ['condition'] })
  assert.deepEqual((await found({ patient: patient.ref }, by, 'record.list')).records, [pressure])
  assert.deepEqual((await found({ patient: patient.ref, text: 'hba1c' }, by)).records, [])
  const elsewhere = await world.patient({ provision: false })
  await assert.rejects(found({ patient: elsewhere.ref }, by, 'record.list'), { code: 'ACCESS_DENIED' })
})

test('without a patient a search goes over the patients whom the caller may read', async () => {
  const reader = await world.doctor()
  const by = await world.connect(reader)
  assert.deepEqual((await found({ text: 'hba1c' }, by)).records, [])
  const mine: string[] = []
  for (let i = 0; i < 3; i++) {
    const owner = await world.patient()
    const jws = await world.warrant(owner, [doctor, reader])
    mine.push(await store(owner, jws, observation({ note: [{ text: `rare${i} common` }] })))
    mine.push(await store(owner, jws, condition))
  }
  const hidden = await world.patient()
  await store(hidden, await world.warrant(hidden, [doctor]), observation({ note: [{ text: 'common' }] }))
  const labs = [mine[0], mine[2], mine[4]]
  const all = await found({ text: 'common' }, by)
  assert.deepEqual(all.records, labs)
  assert.equal(all.items[0]?.['patient'] !== undefined, true)
  assert.deepEqual((await found({ text: 'rare1' }, by)).records, [mine[2]])
  assert.deepEqual((await found({ code: '38341003' }, by)).records, [mine[1], mine[3], mine[5]])
  assert.deepEqual((await found({ ehrType: 'lab' }, by)).records, labs)

  // In pages of one, whatever they are cut at.
  for (const query of [{ text: 'common' }, { resourceType: 'Observation' }, {}]) {
    const pages: CborValue[] = []
    let cursor: CborValue | undefined
    do {
      const page = await found({ ...query, limit: 1, ...(cursor === undefined ? {} : { cursor }) }, by)
      pages.push(...(page.records as CborValue[]))
      cursor = page.cursor
    } while (cursor !== undefined)
    const expected = 'text' in query || 'resourceType' in query ? labs : [1, 0, 3, 2, 5, 4].map((i) => mine[i])
    assert.deepEqual(pages, expected)
  }
})

test('a patient without a patient searches the own records', async () => {
  const other = await world.connect(await world.patient())
  assert.deepEqual((await found({ text: 'hba1c' }, other)).records, [])
})

test('lists and searches are in the patient’s log', async () => {
  const owner = await world.patient()
  const by = await world.connect(owner)
  await found({ patient: owner.ref }, by, 'record.list')
  await found({ text: 'hba1c' }, by)
  const { entries } = await by.request('access-log', { patient: owner.ref })
  assert.deepEqual(
    (entries as readonly Item[]).map(({ kind }) => kind),
    ['access-log', 'search', 'list', 'provision'],
  )
})
