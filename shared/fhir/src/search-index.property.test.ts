import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { isEhrType } from './ehr-type.ts'
import { RESOURCE_TYPES, rowOf } from './resource-types.ts'
import type { FhirResource } from './resource.ts'
import { extractIndex, MAX_AUTHORS, MAX_CODES } from './search-index.ts'

/** Every element name that some row reads, so that random values land where the code looks. */
const ELEMENTS = [
  ...new Set(
    RESOURCE_TYPES.map(rowOf)
      .flatMap((row) => [...row.subject, ...row.codes, ...row.dates, ...row.authors, ...row.title, [row.status]])
      .flat(),
  ),
  'text',
  'div',
  'contained',
  'coding',
  'system',
  'code',
  'display',
  'reference',
  'start',
  'end',
  'event',
  'repeat',
  'boundsPeriod',
  'given',
  'family',
  'contentType',
  'data',
  'id',
  '__proto__',
  'constructor',
  'toString',
]

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('2024-02', 'Patient/1', '#a', 'urn:uuid:1', 'text/plain', 'YQ==', '<p>&amp;', 'a'),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)

const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...ELEMENTS), tie('value'), { maxKeys: 6 }),
  ),
}))

const anyResource: fc.Arbitrary<FhirResource> = fc
  .tuple(fc.constantFrom(...RESOURCE_TYPES), fc.dictionary(fc.constantFrom(...ELEMENTS), anyValue, { maxKeys: 12 }))
  .map(([resourceType, elements]) => ({ ...elements, resourceType }))

it('extractIndex is total and keeps its limits on any elements', () => {
  fc.assert(
    fc.property(anyResource, (resource) => {
      const before = JSON.stringify(resource)
      const index = extractIndex(resource)
      assert.equal(index.resourceType, resource.resourceType)
      assert.ok(isEhrType(index.ehrType))
      assert.ok(index.codes.length <= MAX_CODES && index.authorReferences.length <= MAX_AUTHORS)
      assert.ok(index.title.length > 0 && index.title.length <= 200)
      assert.ok(index.narrativeText.length <= 65_536)
      if (index.dateStartMs !== undefined && index.dateEndMs !== undefined)
        assert.ok(index.dateStartMs <= index.dateEndMs)
      for (const value of [index.subjectReference, index.status, ...index.authorReferences]) {
        assert.ok(value === undefined || (typeof value === 'string' && value.length <= 1024))
      }
      assert.deepEqual(extractIndex(resource), index)
      assert.equal(JSON.stringify(resource), before)
    }),
    { numRuns: 3000 },
  )
})

it('extractIndex is total on any JSON object', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...RESOURCE_TYPES),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (resourceType, elements) => {
        assert.ok(isEhrType(extractIndex({ ...elements, resourceType }).ehrType))
      },
    ),
  )
})
