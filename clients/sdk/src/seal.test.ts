import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHECK_IDS, sealOf, type Check, type CheckId, type SealInput } from './seal.ts'

const clock = { date: (ms: number) => `day ${ms}`, time: (ms: number) => `time ${ms}` }
const all = (change: Partial<Record<CheckId, Partial<Check>>> = {}): Check[] =>
  CHECK_IDS.map((id) => ({ id, result: 'pass', reason: `${id} is right.`, timeMs: 1, ...change[id] }))
const seal = (input: Partial<SealInput>) => sealOf({ checks: all(), practice: false, ...input }, clock)

test('all seven passed on hardware is the only green seal', () => {
  assert.deepEqual([seal({}).word, seal({}).tone], ['Verified unchanged', 'ok'])
})

test('the same on a practice system says so and is never green', () => {
  const practice = seal({ practice: true })
  assert.equal(practice.word, 'Verified unchanged (practice)')
  assert.equal(practice.tone, 'practice')
  assert.match(practice.line, /operator could read everything/)
})

test('a failed text check wins over everything and says which', () => {
  const wrong = seal({
    checks: all({
      text: { result: 'fail', reason: 'The text does not match what was signed.' },
      ledger: { result: 'skip' },
    }),
    waitingSinceMs: 3,
    practice: true,
  })
  assert.deepEqual(
    [wrong.state, wrong.word, wrong.line],
    ['wrong', 'Do not rely on this', 'The text does not match what was signed.'],
  )
})

test('a hidden newer version is an old copy', () => {
  const old = seal({
    checks: all({ newest: { result: 'fail', reason: 'A newer version exists and was not given to you.' } }),
    newerMs: 7,
  })
  assert.deepEqual([old.state, old.tone], ['old-copy', 'bad'])
  assert.equal(old.line, 'A newer version from day 7 exists and was not given to you.')
})

test('witnesses that disagree are a split view', () => {
  const split = seal({ checks: all({ log: { result: 'fail', code: 'LOG_NOT_CONSISTENT', reason: 'different' } }) })
  assert.deepEqual([split.state, split.line], ['split-view', 'Hospitals were shown different logs.'])
})

test('a check that could not run is never shown as a pass', () => {
  const partly = seal({
    checks: all({
      ledger: { result: 'skip', reason: 'the ledger did not answer.' },
      newest: { result: 'skip', reason: 'the ledger did not answer.' },
    }),
  })
  assert.equal(partly.word, 'Not fully checked')
  assert.equal(partly.line, '5 of 7 checks passed; 2 could not run: the ledger did not answer.')
})

test('a check that is absent counts as not run', () => {
  assert.equal(seal({ checks: all().slice(1) }).state, 'not-fully-checked')
})

test('no check at all is not checked', () => {
  assert.equal(seal({ checks: [] }).state, 'not-checked')
})

test('waiting, earlier, replaced and erased have their own words', () => {
  assert.equal(seal({ waitingSinceMs: 5 }).word, 'Being recorded')
  assert.equal(seal({ earlierMs: 5 }).word, 'Unchanged at time 5')
  assert.equal(seal({ replacedMs: 5 }).word, 'Verified unchanged, replaced day 5')
  assert.equal(seal({ marker: { erasedMs: 5 } }).word, 'Erased day 5')
  for (const input of [{ waitingSinceMs: 5 }, { earlierMs: 5 }, { replacedMs: 5 }, { marker: { erasedMs: 5 } }]) {
    assert.notEqual(seal(input).tone, 'ok')
  }
})

test('erased is said of a marker whose two checks passed, and of nothing else', () => {
  const checks = all().filter(({ id }) => id === 'log' || id === 'server')
  const [log, server] = checks as [Check, Check]
  assert.deepEqual(
    [seal({ checks, marker: { erasedMs: 5 } }).state, seal({ checks, marker: {} }).state],
    ['erased', 'not-fully-checked'],
  )
  const unproven = seal({ checks: [{ ...log, result: 'skip', reason: 'no proof.' }, server], marker: {} })
  assert.equal(unproven.line, '1 of 2 checks passed; 1 could not run: no proof.')
  assert.equal(seal({ checks: [{ ...log, result: 'fail' }, server], marker: { erasedMs: 5 } }).state, 'wrong')
  assert.equal(seal({ checks: [log], marker: { erasedMs: 5 } }).state, 'not-fully-checked')
  assert.equal(seal({ checks, practice: true, marker: { erasedMs: 5 } }).word, 'Erased day 5 (practice)')
})
