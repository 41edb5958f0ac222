import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_RECORD_BYTES } from './record-layer.ts'
import {
  decodeOutcomes,
  decodeRecords,
  encodeOutcomes,
  encodeRecords,
  MAX_ITEMS,
  type RecordOutcome,
} from './record-items.ts'

const outcome: fc.Arbitrary<RecordOutcome> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map((record) => ({ record })),
  fc.constantFrom('SESSION_UNKNOWN', 'TEE_BUSY').map((code) => ({ code }) as const),
)
const refused = { code: 'MESSAGE_MALFORMED' }

test('what is encoded comes back', () => {
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: MAX_ITEMS }), (outcomes) => {
      assert.deepEqual(decodeOutcomes(encodeOutcomes(outcomes)), outcomes)
    }),
  )
})

test('a body that is cut anywhere but between two items is refused', () => {
  const items: RecordOutcome[] = [{ record: new Uint8Array(9) }, { code: 'TEE_BUSY' }]
  const body = encodeOutcomes(items)
  for (let length = 0; length < body.length; length++) {
    if (length === 13) continue
    assert.throws(() => decodeOutcomes(body.subarray(0, length)), refused, `${length} bytes`)
  }
})

test('refused: nothing, empty and oversized items, too many, a code that is none, a code in a request', () => {
  assert.throws(() => decodeRecords(new Uint8Array(0)), refused)
  assert.throws(() => decodeRecords(new Uint8Array(4)), refused)
  assert.throws(() => decodeRecords(encodeRecords([new Uint8Array(MAX_RECORD_BYTES + 1)])), refused)
  const many = Array.from({ length: MAX_ITEMS }, () => new Uint8Array(1))
  assert.equal(decodeRecords(encodeRecords(many)).length, MAX_ITEMS)
  assert.throws(() => decodeRecords(new Uint8Array([...encodeRecords(many), 0, 0, 0, 1, 1])), refused)
  assert.throws(() => encodeRecords([...many, new Uint8Array(1)]), RangeError)
  assert.throws(() => decodeRecords(encodeOutcomes([{ code: 'TEE_BUSY' }])), refused)
  assert.throws(() => decodeOutcomes(encodeOutcomes([{ code: 'NONE' as 'TEE_BUSY' }])), refused)
  assert.throws(() => decodeOutcomes(new Uint8Array([0x80, 0, 0, 1, 0xff])), refused)
})
