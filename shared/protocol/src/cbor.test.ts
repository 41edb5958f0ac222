import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../../crypto/src/bytes.ts'
import { type CborLimits, type CborValue, compareCborKeys, decodeCbor, encodeCbor } from './cbor.ts'

const MALFORMED = { name: 'ProtocolError', code: 'CBOR_MALFORMED' }

function refuses(hex: string, limits?: CborLimits): void {
  assert.throws(() => decodeCbor(decodeHex(hex), limits), MALFORMED)
}

test('values of RFC 8949 appendix A that we use have the bytes given there', () => {
  const rows: [CborValue, string][] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_535, '19ffff'],
    [65_536, '1a00010000'],
    [1_000_000, '1a000f4240'],
    [4_294_967_295, '1affffffff'],
    [4_294_967_296, '1b0000000100000000'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    [new Uint8Array(0), '40'],
    [Uint8Array.of(1, 2, 3, 4), '4401020304'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['"\\', '62225c'],
    ['\u007f', '617f'],
    ['\u0080', '62c280'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    ['𐅑', '64f0908591'],
    [[], '80'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [{}, 'a0'],
    [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
    [{ b: [2, 3], a: 1 }, 'a26161016162820203'],
    [{ aa: 1, b: 2 }, 'a261620262616101'],
  ]
  for (const [value, hex] of rows) {
    assert.equal(encodeHex(encodeCbor(value)), hex)
    assert.deepEqual(decodeCbor(decodeHex(hex)), value)
  }
})

test('an empty input and trailing bytes are refused', () => {
  refuses('')
  refuses('0000')
  refuses('a000')
})

test('every cut of a message is refused', () => {
  const whole = encodeCbor({ a: [1, 300, 70_000, 2 ** 40], b: new Uint8Array(30), c: 'x'.repeat(40), d: { e: null } })
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeCbor(whole.slice(0, length)), MALFORMED)
  }
})

test('longer forms of a number or length are refused', () => {
  for (const hex of ['1817', '190018', '1900ff', '1a0000ffff', '1b00000000ffffffff', '1b0000000000000000']) refuses(hex)
  refuses('580100') // one byte, length in two
  refuses('780161') // one character, length in two
  refuses('980100') // one item, length in two
  refuses('b801616100') // one pair, length in two
})

test('numbers above 2^53 - 1 are refused', () => {
  refuses('1b0020000000000000')
  refuses('1bffffffffffffffff')
})

test('negative numbers, tags, floats, undefined and other simple values are refused', () => {
  for (const hex of ['20', '3903e7', 'c11a514b67b0', 'd9d9f700', 'f90000', 'fa47c35000', 'fb3ff199999999999a'])
    refuses(hex)
  for (const hex of ['f7', 'f0', 'f8ff', 'f818', 'e0', 'f3', 'fc', 'ff']) refuses(hex)
})

test('indefinite and reserved lengths are refused', () => {
  for (const hex of ['5f42010243030405ff', '7f657374726561646d696e67ff', '9fff', '9f01ff', 'bfff', 'bf616101ff'])
    refuses(hex)
  for (const hex of ['1c', '1d', '1e', '1f', '5c', '7d', '9e', 'bc']) refuses(hex)
})

test('keys that are repeated, out of order or not text are refused', () => {
  refuses('a2616101616102') // a, a
  refuses('a2616201616102') // b, a
  refuses('a262616101616202') // aa, b: the shorter goes first
  refuses('a10001')
  refuses('a1416101')
  refuses('a1f601')
})

test('a key that would set a prototype is refused', () => {
  refuses('a1695f5f70726f746f5f5fa0')
  assert.throws(() => encodeCbor(JSON.parse('{"__proto__":1}') as CborValue), TypeError)
})

test('text that is not UTF-8 is refused, short or long', () => {
  for (const bad of ['ff', '80', '8000000000000000', 'c080', 'eda080', 'f4908080', 'c3']) {
    const bytes = decodeHex(bad)
    for (const padding of [0, 20, 60]) {
      const head = encodeCbor('x'.repeat(bytes.length + padding))
      head.set(bytes, head.length - bytes.length)
      assert.throws(() => decodeCbor(head), MALFORMED)
    }
  }
})

test('lengths beyond the input are refused before anything is reserved', () => {
  for (const hex of ['5b001fffffffffffff', '7b001fffffffffffff', '9a00010000', 'ba00008000', '42ff', '8201', 'a1'])
    refuses(hex)
})

test('nesting beyond 16 is refused, 16 is taken', () => {
  let value: CborValue = []
  for (let i = 1; i < 16; i++) value = i % 2 ? [value] : { a: value }
  const bytes = encodeCbor(value)
  assert.deepEqual(decodeCbor(bytes), value)
  assert.throws(() => encodeCbor([value]), RangeError)
  refuses(`81${encodeHex(bytes)}`)
  refuses('818181', { maxNesting: 2 })
})

test('more items than the limit are refused', () => {
  const most = Array.from({ length: 65_536 }, () => 0)
  assert.equal((decodeCbor(encodeCbor(most)) as unknown[]).length, 65_536)
  assert.throws(() => encodeCbor([...most, 0]), RangeError)
  const map = Object.fromEntries(Array.from({ length: 65_537 }, (_, i) => [`k${i}`, 0]))
  assert.throws(() => encodeCbor(map), RangeError)
  refuses(`9a00010001${'00'.repeat(65_537)}`)
  refuses('83000000', { maxItems: 2 })
  refuses('a3616100616200616300', { maxItems: 2 })
})

test('an input longer than its limit is refused', () => {
  refuses('820000', { maxBytes: 2 })
  assert.deepEqual(decodeCbor(decodeHex('820000'), { maxBytes: 3 }), [0, 0])
})

test('a refusal tells the position', () => {
  assert.throws(() => decodeCbor(decodeHex('8300f700')), { code: 'CBOR_MALFORMED', at: 2 })
})

test('what the format cannot hold is a mistake of the caller', () => {
  const bad: unknown[] = [
    undefined,
    { a: undefined },
    [undefined],
    [, 1], // eslint-disable-line no-sparse-arrays
    -1,
    -0,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1n,
    '\ud800',
    { '\udfff': 1 },
    new Map(),
    new Date(0),
    () => 1,
    Symbol('a'),
  ]
  for (const value of bad) assert.throws(() => encodeCbor(value as CborValue), TypeError)
})

test('decoded bytes are copies with memory of their own, from a Buffer too', () => {
  const source = Buffer.from('430102038101', 'hex').subarray(0, 4)
  const decoded = decodeCbor(source) as Uint8Array
  source.fill(0)
  assert.deepEqual(decoded, Uint8Array.of(1, 2, 3))
  assert.equal(Object.getPrototypeOf(decoded), Uint8Array.prototype)
  assert.equal(decoded.buffer.byteLength, 3)
})

test('keys are ordered by length in UTF-8, then by code point', () => {
  const units = ['a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}']
  const keys = ['', ...units, ...units.flatMap((unit) => [`a${unit}`, `${unit}a`, `aaa${unit}`]), 'aaaa', 'ab', 'ac']
  for (let i = 0; i < keys.length; i++) {
    for (let j = 0; j < keys.length; j++) {
      assert.equal(Math.sign(compareCborKeys(keys[i] as string, keys[j] as string)), Math.sign(bytewise(i, j)))
    }
  }
  function bytewise(i: number, j: number): number {
    return Buffer.compare(encodeCbor(keys[i] as string), encodeCbor(keys[j] as string))
  }
})

test('members are put in order by their names, whatever was written before', () => {
  const names = (value: CborValue): string[] => Object.keys(decodeCbor(encodeCbor(value)) as object)
  // Their names stand side by side in the same way.
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(names({ 'a bbb': 1, c: 2 }), ['c', 'a bbb'])
    assert.deepEqual(names({ a: 1, 'bbb c': 2 }), ['a', 'bbb c'])
    assert.deepEqual(names({ c: 2, 'a bbb': 1 }), ['c', 'a bbb'])
    assert.deepEqual(names({ 'a bbb c': 1 }), ['a bbb c'])
    // More kinds of messages than are remembered, and names that are too long for it.
    for (let k = 0; k < 600; k++) assert.deepEqual(names({ [`z${k}`]: 1, b: 2 }), ['b', `z${k}`])
    assert.deepEqual(names({ ['z'.repeat(600)]: 1, b: 2 }), ['b', 'z'.repeat(600)])
  }
})

test('keys are read letter by letter, however many were read before', () => {
  const maps = Array.from({ length: 3_000 }, (_, i) => ({ [`k${i}`]: i, [`é${i}`]: i, ['x'.repeat(i % 70)]: i }))
  for (let round = 0; round < 2; round++) for (const map of maps) assert.deepEqual(decodeCbor(encodeCbor(map)), map)
})

test('the order of names that is kept for later is of these names, also where others read the same in a row', () => {
  const whole = encodeHex(encodeCbor({ 'a b': 1, c: 2 }))
  assert.equal(encodeHex(encodeCbor({ a: 1, b: 2, c: 3 })), 'a3616101616202616303')
  assert.equal(encodeHex(encodeCbor({ 'a b': 1, c: 2 })), whole)
  assert.equal(whole, 'a26163026361206201')
})
