import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import type { CborValue } from '../../../../shared/protocol/src/index.ts'
import { TaWorld, type WorldPatient, type WorldSession } from '../../../../testkit/src/ta-world.ts'
import { DEFAULT_LIMITS } from '../limits.ts'

const world = await TaWorld.open()
after(() => world.close())

type Entry = Readonly<Record<string, CborValue>>

/** Every entry, page by page. */
async function everything(session: WorldSession, patient: WorldPatient, limit: number): Promise<Entry[]> {
  const all: Entry[] = []
  let cursor: CborValue | undefined
  do {
    const page = await session.request('access-log', {
      patient: patient.ref,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    })
    all.push(...(page['entries'] as readonly Entry[]))
    cursor = page['cursor']
  } while (cursor !== undefined)
  return all
}

test('pages are complete and in order, whatever their size, also of entries that came meanwhile', async () => {
  const patient = await world.patient()
  const session = await world.connect(patient)
  for (let i = 0; i < 20; i++) await session.request('record.list', { patient: patient.ref })
  for (const limit of [1, 3, 7, 100]) {
    const all = await everything(session, patient, limit)
    const kinds = all.map(({ kind }) => kind)
    assert.equal(kinds.filter((kind) => kind === 'list').length, 20, `limit ${limit}`)
    assert.equal(kinds.at(-1), 'provision')
    const indexes = all.map(({ index }) => index as number)
    assert.deepEqual(
      indexes,
      indexes.toSorted((a, b) => b - a),
    )
    assert.equal(new Set(indexes).size, indexes.length)
  }
})

test('entries that were not indexed before a crash are there after it', async () => {
  const patient = await world.patient()
  const session = await world.connect(patient)
  for (let i = 0; i < 5; i++) await session.request('record.list', { patient: patient.ref })
  await world.restart()
  const again = await world.connect(patient)
  const all = await everything(again, patient, 100)
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['access-log', 'list', 'list', 'list', 'list', 'list', 'provision'],
  )
})

test('the index is written by itself once enough has come together', async () => {
  const patient = await world.patient()
  const session = await world.connect(patient)
  const rows = () =>
    world.inspect((database) =>
      database.prepare('SELECT audit_entries AS n FROM patient WHERE ref = ?').get(patient.ref),
    )?.['n']
  assert.equal(rows(), 0)
  const reads = Array.from({ length: DEFAULT_LIMITS.unindexed }, () =>
    session.request('record.list', { patient: patient.ref }),
  )
  await Promise.all(reads)
  await world.settle()
  assert.ok((rows() as number) > DEFAULT_LIMITS.unindexed / 2)
  const all = await everything(session, patient, 500)
  assert.equal(all.filter(({ kind }) => kind === 'list').length, DEFAULT_LIMITS.unindexed)
})

test('a cursor of another place, or a made-up one, is refused, and ends nothing', async () => {
  const patient = await world.patient()
  const session = await world.connect(patient)
  for (let i = 0; i < 3; i++) await session.request('record.list', { patient: patient.ref })
  // The index is written by it, so that there is a place for each number below.
  await session.request('access-log', { patient: patient.ref })
  const made = encodeHex(new Uint8Array(32))
  for (const cursor of [`2-${made}`, `9000000-${made}`, 'x', `0-${made}`, '-1']) {
    const refused = session.request('access-log', { patient: patient.ref, cursor })
    await assert.rejects(refused, { code: 'MESSAGE_MALFORMED' }, cursor)
  }
  assert.equal(world.app.state, 'serving')
})

test('a patient’s log is for the patient and the own hospital', async () => {
  const patient = await world.patient()
  const body = { patient: patient.ref }
  assert.ok((await (await world.connect(world.hospital)).request('access-log', body))['entries'])
  const stranger = await world.connect(await world.patient())
  await assert.rejects(stranger.request('access-log', body), { code: 'ACCESS_DENIED' })
  const other = await world.connect(world.organizations[1].hospital)
  await assert.rejects(other.request('access-log', body), { code: 'ACCESS_DENIED' })
  await assert.rejects((await world.connect(await world.doctor())).request('access-log', body), {
    code: 'TEE_FORBIDDEN',
  })
  const elsewhere = await world.patient({ provision: false })
  const none = (await world.connect(elsewhere)).request('access-log', { patient: elsewhere.ref })
  await assert.rejects(none, { code: 'ACCESS_DENIED' })
})

test('a hospital says for whom it asks, and nobody else may say such a thing', async () => {
  const patient = await world.patient()
  const hospital = await world.connect(world.hospital)
  const by = { kind: 'person', id: 'd-00000000000000000000000000000001', name: 'Alice Martin', app: 'ward-app' }
  await hospital.request('record.list', { patient: patient.ref, by })
  await hospital.request('record.list', { patient: patient.ref, by: { kind: 'app', id: 'lab-system' } })
  await hospital.request('record.list', { patient: patient.ref })
  // Refused, and logged with it.
  const refused = await hospital.answer('record.erase', { record: 'r-00000000000000000000000000000001', by })
  assert.equal(refused['code'], 'TEE_FORBIDDEN')
  const session = await world.connect(patient)
  const lists = (await everything(session, patient, 100)).filter(({ kind }) => kind === 'list')
  assert.deepEqual(
    lists.map((entry) => [entry['by'], entry['automatic']]),
    [
      [undefined, true],
      [{ kind: 'app', id: 'lab-system' }, true],
      [by, false],
    ],
  )
  const malformed = { code: 'MESSAGE_MALFORMED' }
  await assert.rejects(session.request('record.list', { patient: patient.ref, by }), malformed)
  const doctor = await world.connect(await world.doctor())
  await assert.rejects(doctor.request('record.list', { patient: patient.ref, by }), malformed)
  for (const odd of [{ kind: 'robot', id: 'x' }, { kind: 'person' }, { kind: 'app', id: 'x', more: 1 }, 'alice']) {
    await assert.rejects(hospital.request('record.list', { patient: patient.ref, by: odd }), malformed)
  }
  const long = { kind: 'app', id: 'x'.repeat(129) }
  await assert.rejects(hospital.request('record.list', { patient: patient.ref, by: long }), malformed)
})

test('what a hospital was refused names for whom it asked', async () => {
  const patient = await world.patient()
  const doctor = await world.doctor()
  const warrant = await world.warrant(patient, [doctor])
  const { commitment } = await world.store(patient, { author: doctor, warrant })
  const session = await world.connect(patient)
  await session.request('record.erase', { record: commitment.recordId, confirm: commitment.ehrHash })
  const hospital = await world.connect(world.hospital)
  const by = { kind: 'app', id: 'lab-system' }
  const stranger = await hospital.answer('warrant.present', { warrant: 'x.y.z', by })
  assert.equal(stranger['ok'], false)
  await hospital.answer('record.read', { record: commitment.recordId, by })
  const entry = (await everything(session, patient, 100)).find(({ kind }) => kind === 'read')
  assert.deepEqual([entry?.['by'], entry?.['code']], [by, 'RECORD_ERASED'])
})
