import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withElements, withId, withMeta, withStringsReplaced } from './resource-text.ts'

const TEXT =
  '{ "resourceType" : "Observation",\n  "valueQuantity": {"value": 1.00},\n "_status": {"id":"x"}, "status":"final" }'

const metaOf = (text: string) => (JSON.parse(text) as { meta?: unknown }).meta

test('an id is put beside what is there, and nothing else changes', () => {
  const changed = withId(TEXT, 'a.1')
  assert.equal(changed, TEXT.replace('"Observation"', '"Observation","id":"a.1"'))
  assert.equal(withId(changed, 'a.1'), changed)
  assert.equal(withId(changed, 'b'), TEXT.replace('"Observation"', '"Observation","id":"b"'))
})

test('the server says version and time; the rest of meta is the author’s', () => {
  const meta = { versionId: '2', lastUpdated: '2026-01-01T00:00:00.000Z' }
  assert.deepEqual(metaOf(withMeta(TEXT, meta)), meta)
  const tagged = TEXT.replace('"status"', '"meta":{"profile":["p"],"versionId":"9","tag":[{"code":"a"}]},"status"')
  assert.deepEqual(metaOf(withMeta(tagged, meta, [{ code: 'SUBSETTED' }])), {
    ...meta,
    profile: ['p'],
    tag: [{ code: 'a' }, { code: 'SUBSETTED' }],
  })
  assert.ok(withMeta(tagged, meta).includes('{"value": 1.00}'))
})

test('elements are chosen with their extensions', () => {
  assert.equal(
    withElements(TEXT, (name) => name === 'status'),
    '{"resourceType":"Observation","_status":{"id":"x"},"status":"final"}',
  )
})

test('strings are replaced, names are not', () => {
  const text = '{"urn:a":"urn:a","b":["x \\"urn:a\\"","urn:\\u0061"], "urn:a" : 1}'
  assert.equal(
    withStringsReplaced(text, new Map([['urn:a', 'Patient/1']])),
    '{"urn:a":"Patient/1","b":["x \\"urn:a\\"","Patient/1"], "urn:a" : 1}',
  )
})

test('whatever the resource, id and meta are all that changes', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 2), (elements, space) => {
      const { id: _i, meta: _m, resourceType: _r, ...rest } = elements
      const text = JSON.stringify({ resourceType: 'Basic', ...rest }, undefined, space)
      const meta = { versionId: '1', lastUpdated: 't' }
      const changed = JSON.parse(withMeta(withId(text, 'x'), meta)) as object
      assert.deepEqual(changed, { ...(JSON.parse(text) as object), id: 'x', meta })
    }),
  )
})
