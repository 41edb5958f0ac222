/**
 * How long organisations must keep records, and until when each version is kept.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  type CommitGroup,
  commitResultShape,
  MAX_RETENTION_DAYS,
  MAX_RETENTION_STEPS,
  parseResult,
  retainedVersionsShape,
  retentionRecordShape,
} from '../../../shared/ledger-model/src/index.ts'
import { type MspId, newId, newRecordId, newRef } from '../../../shared/protocol/src/index.ts'
import { commitGroup, crypto, groupsText, type LedgerWorld, refused } from './ledger-world.ts'

const DAY_MS = 86_400_000

interface Place {
  readonly batchId: string
  readonly index: number
  readonly timeMs: number
  readonly recordId: string
}

export function describeRetention(world: () => LedgerWorld): void {
  const patient = newRef(crypto, 'p')

  const retentionOf = async (mspId: MspId) =>
    parseResult(await world().ledger.query({ fn: 'retention', args: [mspId] }), retentionRecordShape)
  /** Of each place: by whom, and for how many days from its commitment. */
  const keptOf = async (...places: readonly Place[]) => {
    const args = [JSON.stringify(places.map(({ batchId, index }) => [batchId, index]))]
    const versions = parseResult(await world().ledger.query({ fn: 'retainedUntil', args }), retainedVersionsShape)
    return versions.map(({ mspId, untilMs }, i) => {
      const days = untilMs === undefined ? 0 : (untilMs - (places[i] as Place).timeMs) / DAY_MS
      return [mspId, days]
    })
  }
  /** What is done next has a later time. */
  const soon = () => setTimeout(2)
  const commit = async (group: CommitGroup): Promise<Place[]> => {
    const { call, a } = world()
    const batchId = newId(crypto, 'b')
    await soon()
    const { timeMs } = commitResultShape(await call(a.hospital, 'commit', batchId, groupsText(group)), 'result')
    await soon()
    return group.items.map(({ recordId }, index) => ({ batchId, index, timeMs, recordId }))
  }
  const commitOne = async (group: CommitGroup): Promise<Place> => (await commit(group))[0] as Place

  describe('setRetention, retention, releaseRecord, retainedUntil', () => {
    test('an organisation that stated nothing keeps nothing', async () => {
      const { b } = world()
      assert.deepEqual(await retentionOf(b.mspId), { mspId: b.mspId, steps: [], statements: [] })
      assert.deepEqual(await keptOf(await commitOne(commitGroup(b.hospital, patient))), [[b.mspId, 0]])
    })

    test('a longer period is for what comes, a shorter one for everything; what was said stays', async () => {
      const { call, a, b } = world()
      const state = async (days: number) => {
        await call(a.admin, 'setRetention', String(days))
        await soon()
      }
      const store = () => commitOne(commitGroup(a.hospital, patient))
      const before = await store()
      await state(10)
      const first = await store()
      await state(20)
      const second = await store()
      const all = [before, first, second]
      const daysOf = async () => (await keptOf(...all)).map(([, days]) => days)
      assert.deepEqual(await daysOf(), [0, 10, 20])
      await state(5)
      assert.deepEqual(await daysOf(), [0, 5, 5])
      await state(20)
      assert.deepEqual(await daysOf(), [0, 5, 5])
      await state(0)
      await state(20)
      assert.deepEqual(await daysOf(), [0, 0, 0])
      const { statements, steps } = await retentionOf(a.mspId)
      assert.deepEqual(
        statements.map(({ days }) => days),
        [10, 20, 5, 20, 0, 20],
      )
      const newest = statements.at(-1)
      assert.deepEqual(steps, [{ days: 20, fromMs: newest?.timeMs }])
      assert.equal((await world().ledger.transaction(newest?.txId ?? ('' as never)))?.timeMs, newest?.timeMs)
      assert.deepEqual((await retentionOf(b.mspId)).statements, [])
    })

    test('saying again what was said last changes nothing', async () => {
      const { call, b } = world()
      const said = await call(b.admin, 'setRetention', '3')
      await soon()
      assert.deepEqual(await call(b.admin, 'setRetention', '3'), said)
      assert.equal((await retentionOf(b.mspId)).statements.length, 1)
      await call(b.admin, 'setRetention', '0')
    })

    test('each version is kept by the organisation of its author', async () => {
      const { call, a, b, register } = world()
      await call(a.admin, 'setRetention', '30')
      await call(b.admin, 'setRetention', '40')
      await soon()
      const doctor = await register(b, 'doctor')
      const [one, other] = await commit(commitGroup(doctor, patient, 2))
      const own = await commitOne(commitGroup(a.hospital, patient))
      assert.deepEqual(await keptOf(own, other as Place, one as Place), [
        [a.mspId, 30],
        [b.mspId, 40],
        [b.mspId, 40],
      ])
    })

    test('an organisation releases a record of its own people, nobody else’s, and once', async () => {
      const { call, a, b } = world()
      await call(a.admin, 'setRetention', '30')
      await soon()
      const [one, other] = (await commit(commitGroup(a.hospital, patient, 2))) as [Place, Place]
      await call(b.admin, 'releaseRecord', one.recordId, 'wrong-patient')
      assert.deepEqual(await keptOf(one), [[a.mspId, 30]])
      const first = await call(a.admin, 'releaseRecord', one.recordId, 'wrong-patient')
      await soon()
      assert.deepEqual(await call(a.admin, 'releaseRecord', one.recordId, 'other'), first)
      assert.deepEqual(await keptOf(one, other), [
        [a.mspId, 0],
        [a.mspId, 30],
      ])
    })

    test('refused: who is no administrator, malformed, places where nothing stands', async () => {
      const { call, ask, a, b, register } = world()
      const doctor = await register(a, 'doctor')
      const record = newRecordId(crypto, Date.now())
      for (const caller of [a.hospital, b.hospital, doctor]) {
        await refused('LEDGER_FORBIDDEN', call(caller, 'setRetention', '1'))
        await refused('LEDGER_FORBIDDEN', call(caller, 'releaseRecord', record, 'other'))
      }
      for (const days of ['', '-1', '01', '1.5', '1e3', 'x', String(MAX_RETENTION_DAYS + 1)]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'setRetention', days), days)
      }
      for (const wrong of ['x', patient]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'releaseRecord', wrong, 'other'))
      }
      await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'releaseRecord', record, 'Bob asked'))
      await refused('LEDGER_BAD_ARGUMENT', ask('retention', 'no organisation'))
      for (const places of ['x', [], [['x', 0]], [[newId(crypto, 'b')]], [[newId(crypto, 'b'), -1]]]) {
        await refused('LEDGER_BAD_ARGUMENT', ask('retainedUntil', places))
      }
      const { batchId } = await commitOne(commitGroup(a.hospital, patient))
      for (const place of [
        [newId(crypto, 'b'), 0],
        [batchId, 1],
      ]) {
        await refused('BATCH_NOT_FOUND', ask('retainedUntil', [[batchId, 0], place]))
      }
    })

    test('the longest period is taken, and so many steps; a further one is refused, a shorter one never', async () => {
      const { call, b } = world()
      await call(b.admin, 'setRetention', '0')
      for (let days = 1; days < MAX_RETENTION_STEPS; days++) await call(b.admin, 'setRetention', String(days))
      await call(b.admin, 'setRetention', String(MAX_RETENTION_DAYS - 1))
      await refused('LEDGER_BAD_ARGUMENT', call(b.admin, 'setRetention', String(MAX_RETENTION_DAYS)))
      assert.equal((await retentionOf(b.mspId)).steps.length, MAX_RETENTION_STEPS)
      await call(b.admin, 'setRetention', '1')
      await call(b.admin, 'setRetention', String(MAX_RETENTION_DAYS))
      assert.deepEqual(
        (await retentionOf(b.mspId)).steps.map(({ days }) => days),
        [1, MAX_RETENTION_DAYS],
      )
      await call(b.admin, 'setRetention', '0')
    })
  })
}
