/** Rows of the day, groups and emergency sheets: each state by what makes it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PatientPolicy } from '../../../../../shared/ledger-model/src/index.ts'
import { barOf, countdownOf, missingIn } from './emergency.ts'
import { groupStateOf } from './group.ts'
import { permissionOf } from './permission.ts'

const DAY = 86_400_000
const NOW = 1_000 * DAY
const ME = 'd-1'

function policy(change: Partial<Record<keyof PatientPolicy, unknown>>): PatientPolicy {
  const none = { patientRef: 'p-1', status: 'active', hospitals: [], keys: [], warrants: [], grants: [], suspended: [] }
  return { ...none, ...change } as unknown as PatientPolicy
}
const warrant = (nbf: number, exp: number, revoked: number | null = null, doctors = [ME]) => ({
  doctors,
  nbfMs: NOW + nbf * DAY,
  expMs: NOW + exp * DAY,
  revokedMs: revoked === null ? null : NOW + revoked * DAY,
})
const state = (...warrants: readonly object[]) => permissionOf(policy({ warrants }), ME, NOW)

test('what holds and ends last counts', () => {
  assert.deepEqual(state(warrant(-1, 2), warrant(-1, 7), warrant(-9, -1)), {
    state: 'holds',
    untilMs: NOW + 7 * DAY,
    days: 7,
    kinds: ['*'],
  })
})

test('later, ended, taken back, or not answered', () => {
  assert.deepEqual(state(warrant(3, 9), warrant(1, 5), warrant(-9, -1)), { state: 'later', fromMs: NOW + DAY })
  assert.deepEqual(state(warrant(-9, -3), warrant(-9, -1)), { state: 'ended', endedMs: NOW - DAY })
  assert.deepEqual(state(warrant(-9, 9, -2)), { state: 'taken-back', takenBackMs: NOW - 2 * DAY })
  assert.deepEqual(state(warrant(-9, 9, null, ['d-2'])), { state: 'waiting' })
  assert.deepEqual(permissionOf(undefined, ME, NOW), { state: 'waiting' })
  assert.deepEqual(permissionOf(policy({ status: 'unknown' }), ME, NOW), { state: 'waiting' })
})

test('a permission ends in the moment that it names', () => {
  assert.equal(state(warrant(-1, 0)).state, 'ended')
  assert.equal(state(warrant(0, 1)).state, 'holds')
})

test('a suspended doctor or patient has none, whatever is recorded', () => {
  const warrants = [warrant(-1, 7)]
  assert.equal(permissionOf(policy({ warrants, suspended: [ME] }), ME, NOW).state, 'suspended')
  assert.equal(permissionOf(policy({ warrants, status: 'suspended' }), ME, NOW).state, 'suspended')
})

test('a grant counts with its kinds, unless its holder was reported', () => {
  const grant = { ...warrant(-1, 4), grantee: ME, scope: ['lab'], suspended: false }
  const held = permissionOf(policy({ grants: [grant] }), ME, NOW)
  assert.deepEqual(held.state === 'holds' && held.kinds, ['lab'])
  assert.equal(permissionOf(policy({ grants: [{ ...grant, suspended: true }] }), ME, NOW).state, 'waiting')
  assert.equal(permissionOf(policy({ grants: [{ ...grant, grantee: 'd-2' }] }), ME, NOW).state, 'waiting')
})

test('a group says whose turn it is and who stores for all', () => {
  const doctors = ['d-0', ME, 'd-2']
  const mine = groupStateOf(doctors, [{ author: 'd-0', writtenMs: 5 }], ME)
  assert.deepEqual([mine.isMyTurn, mine.place, mine.count, mine.storesForAll], [true, 2, 3, false])
  assert.deepEqual(
    mine.parts.map((part) => part.state),
    ['signed', 'turn', 'later'],
  )
  assert.equal(mine.parts[0]?.signedMs, 5)
  const last = groupStateOf(
    doctors,
    [
      { author: 'd-0', writtenMs: 5 },
      { author: ME, writtenMs: 6 },
    ],
    'd-2',
  )
  assert.equal(last.storesForAll, true)
  const done = groupStateOf(
    doctors,
    doctors.map((author) => ({ author, writtenMs: 1 })),
    ME,
  )
  assert.deepEqual([done.isMyTurn, done.storesForAll, done.place], [false, false, 3])
})

test('an emergency needs a reason and ten characters that say something', () => {
  assert.deepEqual(missingIn({ reason: undefined, text: '' }), ['reason', 'text'])
  assert.deepEqual(missingIn({ reason: 'other', text: '   123456789   ' }), ['text'])
  assert.deepEqual(missingIn({ reason: 'unconscious', text: 'on arrival' }), [])
  assert.deepEqual(missingIn({ reason: 'other', text: 'x'.repeat(2_049) }), ['long'])
})

test('an emergency is closed without the attribute, and when nobody can say who may look', () => {
  const good = { isEntitled: true, ledgerAnswers: true, serverAnswers: true }
  assert.equal(barOf(good), undefined)
  assert.equal(barOf({ ...good, isEntitled: false, ledgerAnswers: false }), 'not-entitled')
  assert.equal(barOf({ ...good, ledgerAnswers: false, serverAnswers: false }), 'ledger-away')
  assert.equal(barOf({ ...good, serverAnswers: false }), 'server-away')
})

test('the remaining time is said at ten, five and one minute', () => {
  assert.deepEqual(countdownOf(NOW + 4 * 3_600_000, NOW), {
    leftMs: 14_400_000,
    isOver: false,
    clock: '4:00:00',
    mark: undefined,
  })
  assert.equal(countdownOf(NOW + 600_000, NOW).mark, 10)
  assert.equal(countdownOf(NOW + 299_000, NOW).mark, 5)
  assert.equal(countdownOf(NOW + 59_000, NOW).mark, 1)
  assert.equal(countdownOf(NOW + 59_000, NOW).clock, '0:00:59')
  assert.deepEqual(countdownOf(NOW, NOW + 5), { leftMs: 0, isOver: true, clock: '0:00:00', mark: undefined })
})
