/**
 * A record that an organisation must keep is not erased early: not by the patient, not with a clock that the host sets,
 * nor with answers of the ledger that the host hides, keeps from before, or makes; no other organisation and no service of
 * a hospital states or ends a period. Threat model T22; docs/protocol/04 §4.7, 07 §7.19, 08 §8.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import {
  decodeEndorsedContent,
  endorseContent,
  type EndorsedAnswer,
  type EndorsedContent,
} from '../../shared/ledger-model/src/index.ts'
import type { EffectOf } from '../../shared/tee-abi/src/index.ts'
import { TaWorld, type Upload, type WorldSession } from '../../testkit/src/ta-world.ts'

const DAY_MS = 86_400_000
/** As far as a clock may be off before everything is refused. */
const AHEAD_MS = 240_000

const world = await TaWorld.open({ twoNodes: true })
after(() => world.close())
const [a, b] = world.organizations
const [, liar] = world.nodes
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor])
const beforeAny = world.ledger.snapshot()
await world.ledger.submit(a.admin, 'setRetention', ['2'])
const upload = await world.store(patient, { author: doctor, warrant })
const untilMs = world.clock.nowMs() + 2 * DAY_MS
const { recordId: record, ehrHash: confirm } = upload.commitment

let isErased = false
afterEach(async () => {
  world.behaviour = undefined
  world.clock.setNowMs(world.clock.nowMs() + world.ledgerOffsetMs)
  world.ledgerOffsetMs = 0
  const { ok, code } = await (await world.connect(patient)).answer('record.read', { record })
  // Whatever was tried: it is still there, until the last test.
  if (!isErased) assert.deepEqual([ok, code], [true, undefined])
})

async function erasing(session?: WorldSession, one: Upload = upload): Promise<unknown> {
  const { recordId, ehrHash } = one.commitment
  const by = session ?? (await world.connect(patient))
  return (await by.answer('record.erase', { record: recordId, confirm: ehrHash }))['code']
}

/** The host changes the answers to the one question. */
function answering(change: (answers: EndorsedAnswer[], need: EffectOf<'need'>) => EndorsedAnswer[]): void {
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need' || !effect.queries.some(({ fn }) => fn === 'retainedUntil')) return await honest(effect)
    const honestRows = await world.ledger.endorsedRead(effect.queries, effect.nonce)
    const answers = honestRows.map((row, i) =>
      effect.queries[i]?.fn === 'retainedUntil' ? change([...row], effect) : [...row],
    )
    await world.request('endorsement', { need: effect.need, answers })
  }
}

const retold = (answer: EndorsedAnswer, change: Partial<EndorsedContent>): EndorsedAnswer =>
  endorseContent(world.crypto, world.crypto.generateSigningKey(), {
    ...decodeEndorsedContent(answer.answer),
    ...change,
  })
const nobodyMust = JSON.stringify([{ mspId: a.mspId }])

test('the patient is refused, and learns who must keep it and until when', async () => {
  const session = await world.connect(patient)
  const { code, retention } = await session.answer('record.erase', { record, confirm })
  assert.equal(code, 'RETENTION_APPLIES')
  assert.deepEqual(retention, { organization: a.mspId, hospital: a.hospital.ref, untilMs })
})

test('the host shows the ledger as it was before the period was stated', async () => {
  const session = await world.connect(patient)
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce, beforeAny)
    await world.request('endorsement', { need: effect.need, answers: answers.map((row) => [...row]) })
  }
  assert.equal(await erasing(session), 'ENDORSEMENT_STALE')
})

test('the host hides the answer, repeats one of another question, or signs one itself', async () => {
  const session = await world.connect(patient)
  answering(() => [])
  assert.equal(await erasing(session), 'ENDORSEMENT_QUORUM')
  answering((row) => row.map((answer) => retold(answer, { result: nobodyMust })))
  assert.equal(await erasing(session), 'ENDORSEMENT_SIGNATURE')
  const kept: EndorsedAnswer[] = []
  answering((row) => {
    kept.push(...row)
    return row
  })
  assert.equal(await erasing(session), 'RETENTION_APPLIES')
  answering(() => kept)
  assert.equal(await erasing(session), 'ENDORSEMENT_NONCE')
})

test('the host asks about another record, which may go', async () => {
  world.clock.advanceMs(1)
  await world.ledger.submit(a.admin, 'setRetention', ['3'])
  const other = await world.store(patient, { author: doctor, warrant })
  await world.ledger.submit(a.admin, 'releaseRecord', [other.commitment.recordId, 'test'])
  const place = world.ledger.findCommitted(other.commitment.recordId, 1)
  assert.ok(place !== undefined)
  const [, , batchId, index] = place
  const args = [JSON.stringify([[batchId, index]])]
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const queries = effect.queries.map((query) => (query.fn === 'retainedUntil' ? { ...query, args } : query))
    const answers = await world.ledger.endorsedRead(queries, effect.nonce)
    await world.request('endorsement', { need: effect.need, answers: answers.map((row) => [...row]) })
  }
  assert.equal(await erasing(), 'ENDORSEMENT_NONCE')
  world.behaviour = undefined
  assert.equal(await erasing(undefined, other), undefined)
})

test('one of two organisations says that nobody must keep it', async () => {
  assert.ok(liar !== undefined)
  answering((row) =>
    row.map((answer) => {
      const content = decodeEndorsedContent(answer.answer)
      if (content.mspId !== liar.mspId) return answer
      return endorseContent(world.crypto, liar.key, { ...content, result: nobodyMust })
    }),
  )
  assert.equal(await erasing(), 'ENDORSEMENT_DISAGREEMENT')
})

test('no clock of the host and of one organisation ends a period early', async () => {
  assert.ok(liar !== undefined)
  world.clock.advanceMs(untilMs - AHEAD_MS / 2 - world.clock.nowMs())
  // The record server's clock is past the end; both organisations tell the truth.
  world.clock.setNowMs(world.clock.nowMs() + AHEAD_MS)
  world.ledgerOffsetMs = -AHEAD_MS
  assert.equal(await erasing(), 'RETENTION_APPLIES')
  // One of them says the same as the host.
  answering((row) =>
    row.map((answer) => {
      const content = decodeEndorsedContent(answer.answer)
      if (content.mspId !== liar.mspId) return answer
      return endorseContent(world.crypto, liar.key, { ...content, timeMs: content.timeMs + AHEAD_MS })
    }),
  )
  assert.equal(await erasing(), 'RETENTION_APPLIES')
  // By years: nothing is decided at all.
  world.behaviour = undefined
  const session = await world.connect(patient)
  world.clock.setNowMs(world.clock.nowMs() + 3_650 * DAY_MS)
  world.ledgerOffsetMs -= 3_650 * DAY_MS
  assert.equal(await erasing(session), 'CLOCK_SKEW')
})

test('no other organisation, and no service or doctor of the hospital, states a period or releases a record', async () => {
  for (const caller of [a.hospital, b.hospital, doctor]) {
    await assert.rejects(world.ledger.submit(caller, 'setRetention', ['0']), { code: 'LEDGER_FORBIDDEN' })
    await assert.rejects(world.ledger.submit(caller, 'releaseRecord', [record, 'x']), { code: 'LEDGER_FORBIDDEN' })
  }
  await world.ledger.submit(b.admin, 'setRetention', ['1'])
  await world.ledger.submit(b.admin, 'setRetention', ['0'])
  await world.ledger.submit(b.admin, 'releaseRecord', [record, 'x'])
  assert.equal(await erasing(), 'RETENTION_APPLIES')
})

test('after the time it is erased, whatever longer period was stated meanwhile', async () => {
  await world.ledger.submit(a.admin, 'setRetention', ['36525'])
  world.clock.advanceMs(AHEAD_MS)
  const another = await world.store(patient, { author: doctor, warrant })
  assert.equal(await erasing(undefined, another), 'RETENTION_APPLIES')
  const session = await world.connect(patient)
  const { log } = await session.request('record.erase', { record, confirm })
  isErased = true
  world.verifyLogProof(log, { kind: 'erase', record })
})
