import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from './bytes.ts'
import { DerReader, TAG } from './der.ts'
import { validityTimeMs } from './x509-time.ts'

const MALFORMED = { code: 'CRYPTO_BAD_CERTIFICATE', reason: 'MALFORMED' }

function timeOf(tag: number, text: string): number {
  const content = encodeUtf8(text)
  return validityTimeMs(new DerReader(Uint8Array.of(tag, content.length, ...content)).next())
}

test('every second from 1950 to 9999 agrees with Date', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 }), (seconds) => {
      const text = `${new Date(seconds * 1000).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`
      const isShort = text < '2050'
      const ms = timeOf(isShort ? TAG.utcTime : TAG.generalizedTime, isShort ? text.slice(2) : text)
      assert.equal(ms, seconds * 1000)
    }),
    { numRuns: 2_000 },
  )
})

test('UTCTime counts from 1950 to 2049 and GeneralizedTime from 2050', () => {
  assert.equal(timeOf(TAG.utcTime, '500101000000Z'), Date.UTC(1950, 0, 1))
  assert.equal(timeOf(TAG.utcTime, '491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59))
  assert.equal(timeOf(TAG.generalizedTime, '20500101000000Z'), Date.UTC(2050, 0, 1))
  assert.equal(timeOf(TAG.generalizedTime, '99991231235959Z'), Date.UTC(9999, 11, 31, 23, 59, 59))
})

const refused: readonly (readonly [string, number, string])[] = [
  ['GeneralizedTime before 2050', TAG.generalizedTime, '20491231235959Z'],
  ['UTCTime without seconds', TAG.utcTime, '2501010000Z'],
  ['UTCTime with an offset', TAG.utcTime, '250101000000+0000'],
  ['fractions of a second', TAG.generalizedTime, '20500101000000.5Z'],
  ['no Z', TAG.utcTime, '250101000000'],
  ['more after the Z', TAG.utcTime, '250101000000Z0'],
  ['a long tail after the Z', TAG.generalizedTime, '20500101000000Z000000'],
  ['a letter', TAG.utcTime, '25010100000aZ'],
  ['month 0', TAG.utcTime, '250001000000Z'],
  ['month 13', TAG.utcTime, '251301000000Z'],
  ['day 0', TAG.utcTime, '250100000000Z'],
  ['30 February', TAG.utcTime, '240230000000Z'],
  ['29 February of a common year', TAG.utcTime, '250229000000Z'],
  ['29 February 2100', TAG.generalizedTime, '21000229000000Z'],
  ['hour 24', TAG.utcTime, '250101240000Z'],
  ['minute 60', TAG.utcTime, '250101006000Z'],
  ['a leap second', TAG.utcTime, '161231235960Z'],
  ['another type', 0x0c, '250101000000Z'],
]
for (const [what, tag, text] of refused) {
  test(`a time with ${what} is malformed`, () => {
    assert.throws(() => timeOf(tag, text), MALFORMED)
  })
}
