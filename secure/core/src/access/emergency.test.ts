import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { newId, type CborValue } from '../../../../shared/protocol/src/index.ts'
import { plainRows, TaWorld } from '../../../../testkit/src/ta-world.ts'
import { DEFAULT_EMERGENCY_MS } from './emergencies.ts'

const world = await TaWorld.open()
after(() => world.close())
const author = await world.doctor()
const doctor = await world.doctor({ emergency: true })
const patient = await world.patient()
const upload = await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
const record = upload.commitment.recordId
const reason = { reason: 'unconscious', text: 'unconscious on arrival' } as const
const open = { patient: patient.ref, ...reason }

type Item = Readonly<Record<string, CborValue>>

test('a doctor with the attribute opens it with a reason; patient and hospital are told; it is in the log', async () => {
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.read', { record }), { code: 'ACCESS_DENIED' })
  world.notices.length = 0
  const { emergency, untilMs } = await session.request('emergency.open', open)
  assert.equal(untilMs, world.clock.nowMs() + DEFAULT_EMERGENCY_MS)
  assert.deepEqual(
    world.notices.map(({ kind, ref }) => [kind, ref]),
    [
      ['emergency-open', patient.ref],
      ['emergency-open', world.hospital.ref],
    ],
  )
  assert.deepEqual((await session.request('record.read', { record }))['ehr'], upload.ehr)
  const mine = await world.connect(patient)
  const { entries } = await mine.request('access-log', { patient: patient.ref })
  const [, read, opened] = entries as readonly Item[]
  assert.deepEqual([read?.['kind'], read?.['permission']], ['read', `emergency:${emergency as string}`])
  assert.deepEqual([opened?.['kind'], opened?.['code']], ['emergency-open', 'unconscious'])
  const { items } = await mine.request('emergency.list')
  const [shown] = items as readonly Item[]
  assert.deepEqual([shown?.['text'], shown?.['open'], shown?.['actor']], [reason.text, true, doctor.ref])

  await session.request('emergency.close', { emergency: emergency as string })
  await session.request('emergency.close', { emergency: emergency as string })
  await assert.rejects(session.request('record.read', { record }), { code: 'EMERGENCY_ENDED' })
  const closed = (await mine.request('emergency.list'))['items'] as readonly Item[]
  assert.deepEqual([closed.length, closed[0]?.['open']], [1, false])
})

test('it ends by itself', async () => {
  const session = await world.connect(doctor)
  await session.request('emergency.open', open)
  assert.ok(await session.request('record.read', { record }))
  for (let hours = 0; hours < 4; hours++) world.clock.advanceMs(DEFAULT_EMERGENCY_MS / 4)
  const later = await world.connect(doctor)
  await assert.rejects(later.request('record.read', { record }), { code: 'EMERGENCY_ENDED' })
})

test('without the attribute, with too short a reason, or for the wrong word: not allowed', async () => {
  const plain = await world.connect(author)
  await assert.rejects(plain.request('emergency.open', open), { code: 'EMERGENCY_NOT_ALLOWED' })
  const session = await world.connect(doctor)
  for (const text of ['', 'short', '          a          ', 'a b c d e'.replaceAll(' ', '  ')]) {
    await assert.rejects(session.request('emergency.open', { ...open, text }), { code: 'EMERGENCY_NOT_ALLOWED' }, text)
  }
  await assert.rejects(session.request('emergency.open', { ...open, reason: 'curiosity' }), {
    code: 'MESSAGE_MALFORMED',
  })
})

test('the hospital can withhold it from a doctor whose certificate has the attribute', async () => {
  const withheld = await world.doctor({ emergency: true })
  const body = { ref: withheld.ref, name: 'Dr Wei Chen', department: '', emergency: false }
  await (await world.connect(world.hospital)).request('practitioner.provision', body)
  const session = await world.connect(withheld)
  await assert.rejects(session.request('emergency.open', open), { code: 'EMERGENCY_NOT_ALLOWED' })
})

test('refusals are logged for the patient', async () => {
  const mine = await world.connect(patient)
  const { entries } = await mine.request('access-log', { patient: patient.ref, limit: 100 })
  const refusals = (entries as readonly Item[]).filter(
    ({ kind, code }) => kind === 'deny' && code === 'EMERGENCY_NOT_ALLOWED',
  )
  assert.equal(refusals.length, 6)
})

test('a suspended doctor, and no ledger: it stays closed', async () => {
  const leaving = await world.doctor({ emergency: true })
  const session = await world.connect(leaving)
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  await assert.rejects(session.request('emergency.open', open), { code: 'LEDGER_UNAVAILABLE' })
  world.behaviour = undefined
  await world.ledger.submit(world.organizations[0].admin, 'suspendParticipant', [leaving.ref, 'left'])
  // What is remembered of the organisation is of before: it is asked anew.
  await assert.rejects(session.request('emergency.open', open), { code: 'PARTICIPANT_SUSPENDED' })
  world.clock.advanceMs(5_000)
  await assert.rejects(session.request('emergency.open', open), { code: 'PARTICIPANT_SUSPENDED' })
})

test('a doctor whom the patient’s permissions call suspended, the organisation’s list not yet: it stays closed', async () => {
  const leaving = await world.doctor({ emergency: true })
  await world.warrant(patient, [leaving])
  const session = await world.connect(leaving)
  const { state: before } = world.ledger.snapshot()
  await world.ledger.submit(world.organizations[0].admin, 'suspendParticipant', [leaving.ref, 'left'])
  // A block came between the two answers to one question.
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const { state, height } = world.ledger.snapshot()
    const answers = effect.queries.map(async (query) => {
      const isOlder = query.fn.startsWith('organizationPolicy')
      const [answer] = await world.ledger.endorsedRead([query], effect.nonce, {
        state: isOlder ? before : state,
        height,
      })
      return answer ?? []
    })
    await world.request('endorsement', { need: effect.need, ...plainRows(await Promise.all(answers)) })
  }
  const { logSize } = await world.ask('status', {})
  const refused = session.request('emergency.open', open)
  await assert.rejects(refused, { code: 'PARTICIPANT_SUSPENDED' })
  world.behaviour = undefined
  const { items } = await (await world.connect(patient)).request('emergency.list')
  assert.ok((items as readonly Item[]).every(({ actor }) => actor !== leaving.ref))
  assert.ok((await world.ask('status', {})).logSize > logSize, 'the refusal is in the log')
})

test('one doctor does not close what another opened, nor what does not exist', async () => {
  const { emergency } = await (await world.connect(doctor)).request('emergency.open', open)
  const colleague = await world.connect(await world.doctor({ emergency: true }))
  for (const id of [emergency as string, newId(world.crypto, 'e')]) {
    await assert.rejects(colleague.request('emergency.close', { emergency: id }), { code: 'ACCESS_DENIED' })
  }
})

test('the list is for the patient and the own hospital', async () => {
  const hospital = await world.connect(world.hospital)
  const { items } = await hospital.request('emergency.list', { patient: patient.ref })
  assert.ok((items as readonly Item[]).length >= 3)
  const other = await world.connect(world.organizations[1].hospital)
  await assert.rejects(other.request('emergency.list', { patient: patient.ref }), { code: 'ACCESS_DENIED' })
  const stranger = await world.connect(await world.patient())
  await assert.rejects(stranger.request('emergency.list', { patient: patient.ref }), { code: 'ACCESS_DENIED' })
  // Without a patient: what there is to review of all its patients.
  const all = (await hospital.request('emergency.list'))['items'] as readonly Item[]
  assert.deepEqual(all, items)
  assert.deepEqual((await other.request('emergency.list'))['items'], [])
})

test('the configuration sets how long it lasts', async () => {
  const short = await TaWorld.open({ emergencyMs: 60_000 })
  try {
    const helper = await short.doctor({ emergency: true })
    const owner = await short.patient()
    const session = await short.connect(helper)
    const { untilMs } = await session.request('emergency.open', { ...reason, patient: owner.ref })
    assert.equal(untilMs, short.clock.nowMs() + 60_000)
  } finally {
    short.close()
  }
})
