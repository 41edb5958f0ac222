import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { FhirError } from './errors.ts'
import { checkJsonText, countMembers, eachElement, eachMember, skipSpace, skipValue } from './json-text.ts'
import { parseResource } from './resource.ts'

const LIMITS = { maxBytes: 1 << 20, maxDepth: 64 }

/** Text near JSON: what a parser is most likely to get wrong. */
const nearJson = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\u',
      'd83d',
      '\\ude00',
      '"a"',
      '"resourceType":"Basic"',
      '1',
      ' ',
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

it('parseResource throws nothing but FhirError, on any text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), nearJson), (text) => {
      try {
        const resource = parseResource(text)
        assert.equal(resource.resourceType, (JSON.parse(text) as { resourceType: unknown }).resourceType)
      } catch (error) {
        assert.ok(error instanceof FhirError)
      }
    }),
    { numRuns: 2000 },
  )
})

it('parseResource gives what JSON.parse gives', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (elements) => {
      const { id: _id, ...others } = elements
      const text = JSON.stringify({ resourceType: 'Basic', ...others, ['__proto__']: 1 })
      assert.deepEqual(parseResource(text), JSON.parse(text))
    }),
  )
})

it('the names in a text are as many as the members of its value', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 10, stringUnit: 'grapheme' }),
      fc.constantFrom(undefined, 1, '\t'),
      (value, space) => {
        const text = JSON.stringify(value, undefined, space)
        assert.equal(checkJsonText(text, LIMITS), countMembers(JSON.parse(text)))
      },
    ),
  )
})

it('a name put in twice, anywhere, is refused', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      fc.jsonValue(),
      fc.nat({ max: 5 }),
      (members, at, value, levels) => {
        const again = members[at % members.length]?.[0] ?? ''
        const inner = [...members, [again, value] as const].map(
          ([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`,
        )
        const text = `{"resourceType":"Basic","x":${'['.repeat(levels)}{${inner.join()}}${']'.repeat(levels)}}`
        assert.throws(() => parseResource(text), { code: 'FHIR_DUPLICATE_KEY' })
      },
    ),
  )
})

it('ranges of members and elements are exactly the values', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\n\t'), (value, space) => {
      const text = ` ${JSON.stringify(value, undefined, space)}\n`
      const start = skipSpace(text, 0)
      assert.equal(text.slice(skipValue(text, start)), '\n')
      if (Array.isArray(value)) {
        const found: unknown[] = []
        eachElement(text, start, (from, to) => found.push(JSON.parse(text.slice(from, to))))
        assert.deepEqual(found, JSON.parse(text))
      } else {
        const found: [string, unknown][] = []
        eachMember(text, start, (name, from, to) => found.push([name, JSON.parse(text.slice(from, to))]))
        const parsed: unknown = JSON.parse(text)
        const isMap = typeof parsed === 'object' && parsed !== null
        // Integer-like names come first in an object, so compare as sets.
        assert.deepEqual(new Map(found), new Map(isMap ? Object.entries(parsed) : []))
      }
    }),
  )
})

it('range functions end on any text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearJson), fc.nat({ max: 20 }), (text, start) => {
      assert.ok(skipValue(text, start) >= start)
      let calls = 0
      try {
        eachMember(text, start, () => calls++)
        eachElement(text, start, () => calls++)
      } catch (error) {
        // A name that is no JSON string; cannot be in text that JSON.parse accepted.
        assert.ok(error instanceof SyntaxError)
      }
      assert.ok(calls <= text.length + 1)
    }),
  )
})
