/**
 * One of two organisations signs a time that has not come, and the host sets the clock of its trusted application to it:
 * nothing begins early, and an emergency access does not last longer. What ended stays ended. Spec: docs/protocol/08 §8.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import {
  decodeEndorsedContent,
  endorseContent,
  type EndorsedAnswer,
  type EndorsedQuery,
} from '../../shared/ledger-model/src/index.ts'
import type { EffectOf } from '../../shared/tee-abi/src/index.ts'
import { TaWorld } from '../../testkit/src/ta-world.ts'

const AHEAD_MS = 240_000
const world = await TaWorld.open({ twoNodes: true })
after(() => world.close())
const author = await world.doctor()
const patient = await world.patient()
const { commitment } = await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
const record = commitment.recordId
const trueNowSeconds = (): number => Math.floor((world.clock.nowMs() + world.ledgerOffsetMs) / 1_000)
afterEach(beHonest)

function beHonest(): void {
  world.clock.setNowMs(world.clock.nowMs() + world.ledgerOffsetMs)
  world.ledgerOffsetMs = 0
  world.behaviour = undefined
}

/** The application's clock and one organisation's are set by as much; the other organisation tells the truth. */
function lie(offsetMs: number): void {
  world.clock.setNowMs(world.clock.nowMs() + offsetMs)
  world.ledgerOffsetMs = -offsetMs
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', await answersOf(effect, offsetMs))
    else await honest(effect)
  }
}

async function answersOf(
  { need, queries, nonce }: EffectOf<'need'>,
  offsetMs: number,
): Promise<{ readonly need: number; readonly answers: EndorsedAnswer[][] }> {
  const answers = await Promise.all(
    queries.map(async (query: EndorsedQuery) => {
      const [row = []] = await world.ledger.endorsedRead([query], nonce)
      return row.map((answer) => dishonest(answer, offsetMs))
    }),
  )
  return { need, answers }
}

function dishonest(answer: EndorsedAnswer, offsetMs: number): EndorsedAnswer {
  const content = decodeEndorsedContent(answer.answer)
  const [, liar] = world.nodes
  if (liar === undefined || content.mspId !== liar.mspId) return answer
  return endorseContent(world.crypto, liar.key, { ...content, timeMs: content.timeMs + offsetMs })
}

test('a warrant that has not begun stores nothing and reads nothing', async () => {
  const nbf = trueNowSeconds() + 60
  const doctor = await world.doctor()
  const warrant = await world.warrant(patient, [doctor], { nbf, exp: nbf + 3_600 })
  const upload = world.upload(patient, { author: doctor, warrant })
  await world.commit(upload)
  lie(AHEAD_MS)
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.store', { envelope: upload.envelope }), {
    code: 'WARRANT_NOT_YET_VALID',
  })
  await session.request('warrant.present', { warrant })
  await assert.rejects(session.request('record.read', { record }), { code: 'WARRANT_NOT_YET_VALID' })
  beHonest()
  world.clock.advanceMs(61_000)
  await session.request('record.store', { envelope: upload.envelope })
  await session.request('record.read', { record })
})

test('a grant that has not begun reads nothing', async () => {
  const nbf = trueNowSeconds() + 60
  const doctor = await world.doctor({ at: 1 })
  await world.grant(patient, doctor, { nbf, exp: nbf + 3_600 })
  lie(AHEAD_MS)
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.read', { record }), { code: 'GRANT_NOT_YET_VALID' })
  await assert.rejects(session.request('record.list', { patient: patient.ref }), { code: 'GRANT_NOT_YET_VALID' })
  beHonest()
  world.clock.advanceMs(61_000)
  await session.request('record.read', { record })
})

test('the clock of the host alone begins nothing either', async () => {
  const nbf = trueNowSeconds() + 60
  const doctor = await world.doctor()
  await world.grant(patient, doctor, { nbf, exp: nbf + 3_600 })
  world.clock.setNowMs(world.clock.nowMs() + AHEAD_MS)
  world.ledgerOffsetMs = -AHEAD_MS
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.read', { record }), { code: 'GRANT_NOT_YET_VALID' })
})

test('an emergency access ends when it would have ended by the true time', async () => {
  const doctor = await world.doctor({ emergency: true })
  const openedMs = world.clock.nowMs()
  lie(AHEAD_MS)
  const session = await world.connect(doctor)
  const reason = { patient: patient.ref, reason: 'unconscious', text: 'unconscious on arrival' }
  const { untilMs } = await session.request('emergency.open', reason)
  const length = Number(untilMs) - openedMs
  assert.equal(length, 4 * 60 * 60 * 1_000)
  beHonest()
  for (let hour = 0; hour < 4; hour++) world.clock.advanceMs(length / 4)
  const later = await world.connect(doctor)
  await assert.rejects(later.request('record.read', { record }), { code: 'EMERGENCY_ENDED' })
})

test('an organisation whose clock is held back opens nothing that ended', async () => {
  const nbf = trueNowSeconds() - 3_600
  const doctor = await world.doctor()
  await world.grant(patient, doctor, { nbf, exp: trueNowSeconds() - 30 })
  lie(-AHEAD_MS)
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.read', { record }), { code: 'GRANT_EXPIRED' })
})
