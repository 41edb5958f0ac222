/**
 * Changes come out as they went in, however the stream was cut.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../../../../shared/crypto/src/index.ts'
import { encodeCbor } from '../../../../shared/protocol/src/index.ts'
import type { SqlValue } from '../ports.ts'
import { ChangeReader, encodeChange, type Change } from './change.ts'

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger().map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.string(),
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(null),
)
const change: fc.Arbitrary<Change> = fc.record({
  position: fc.integer({ min: 1 }),
  size: fc.nat(),
  root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  runs: fc.array(
    fc.record({
      sql: fc.constantFrom('INSERT INTO a VALUES (?)', 'DELETE FROM a', 'UPDATE a SET b = ?'),
      parameters: fc.array(value, { maxLength: 5 }),
    }),
    { maxLength: 6 },
  ),
})

test('any changes, cut anywhere, come out whole and in order', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 5 }), fc.integer({ min: 1, max: 97 }), (changes, step) => {
      const stream = concat(...changes.map(encodeChange))
      const reader = new ChangeReader()
      const out: Change[] = []
      for (let at = 0; at < stream.length; at += step) out.push(...reader.push(stream.subarray(at, at + step)))
      assert.deepEqual(plain(out), plain(changes))
      assert.equal(reader.received, 0)
    }),
  )
})

test('what is no change is refused', () => {
  const framed = (message: Uint8Array): Uint8Array => {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, message.length)
    return concat(length, message)
  }
  const sound = { position: 1, size: 1, root: new Uint8Array(32), sql: ['DELETE FROM a'], runs: [] }
  const refused = { code: 'MESSAGE_MALFORMED' }
  const read = (message: Parameters<typeof encodeCbor>[0]) => () => new ChangeReader().push(framed(encodeCbor(message)))
  assert.equal(read(sound)().length, 1)
  assert.throws(read({ ...sound, position: 0 }), refused)
  assert.throws(read({ ...sound, more: 1 }), refused)
  assert.throws(read({ ...sound, runs: [[1, []]] }), refused)
  assert.throws(read({ ...sound, runs: [[0, [true]]] }), refused)
  assert.throws(read({ ...sound, runs: [[0, [[0]]]] }), refused)
  assert.throws(() => new ChangeReader().push(framed(Uint8Array.of(0xff))), { code: 'CBOR_MALFORMED' })
  assert.throws(() => new ChangeReader().push(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), refused)
})

function plain(changes: readonly Change[]): unknown {
  return changes.map(({ root, runs, ...rest }) => ({
    ...rest,
    root: [...root],
    runs: runs.map(({ sql, parameters }) => [
      sql,
      parameters.map((one) => (one instanceof Uint8Array ? [...one] : one)),
    ]),
  }))
}
