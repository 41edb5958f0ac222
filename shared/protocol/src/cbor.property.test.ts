import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as cborg from 'cborg'
import fc from 'fast-check'
import { concat } from '../../crypto/src/index.ts'
import { type CborValue, decodeCbor, encodeCbor, encodeCborParts } from './cbor.ts'

// The ends of the ranges of UTF-8, where lengths and orders change.
const edges = ['a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}']
const text = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: fc.constantFrom(...edges), maxLength: 10 }))
  .filter((value) => value !== '__proto__')
const number = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
)
const { tree } = fc.letrec<{ tree: CborValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    number,
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('tree'), { maxLength: 6 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 6, noNullPrototype: true }),
  ),
}))

test('decode inverts encode', () => {
  fc.assert(fc.property(tree, (value) => assert.deepEqual(decodeCbor(encodeCbor(value)), value)))
})

test('parts are the same encoding, and views the same value', () => {
  fc.assert(
    fc.property(tree, fc.nat(40), (value, viewsFrom) => {
      const bytes = encodeCbor(value)
      assert.deepEqual(concat(...encodeCborParts(value, viewsFrom)), bytes)
      assert.deepEqual(decodeCbor(bytes, { viewsFrom }), value)
    }),
  )
})

test('long byte strings are not copied either way, short ones are', () => {
  const long = new Uint8Array(100).fill(1)
  const value = { a: long, b: new Uint8Array(99) }
  const parts = encodeCborParts(value, 100)
  assert.ok(parts.includes(long))
  const bytes = concat(...parts)
  const read = decodeCbor(bytes, { viewsFrom: 100 }) as typeof value
  bytes.fill(2)
  assert.deepEqual(read, { a: new Uint8Array(100).fill(2), b: new Uint8Array(99) })
})

test('cborg writes and reads the same bytes', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const bytes = encodeCbor(value)
      assert.deepEqual(new Uint8Array(cborg.encode(value, cborg.rfc8949EncodeOptions)), bytes)
      assert.deepEqual(cborg.decode(bytes, { strict: true, rejectDuplicateMapKeys: true }), value)
    }),
  )
})

test('one encoding for each value: what decodes encodes to the same bytes', () => {
  const nearly = fc.tuple(tree, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = encodeCbor(value)
    bytes[at % bytes.length] = byte
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 24 })), (bytes) => {
      let value: CborValue
      try {
        value = decodeCbor(bytes)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'CBOR_MALFORMED')
        return
      }
      assert.deepEqual(encodeCbor(value), bytes)
    }),
    { numRuns: 2_000 },
  )
})

test('a flipped bit gives another value or a refusal, never the same value', () => {
  fc.assert(
    fc.property(tree, fc.nat(), (value, position) => {
      const bytes = encodeCbor(value)
      const bit = position % (bytes.length * 8)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      let changed: CborValue
      try {
        changed = decodeCbor(bytes)
      } catch {
        return
      }
      assert.notDeepEqual(changed, value)
    }),
  )
})
