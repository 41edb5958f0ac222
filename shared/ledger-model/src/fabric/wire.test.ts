import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '../../../crypto/src/index.ts'
import { bytesField, elementField, numberField, WireMessage } from './wire.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

test('fields come back; absent ones have their defaults', () => {
  const message = new WireMessage(
    concat(numberField(1, 300), bytesField(2, 'ü'), elementField(3, ''), numberField(16, Number.MAX_SAFE_INTEGER)),
  )
  assert.equal(message.number(1), 300)
  assert.deepEqual(message.bytes(2), bytes(0xc3, 0xbc))
  assert.deepEqual(message.bytes(3), bytes())
  assert.equal(message.number(16), Number.MAX_SAFE_INTEGER)
  assert.equal(message.number(9), 0)
  assert.deepEqual(message.bytes(9), bytes())
})

test('the bytes are those of the specification', () => {
  assert.deepEqual(numberField(1, 150), bytes(0x08, 0x96, 0x01))
  assert.deepEqual(bytesField(2, 'testing'), bytes(0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67))
  assert.deepEqual([numberField(1, 0), bytesField(1, '')], [bytes(), bytes()])
  assert.deepEqual(elementField(1, ''), bytes(0x0a, 0))
})

test('unknown fields of every kind are passed over', () => {
  const fixed = concat(bytes(0x49), new Uint8Array(8), bytes(0x55), new Uint8Array(4))
  assert.equal(new WireMessage(concat(fixed, numberField(1, 7))).number(1), 7)
})

test('refused: what is cut short, repeated, of another kind, too large or not in its shortest form', () => {
  const wrong: Record<string, Uint8Array> = {
    'no value': bytes(0x08),
    'a number cut short': bytes(0x08, 0x80),
    'bytes cut short': bytes(0x12, 2, 0),
    'eight bytes cut short': bytes(0x09, 0, 0),
    'a field twice': bytes(0x08, 1, 0x08, 1),
    'a field twice, as bytes': bytes(0x0a, 0, 0x0a, 0),
    'field 0': bytes(0x00, 1),
    'a group': bytes(0x0b, 0x0c),
    'an unknown kind': bytes(0x0f, 0),
    'a number of more than 53 bits': bytes(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
    'a longer form of a number': bytes(0x08, 0x81, 0x00),
  }
  for (const [what, encoded] of Object.entries(wrong)) {
    assert.throws(() => new WireMessage(encoded), { code: 'ENDORSEMENT_MALFORMED' }, what)
  }
  const message = new WireMessage(concat(numberField(1, 7), bytesField(2, 'x')))
  assert.throws(() => message.bytes(1), { code: 'ENDORSEMENT_MALFORMED' })
  assert.throws(() => message.number(2), { code: 'ENDORSEMENT_MALFORMED' })
})
