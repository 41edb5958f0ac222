/** Dates of FHIR on an axis of time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeOf } from './read.ts'

test('a day without a time is that day where it is read, in every zone', () => {
  const { TZ } = process.env
  try {
    for (const zone of ['America/Los_Angeles', 'UTC', 'Asia/Shanghai']) {
      process.env['TZ'] = zone
      const day = new Date(timeOf('1962-03-03'))
      assert.deepEqual([day.getFullYear(), day.getMonth(), day.getDate()], [1962, 2, 3], zone)
      assert.equal(timeOf('2026-11-14T08:00:00+01:00'), Date.UTC(2026, 10, 14, 7))
    }
  } finally {
    if (TZ === undefined) delete process.env['TZ']
    else process.env['TZ'] = TZ
  }
})

test('what has no day has no place on the axis', () => {
  for (const text of ['2024', '2024-05', '', 'yesterday', '2024-05-01x', undefined]) {
    assert.ok(Number.isNaN(timeOf(text)), String(text))
  }
})
