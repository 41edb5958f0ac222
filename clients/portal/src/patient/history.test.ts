import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bloodPressure, labResult } from '../../../../test/portal/people.ts'
import { historyOf, type HistoryRecord } from './history.ts'

let number = 0
function opened(resource: object, result: 'pass' | 'fail' = 'pass', asksFirst = false): HistoryRecord {
  return { recordId: `r-${number++}`, resource: { ...resource }, report: { checks: [{ result }] }, asksFirst }
}

const PRESSURE = 'http://loinc.org|85354-9'
const HBA1C = 'http://loinc.org|59261-8'

test('both numbers of a blood pressure are one measurement, oldest first', () => {
  const { pressure, series, left } = historyOf(PRESSURE, [
    opened(bloodPressure(142, 88, '2026-11-14T08:00:00Z')),
    opened(bloodPressure(131, 80, '2026-02-14T08:00:00Z')),
  ])
  assert.deepEqual(
    pressure.map(({ upper, lower }) => [upper.value, lower.value, upper.high]),
    [
      [131, 80, 130],
      [142, 88, 130],
    ],
  )
  assert.deepEqual(series, [])
  assert.equal(left, 0)
})

test('a record that is not to be relied on, or without a number, gives no point', () => {
  const { series, left } = historyOf(HBA1C, [
    opened(labResult(44, '2026-02-12')),
    opened(labResult(47, '2026-11-14'), 'fail'),
    opened({ ...labResult(47, '2026-11-14'), valueQuantity: undefined }),
    opened(bloodPressure()),
  ])
  assert.deepEqual(
    series.map(({ points }) => points.map(({ value }) => value)),
    [[44]],
  )
  assert.equal(left, 2)
})

test('records that ask first are named', () => {
  const asking = opened(labResult(47, '2026-11-14'), 'pass', true)
  assert.deepEqual(historyOf(HBA1C, [asking]).asking, [asking.recordId])
})
