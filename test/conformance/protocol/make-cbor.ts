/**
 * Vectors of the encoding of messages: docs/protocol/01-conventions.md §1.5.
 *
 * @module
 */
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { encodeCbor, type CborValue } from '../../../shared/protocol/src/index.ts'
import type { CborVectors } from './vector-types.ts'

export function makeCbor(): CborVectors {
  const values: readonly (readonly [string, CborValue])[] = [
    ['null', null],
    ['false', false],
    ['true', true],
    ...[0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER].map(
      (value) => [`number ${value}`, value] as const,
    ),
    ['empty bytes', new Uint8Array(0)],
    ['24 bytes', new Uint8Array(24).fill(7)],
    ['empty text', ''],
    ['text', 'wörter 水 😀'],
    ['empty list', []],
    ['nested lists', [1, [2, [3, [null]]]]],
    ['empty map', {}],
    ['map, shorter keys first', { aa: 1, b: 2, c: { z: new Uint8Array([1]), a: 'x' } }],
    ['map, keys by code point', { '\u{ffff}': 1, '\u{10000}': 2, é: 3, zz: 4 }],
  ]
  return {
    about: 'Deterministic CBOR: docs/protocol/01-conventions.md §1.5. Bytes in values are {"bytes": hex}.',
    valid: values.map(([name, value]) => ({ name, value: tagged(value), encoded: encodeHex(encodeCbor(value)) })),
    refused: [
      { name: 'nothing', encoded: '' },
      { name: 'bytes after the end', encoded: '0000' },
      { name: 'cut short', encoded: '8201' },
      { name: 'number 23 in two bytes', encoded: '1817' },
      { name: 'number 255 in three bytes', encoded: '1900ff' },
      { name: 'number 65535 in five bytes', encoded: '1a0000ffff' },
      { name: 'number 2^32 - 1 in nine bytes', encoded: '1b00000000ffffffff' },
      { name: 'number 2^53', encoded: '1b0020000000000000' },
      { name: 'length in two bytes', encoded: '580100' },
      { name: 'negative number', encoded: '20' },
      { name: 'half float', encoded: 'f93c00' },
      { name: 'double float', encoded: 'fb3ff0000000000000' },
      { name: 'undefined', encoded: 'f7' },
      { name: 'tag', encoded: 'c100' },
      { name: 'simple value', encoded: 'f820' },
      { name: 'indefinite bytes', encoded: '5f4101ff' },
      { name: 'indefinite list', encoded: '9f01ff' },
      { name: 'keys out of order', encoded: 'a2616201616102' },
      { name: 'longer key first', encoded: 'a262616101616202' },
      { name: 'key twice', encoded: 'a2616101616102' },
      { name: 'key that is a number', encoded: 'a10102' },
      { name: 'key __proto__', encoded: 'a1695f5f70726f746f5f5f00' },
      { name: 'text that is not UTF-8', encoded: '61ff' },
      { name: 'text with a surrogate', encoded: '63eda080' },
      { name: '17 lists in each other', encoded: `${'81'.repeat(17)}00` },
      { name: 'a length beyond the end', encoded: '5b001fffffffffffff' },
    ],
  }
}

function tagged(value: CborValue): unknown {
  if (value instanceof Uint8Array) return { bytes: encodeHex(value) }
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(tagged)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value as object).map(([key, member]) => [key, tagged(member as CborValue)]))
}
