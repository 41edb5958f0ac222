import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  b64u,
  b64uBytes,
  bool,
  bytes,
  distinct,
  hex,
  hexBytes,
  list,
  literal,
  oneOf,
  optional,
  record,
  refine,
  type Shape,
  struct,
  text,
  tuple,
  uint,
  variant,
} from './shape.ts'

const MALFORMED = { name: 'ProtocolError', code: 'MESSAGE_MALFORMED' }

function takes<T>(shape: Shape<T>, ...values: readonly unknown[]): void {
  for (const value of values) assert.deepEqual(shape(value, 'it'), value)
}
function refuses(shape: Shape<unknown>, ...values: readonly unknown[]): void {
  for (const value of values) assert.throws(() => shape(value, 'it'), MALFORMED)
}

test('text has a length and a form', () => {
  takes(text({ max: 3 }), '', 'abc')
  refuses(text({ max: 3 }), 'abcd', 1, null, undefined, ['a'], new Uint8Array(1))
  refuses(text({ min: 1, max: 3 }), '')
  refuses(text({ max: 3, pattern: /^a*$/ }), 'b', 'aa\n')
})

test('bytes have a length', () => {
  takes(bytes({ length: 2 }), new Uint8Array(2))
  takes(bytes({ max: 2 }), new Uint8Array(0), new Uint8Array(2))
  refuses(bytes({ length: 2 }), new Uint8Array(1), new Uint8Array(3), 'ab', [1, 2])
  refuses(bytes({ min: 1, max: 2 }), new Uint8Array(0), new Uint8Array(3))
})

test('uint is an unsigned safe integer in its range', () => {
  takes(uint(), 0, Number.MAX_SAFE_INTEGER)
  refuses(uint(), -1, 0.5, 2 ** 53, Number.NaN, '1', null, 1n, true)
  takes(uint({ min: 2, max: 3 }), 2, 3)
  refuses(uint({ min: 2, max: 3 }), 1, 4)
})

test('bool, literal and oneOf take their values only', () => {
  takes(bool(), true, false)
  refuses(bool(), 0, 'true', null)
  takes(literal(1), 1)
  refuses(literal(1), 2, '1', true, undefined)
  takes(oneOf('a', 'b'), 'a', 'b')
  refuses(oneOf('a', 'b'), 'c', '', undefined, ['a'])
})

test('a list has a number of items, each of the shape', () => {
  takes(list(uint(), { max: 2 }), [], [1, 2])
  refuses(list(uint(), { max: 2 }), [1, 2, 3], ['1'], { length: 0 }, 'ab', new Uint8Array(1))
  refuses(list(uint(), { min: 1, max: 2 }), [])
  // A hole is no item: the second list has one.
  // oxlint-disable-next-line no-sparse-arrays
  refuses(list(uint(), { max: 2 }), Array.from({ length: 1 }), [,])
})

test('distinct items are distinct', () => {
  takes(distinct(text({ max: 1 }), { max: 3 }), ['a', 'b'])
  refuses(distinct(text({ max: 1 }), { max: 3 }), ['a', 'b', 'a'], ['a', 'b', 'c', 'd'])
})

test('a tuple has one shape for each place', () => {
  takes(tuple(uint(), text({ max: 1 })), [1, 'a'])
  refuses(tuple(uint(), text({ max: 1 })), [1], [1, 'a', 2], ['a', 1], { 0: 1, 1: 'a', length: 2 })
})

test('a struct has exactly its members', () => {
  const shape = struct({ a: uint(), b: optional(text({ max: 1 })) })
  takes(shape, { a: 1 }, { a: 1, b: 'x' })
  refuses(
    shape,
    {},
    { b: 'x' },
    { a: 1, c: 1 },
    { a: 1, b: undefined },
    { a: 1, b: 2 },
    null,
    [],
    'a',
    new Uint8Array(1),
  )
  refuses(shape, Object.create({ a: 1 }))
  refuses(shape, JSON.parse('{"a":1,"__proto__":{}}'), JSON.parse('{"a":1,"constructor":1}'))
})

test('what comes out of a struct is a fresh object, members in the order of the shape', () => {
  const input = { b: 'x', a: 1 }
  const output = struct({ a: uint(), b: optional(text({ max: 1 })) })(input, 'it')
  assert.notEqual(output, input)
  assert.deepEqual(Object.keys(output), ['a', 'b'])
})

test('a record checks names and members', () => {
  const shape = record(text({ max: 9, pattern: /^[a-z_]+$/ }), uint(), { max: 2 })
  takes(shape, {}, { a: 1, b: 2 })
  refuses(shape, { A: 1 }, { a: 'x' }, { a: 1, b: 2, c: 3 }, [], null, JSON.parse('{"__proto__":1}'))
})

test('a variant is told by its tag', () => {
  const shape = variant('kind', {
    a: struct({ kind: literal('a'), x: uint() }),
    b: struct({ kind: literal('b'), y: bool() }),
  })
  takes(shape, { kind: 'a', x: 1 }, { kind: 'b', y: true })
  refuses(shape, { kind: 'a', y: true }, { kind: 'c' }, {}, { kind: 'toString' }, { kind: 1 }, null, ['a'])
})

test('base64url and hexadecimal are canonical and of one length', () => {
  takes(b64u(1), 'AQ', '_w')
  refuses(b64u(1), 'AR', 'AQ==', 'A', 'AQI', '+w', '', 1, 'é1')
  assert.deepEqual(b64uBytes(2)('AQI', 'it'), Uint8Array.of(1, 2))
  refuses(b64uBytes(2), 'AQ', 'AQJ', 'AQIA')
  takes(hex(1), '0f')
  refuses(hex(1), '0F', '0', '0f0f', 'zz', 15)
  assert.deepEqual(hexBytes(1)('ff', 'it'), Uint8Array.of(255))
  refuses(hexBytes(1), 'FF', 'f', '')
})

test('refine adds a condition', () => {
  const even = refine(uint(), (value) => value % 2 === 0, 'is odd')
  takes(even, 2)
  refuses(even, 3, '2')
})

test('messages name the place, never the value or a name from outside', () => {
  const shape = struct({ a: list(struct({ b: uint() }), { max: 2 }) })
  const message = (value: unknown): string => {
    try {
      shape(value, 'request')
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  assert.match(message({ a: [{ b: 'secret' }] }), /^request\.a\[\]\.b /)
  assert.doesNotMatch(message({ a: [{ b: 'secret' }] }), /secret/)
  assert.doesNotMatch(message({ a: [], secret: 1 }), /secret/)
})
