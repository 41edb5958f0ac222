/** What three fields for a day mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayOf, dayText, endOf, momentOf, NO_DAY } from './day.ts'

const day = (text: string) => {
  const [year = '', month = '', date = ''] = text.split('-')
  return { year, month, day: date }
}

test('three fields are a day that there is, nothing, or no day', () => {
  assert.equal(dayText(day('2028-2-29')), '2028-02-29')
  assert.equal(dayText(NO_DAY), '')
  for (const wrong of ['2027-2-29', '2027-13-1', '27-1-1', '2027-1-', '2027-1-0', '2027-1-1x']) {
    assert.equal(dayText(day(wrong)), undefined, wrong)
    assert.equal(momentOf(day(wrong)), undefined, wrong)
  }
  assert.equal(momentOf(NO_DAY), undefined)
})

test('a day begins and ends where it is read', () => {
  const noon = new Date(2026, 10, 14, 12).getTime()
  assert.deepEqual(dayOf(noon), day('2026-11-14'))
  assert.equal(momentOf(dayOf(noon)), new Date(2026, 10, 14).getTime())
  assert.equal(momentOf(dayOf(noon), '09:30'), new Date(2026, 10, 14, 9, 30).getTime())
  assert.equal(endOf(dayOf(noon)), new Date(2026, 10, 14, 23, 59).getTime())
})
