/**
 * Schedules of a hostile host, drawn by chance: whatever it does, nobody reads what the ledger does not allow, nothing that
 * was acknowledged is lost, every read that was released is in the log, and every refusal has a code.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatabasePort } from '../../../secure/core/src/index.ts'
import { Chance } from './chance.ts'
import { runSchedule, type Planted, type Report } from './hostile-host.ts'
import { SCHEDULES_THAT_FOUND_FAULTS } from './seeds.ts'

const IS_LONG = process.env['TRUSTHEALTH_LONG'] === '1'
const STEPS = 1_000
const SCHEDULES = IS_LONG ? 110 : 5
/** Another one each time in the long suite: `TRUSTHEALTH_SEED` repeats one. */
const FIRST_SEED = Number(process.env['TRUSTHEALTH_SEED'] ?? (IS_LONG ? Date.now() % 1_000_000_000 : 1))

const reports: Report[] = []

for (const [seed, steps] of SCHEDULES_THAT_FOUND_FAULTS) {
  test(`seed ${seed}, ${steps} steps, which found a fault once`, async () => {
    await runSchedule(seed, steps)
  })
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
  test(`seed ${seed}, ${STEPS} steps: every invariant holds`, async () => {
    reports.push(await runSchedule(seed, STEPS))
  })
}

test('the schedules did what they are for', () => {
  const sum = (count: (report: Report) => number): number => reports.reduce((total, report) => total + count(report), 0)
  assert.equal(
    sum(({ steps }) => steps),
    SCHEDULES * STEPS,
  )
  assert.ok(sum(({ acknowledged }) => acknowledged) >= SCHEDULES, 'records are acknowledged')
  assert.ok(sum(({ released }) => released) >= SCHEDULES, 'reads are released')
  const choices = new Set(reports.flatMap((report) => [...report.choices.keys()]))
  for (const choice of ['alter', 'alter an answer', 'replay', 'exchange answers', 'forge news', 'kill', 'time jumps']) {
    assert.ok(choices.has(choice), choice)
  }
  const codes = new Set(reports.flatMap((report) => [...report.codes.keys()]))
  for (const code of [
    'SESSION_REPLAY',
    'SESSION_RECORD_REJECTED',
    'ENDORSEMENT_NONCE',
    'ACCESS_DENIED',
    'TEE_RESTARTED',
  ]) {
    assert.ok(codes.has(code), code)
  }
})

test('the same seed makes the same choices', async () => {
  const [one, other] = [await runSchedule(77, 150), await runSchedule(77, 150)]
  assert.deepEqual([...one.choices], [...other.choices])
})

/** Runs schedules until one finds the planted fault. */
async function findFault(planted: Planted, expected: RegExp): Promise<void> {
  const found: string[] = []
  for (let seed = 1; seed <= 80; seed++) {
    try {
      await runSchedule(seed, STEPS, planted)
    } catch (error) {
      const text = (error as Error).message
      if (expected.test(text)) return
      found.push(text)
    }
  }
  assert.fail(`the planted fault was not found: ${found.join('\n')}`)
}

test('a quorum that lies is found by these invariants: somebody reads what the ledger does not allow', () =>
  findFault({ dishonestQuorum: true }, /what the ledger did not allow|read without a permission/))

test('a store that forgets what it made durable is found by these invariants', () => {
  const chance = new Chance(5)
  /** Once in a while a transaction is thrown away, and the application is told that it is on disk. */
  const forgetful = (port: DatabasePort): DatabasePort => ({
    open: (name, key) => {
      const database = port.open(name, key)
      return {
        ...database,
        exec: (sql) => database.exec(sql === 'COMMIT' && chance.percent(5) ? 'ROLLBACK' : sql),
        prepare: (sql) => database.prepare(sql),
      }
    },
  })
  return findFault({ database: forgetful }, /is lost|talked the application into|is missing/)
})
