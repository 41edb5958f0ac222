import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, integerOf, optionalIntegerOf, optionalTextOf, textOf } from './sql-values.ts'

test('a column of another type than ours, or none, is of another database: STORE_DAMAGED', () => {
  const row = { text: 'a', number: 1, bytes: Uint8Array.of(1), none: null }
  assert.deepEqual(
    [textOf(row, 'text'), integerOf(row, 'number'), bytesOf(row, 'bytes')],
    [row.text, row.number, row.bytes],
  )
  assert.deepEqual([optionalTextOf(row, 'none'), optionalIntegerOf(row, 'none')], [null, null])
  const damaged = { code: 'STORE_DAMAGED' }
  for (const column of ['number', 'bytes', 'none', 'missing']) assert.throws(() => textOf(row, column), damaged)
  for (const column of ['text', 'bytes', 'none', 'missing']) assert.throws(() => integerOf(row, column), damaged)
  for (const column of ['text', 'number', 'none', 'missing']) assert.throws(() => bytesOf(row, column), damaged)
  for (const number of [0.5, 2 ** 53]) assert.throws(() => integerOf({ number }, 'number'), damaged)
  for (const read of [textOf, integerOf, bytesOf]) assert.throws(() => read(undefined, 'text'), damaged)
})
