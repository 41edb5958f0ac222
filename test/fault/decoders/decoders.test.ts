/**
 * No decoder throws anything but its own refusal, whatever it is given. 1,000 cases each, 4,000 with TRUSTHEALTH_LONG=1.
 * What fails here goes into corpus.json (keep-corpus.ts), which is replayed for ever.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { ERROR_TABLE } from '../../../shared/protocol/src/index.ts'
import { damagedInput, refusalOf } from './damage.ts'
import { makeDecoders } from './decoders.ts'

const RUNS = process.env['TRUSTHEALTH_LONG'] === '1' ? 4_000 : 1_000
const decoders = await makeDecoders()

for (const row of decoders) {
  test(`${row.name} refuses damaged input with its own codes only`, () => {
    for (const code of row.codes) assert.ok(Object.hasOwn(ERROR_TABLE, code), code)
    for (const input of row.samples) row.decode(input)
    let refusals = 0
    fc.assert(
      fc.property(damagedInput(row), (input) => {
        if (refusalOf(row, input) !== undefined) refusals++
      }),
      { numRuns: RUNS },
    )
    assert.ok(refusals > 0, 'nothing was refused: the damage does not reach the decoder')
  })
}

test('input of the largest nesting and length ends in a refusal as well', () => {
  const deepCbor = new Uint8Array(100_000).fill(0x81)
  const deepJson = encodeUtf8('['.repeat(100_000))
  const digits = encodeUtf8('9'.repeat(100_000))
  for (const row of decoders) for (const input of [deepCbor, deepJson, digits]) refusalOf(row, input)
})
