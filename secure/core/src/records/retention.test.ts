import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TaWorld, type Upload, type WorldPatient, type WorldSession } from '../../../../testkit/src/ta-world.ts'

const DAY_MS = 86_400_000
const world = await TaWorld.open()
after(() => world.close())
const [a, b] = world.organizations
const doctor = await world.doctor()

async function setRetention(days: number, organization = a): Promise<void> {
  await world.ledger.submit(organization.admin, 'setRetention', [String(days)])
}

/** A patient with one record, committed now. */
async function openCase(): Promise<{ patient: WorldPatient; warrant: string; upload: Upload; committedMs: number }> {
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const committedMs = world.clock.nowMs()
  return { patient, warrant, upload: await world.store(patient, { author: doctor, warrant }), committedMs }
}

function erase(session: WorldSession, { commitment }: Upload) {
  return session.answer('record.erase', { record: commitment.recordId, confirm: commitment.ehrHash })
}

test('before the period of its organisation has ended a record is not erased, and the patient learns until when', async () => {
  await setRetention(2)
  const { patient, upload, committedMs } = await openCase()
  const record = upload.commitment.recordId
  const untilMs = committedMs + 2 * DAY_MS
  world.clock.advanceMs(2 * DAY_MS - 1)
  const session = await world.connect(patient)
  assert.deepEqual(await erase(session, upload), {
    ok: false,
    code: 'RETENTION_APPLIES',
    retention: { organization: a.mspId, hospital: a.hospital.ref, untilMs },
  })
  await session.request('record.read', { record })
  const { entries } = await session.request('access-log', { patient: patient.ref })
  const refused = (entries as readonly Readonly<Record<string, unknown>>[]).find(({ kind }) => kind === 'deny')
  assert.deepEqual([refused?.['actor'], refused?.['code']], [patient.ref, 'RETENTION_APPLIES'])
  assert.deepEqual(refused?.['records'], [{ record }])

  world.clock.advanceMs(1)
  const { log } = await session.request('record.erase', { record, confirm: upload.commitment.ehrHash })
  world.verifyLogProof(log, { kind: 'erase', record })
})

test('a longer period does not reach what is there; without one a record is erased at once', async () => {
  await setRetention(0)
  const { patient, upload } = await openCase()
  world.clock.advanceMs(1)
  await setRetention(36_525)
  await setRetention(36_525, b)
  assert.equal((await erase(await world.connect(patient), upload))['ok'], true)
})

test('of several versions the one that is kept longest decides', async () => {
  await setRetention(1)
  const { patient, warrant, upload } = await openCase()
  world.clock.advanceMs(1)
  await setRetention(3)
  const { recordId, ehrHash: previous } = upload.commitment
  const correctedMs = world.clock.nowMs()
  const next = await world.store(patient, { author: doctor, warrant, recordId, version: 2, previous })
  const answer = await erase(await world.connect(patient), next)
  assert.equal((answer['retention'] as { readonly untilMs: number }).untilMs, correctedMs + 3 * DAY_MS)
  world.clock.advanceMs(1)
  await setRetention(0)
  assert.equal((await erase(await world.connect(patient), next))['ok'], true)
})

test('what its organisation releases is erased at once', async () => {
  await setRetention(5)
  const { patient, upload } = await openCase()
  const session = await world.connect(patient)
  assert.equal((await erase(session, upload))['code'], 'RETENTION_APPLIES')
  await world.ledger.submit(b.admin, 'releaseRecord', [upload.commitment.recordId, 'wrong-patient'])
  assert.equal((await erase(session, upload))['code'], 'RETENTION_APPLIES')
  await world.ledger.submit(a.admin, 'releaseRecord', [upload.commitment.recordId, 'wrong-patient'])
  assert.equal((await erase(session, upload))['ok'], true)
})

test('a version that came while the ledger was asked about those before is not erased with them', async () => {
  await setRetention(0)
  const { patient, warrant, upload } = await openCase()
  const { recordId, ehrHash: previous } = upload.commitment
  const session = await world.connect(patient)
  let next: Upload | undefined
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need' && effect.queries.some(({ fn }) => fn === 'retainedUntil') && next !== undefined) {
      const arriving = next
      next = undefined
      const author = await world.connect(doctor)
      const stored = author.request('record.store', { envelope: arriving.envelope })
      await world.commit(arriving)
      await stored
    }
    await honest(effect)
  }
  const second = world.upload(patient, { author: doctor, warrant, recordId, version: 2, previous })
  next = second
  assert.equal((await erase(session, second))['code'], 'RECORD_VERSION_CONFLICT')
  await session.request('record.read', { record: recordId, version: 1 })
  world.behaviour = undefined
  assert.equal((await erase(session, second))['ok'], true)
})

test('peers of Hyperledger Fabric are asked the same, and believed the same', async () => {
  const fabric = await TaWorld.open({ fabric: true })
  try {
    const [organization] = fabric.organizations
    await fabric.ledger.submit(organization.admin, 'setRetention', ['1'])
    const author = await fabric.doctor()
    const patient = await fabric.patient()
    const upload = await fabric.store(patient, { author, warrant: await fabric.warrant(patient, [author]) })
    assert.equal((await erase(await fabric.connect(patient), upload))['code'], 'RETENTION_APPLIES')
    fabric.clock.advanceMs(DAY_MS)
    assert.equal((await erase(await fabric.connect(patient), upload))['ok'], true)
  } finally {
    fabric.close()
  }
})
