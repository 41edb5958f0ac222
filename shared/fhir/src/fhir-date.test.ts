import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatInstant, parseDateTime } from './fhir-date.ts'

const at = (text: string): number => Date.parse(text)

describe('parseDateTime', () => {
  for (const [text, start, end] of [
    ['2024', '2024-01-01T00:00:00.000Z', '2024-12-31T23:59:59.999Z'],
    ['2024-02', '2024-02-01T00:00:00.000Z', '2024-02-29T23:59:59.999Z'],
    ['2023-02', '2023-02-01T00:00:00.000Z', '2023-02-28T23:59:59.999Z'],
    ['2024-12', '2024-12-01T00:00:00.000Z', '2024-12-31T23:59:59.999Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z', '2024-02-29T23:59:59.999Z'],
    ['1969-12-31', '1969-12-31T00:00:00.000Z', '1969-12-31T23:59:59.999Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z', '0001-01-01T23:59:59.999Z'],
    ['9999', '9999-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
    ['2013-04-02T09:30:10+01:00', '2013-04-02T08:30:10.000Z', '2013-04-02T08:30:10.999Z'],
    ['2013-01-01T00:00:00+14:00', '2012-12-31T10:00:00.000Z', '2012-12-31T10:00:00.999Z'],
    ['2013-12-31T23:59:59-05:30', '2014-01-01T05:29:59.000Z', '2014-01-01T05:29:59.999Z'],
    ['2015-02-07T13:28:17.2Z', '2015-02-07T13:28:17.200Z', '2015-02-07T13:28:17.299Z'],
    ['2015-02-07T13:28:17.23Z', '2015-02-07T13:28:17.230Z', '2015-02-07T13:28:17.239Z'],
    ['2015-02-07T13:28:17.239Z', '2015-02-07T13:28:17.239Z', '2015-02-07T13:28:17.239Z'],
    ['2015-02-07T13:28:17.2394567-00:00', '2015-02-07T13:28:17.239Z', '2015-02-07T13:28:17.239Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:00.999Z'],
  ] as const) {
    it(`${text} is ${start} to ${end}`, () => {
      assert.deepEqual(parseDateTime(text), { startMs: at(start), endMs: at(end) })
    })
  }

  for (const text of [
    '',
    '24',
    '0000',
    '2024-00',
    '2024-13',
    '2023-02-29',
    '1900-02-29',
    '2024-04-31',
    '2024-01-00',
    '2024-01-01T10:00Z',
    '2024-01-01T10:00:00',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60:00Z',
    '2024-01-01T10:00:61Z',
    '2024-01-01T10:00:00+15:00',
    '2024-01-01T10:00:00+14:01',
    '2024-01-01T10:00:00+01:60',
    '2024-01-01 10:00:00Z',
    '2024-01-01T10:00:00z',
    ' 2024',
    '2024\n',
    '٢٠٢٤',
    `2024-01-01T10:00:00.${'1'.repeat(60)}Z`,
    2024,
    null,
    undefined,
    {},
    ['2024'],
  ]) {
    it(`${JSON.stringify(text)} is no date`, () => {
      assert.equal(parseDateTime(text), undefined)
    })
  }
})

describe('formatInstant', () => {
  it('agrees with Date for every millisecond of FHIR years, and parseDateTime inverts it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
        assert.equal(formatInstant(ms), new Date(ms).toISOString())
        assert.deepEqual(parseDateTime(formatInstant(ms)), { startMs: ms, endMs: ms })
      }),
      { numRuns: 5000, examples: [[0], [-1], [951_782_400_000], [-62_135_596_800_000], [253_402_300_799_999]] },
    )
  })

  it('agrees with Date on every day of 800 years', () => {
    for (let day = -146_097; day < 146_097; day++) {
      const iso = new Date(day * 86_400_000).toISOString()
      assert.equal(formatInstant(day * 86_400_000), iso)
      assert.equal(parseDateTime(iso.slice(0, 10))?.startMs, day * 86_400_000)
    }
  })

  for (const ms of [Number.NaN, 0.5, -62_135_596_800_001, 253_402_300_800_000, Number.POSITIVE_INFINITY]) {
    it(`refuses ${ms}`, () => {
      assert.throws(() => formatInstant(ms), RangeError)
    })
  }
})
