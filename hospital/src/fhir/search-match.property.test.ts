import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatInstant, parseDateTime } from '../../../shared/fhir/src/index.ts'
import { parseSearch } from './search-query.ts'
import { rawParts, splitUnescaped, testOf } from './search-match.ts'

const escape = (text: string) => text.replaceAll(/[\\,|$]/g, String.raw`\$&`)

test('what was escaped is found again, whatever it is', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (parts) => {
      assert.deepEqual(splitUnescaped(parts.map(escape).join(','), ','), parts)
      assert.equal(rawParts(parts.map(escape).join(','), ',').length, parts.length)
    }),
  )
})

test('a token is found by its own system and code, and by no other', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (system, code, other) => {
      assert.ok(testOf('token', `${escape(system)}|${escape(code)}`)([system, code, '']))
      const isSame = other.toLowerCase() === code.toLowerCase()
      assert.equal(testOf('token', escape(other))([system, code, '']), isSame)
    }),
  )
})

const time = fc.integer({ min: 0, max: 4_000_000_000_000 })

test('the comparisons of a date agree with each other', () => {
  fc.assert(
    fc.property(time, time, fc.constantFrom(4, 7, 10), (a, b, digits) => {
      const text = formatInstant(a).slice(0, digits)
      const { startMs, endMs } = parseDateTime(text) ?? { startMs: 0, endMs: 0 }
      const value = [b, b] as const
      const is = (prefix: string) => testOf('date', `${prefix}${text}`)(value)
      assert.equal(is('eq'), b >= startMs && b <= endMs)
      assert.equal(is('ne'), !is('eq'))
      assert.equal(is('gt'), b > endMs)
      assert.equal(is('lt'), b < startMs)
      assert.equal(is('ge'), is('gt') || is('eq'))
      assert.equal(is('le'), is('lt') || is('eq'))
    }),
  )
})

test('a number stands for what rounds to it', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000, max: 10_000 }), fc.nat({ max: 3 }), (whole, digits) => {
      const text = (whole / 10 ** digits).toFixed(digits)
      assert.ok(testOf('number', text)(Number(text)))
      assert.ok(!testOf('number', text)(Number(text) + 10 ** -digits))
    }),
  )
})

test('no query string does anything but parse or be refused', () => {
  const name = fc.constantFrom(
    'code',
    'date',
    'subject',
    'value-quantity',
    '_sort',
    '_include',
    '_count',
    '_id',
    'x',
    'subject:Patient.name',
  )
  const modifier = fc.constantFrom('', ':not', ':missing', ':text', ':x', ':Patient')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, modifier, fc.string())), (pairs) => {
      try {
        parseSearch(
          'Observation',
          pairs.map(([a, b, c]) => [a + b, c]),
        )
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'FHIR_SEARCH_INVALID')
      }
    }),
  )
})
