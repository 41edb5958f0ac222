import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseResource, RESOURCE_LIMITS } from './resource.ts'
import { extractIndex } from './search-index.ts'

const PATIENT = '{"resourceType":"Patient","id":"p.1-A"}'

function nested(levels: number): string {
  return `{"resourceType":"Basic","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
}

describe('parseResource', () => {
  it('reads a resource', () => {
    assert.deepEqual(parseResource(PATIENT), { resourceType: 'Patient', id: 'p.1-A' })
    assert.deepEqual(parseResource(` \n${PATIENT}\t `), { resourceType: 'Patient', id: 'p.1-A' })
  })

  it('counts the limit in bytes of UTF-8, not in characters', () => {
    const text = '{"resourceType":"Basic","x":"é€😀"}'
    const bytes = Buffer.byteLength(text)
    assert.equal(parseResource(text, { maxBytes: bytes }).resourceType, 'Basic')
    assert.throws(() => parseResource(text, { maxBytes: bytes - 1 }), { code: 'FHIR_TOO_LARGE' })
    assert.throws(() => parseResource(text, { maxBytes: 10 }), { code: 'FHIR_TOO_LARGE' })
  })

  it('refuses more than 4 MiB unless told otherwise', () => {
    const text = `{"resourceType":"Binary","data":"${'A'.repeat(RESOURCE_LIMITS.maxBytes)}"}`
    assert.throws(() => parseResource(text), { code: 'FHIR_TOO_LARGE' })
    assert.equal(parseResource(text, { maxBytes: text.length }).resourceType, 'Binary')
  })

  it('takes 64 levels and refuses 65', () => {
    assert.equal(parseResource(nested(64)).resourceType, 'Basic')
    assert.throws(() => parseResource(nested(65)), { code: 'FHIR_TOO_DEEP' })
  })

  it('refuses deep text before a parser could run out of stack', () => {
    assert.throws(() => parseResource('['.repeat(1_000_000)), { code: 'FHIR_TOO_DEEP' })
    assert.throws(() => parseResource('{"a":'.repeat(100_000)), { code: 'FHIR_TOO_DEEP' })
  })

  it('does not count brackets and colons inside strings', () => {
    const text = '{"resourceType":"Basic","x":"[[{{::\\"[{:\\\\"}'
    assert.equal(parseResource(text, { maxDepth: 1 })['x'], '[[{{::"[{:\\')
  })

  for (const [name, text] of [
    ['nothing', ''],
    ['half an object', '{"resourceType":"Basic"'],
    ['text after the resource', `${PATIENT}x`],
    ['a byte order mark', `\ufeff${PATIENT}`],
    ['a comment', `${PATIENT}// x`],
    ['NaN', '{"resourceType":"Basic","x":NaN}'],
    ['a raw control character', '{"resourceType":"Basic","x":"\u0001"}'],
    ['a lone high surrogate', '{"resourceType":"Basic","x":"\ud800"}'],
    ['a lone low surrogate', '{"resourceType":"Basic","x":"\udc00"}'],
    ['two low surrogates', '{"resourceType":"Basic","x":"\udc00\udc00"}'],
    ['a lone surrogate at the end', '"\ud800'],
    ['an escaped lone high surrogate', String.raw`{"resourceType":"Basic","x":"\ud800"}`],
    ['an escaped lone low surrogate', String.raw`{"resourceType":"Basic","x":"\uDC00"}`],
    ['a high surrogate and an escape that is no low one', String.raw`{"resourceType":"Basic","x":"\ud800\u0041"}`],
    ['a broken escape', String.raw`{"resourceType":"Basic","x":"\u00g0"}`],
    ['a backslash at the end', '{"resourceType":"Basic","x":"\\'],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseResource(text), { code: 'FHIR_NOT_JSON' })
    })
  }

  it('takes surrogate pairs, raw and escaped', () => {
    assert.equal(parseResource(String.raw`{"resourceType":"Basic","x":"\ud83d\ude00"}`)['x'], '😀')
    assert.equal(parseResource('{"resourceType":"Basic","x":"😀"}')['x'], '😀')
    assert.equal(parseResource(String.raw`{"resourceType":"Basic","x":"\\ud800"}`)['x'], '\\ud800')
  })

  for (const [name, text] of [
    ['at the top', '{"resourceType":"Patient","id":"a","id":"a"}'],
    ['of resourceType', '{"resourceType":"Patient","resourceType":"Observation"}'],
    ['inside', '{"resourceType":"Basic","x":[{"a":{"b":1,"b":2}}]}'],
    ['behind an escape', String.raw`{"resourceType":"Basic","id":"a","\u0069d":"b"}`],
    ['whose first value is large', '{"resourceType":"Basic","x":{"a":1,"b":{"c":2}},"x":1}'],
    ['of __proto__', '{"resourceType":"Basic","__proto__":1,"__proto__":2}'],
    ['of the empty name', '{"resourceType":"Basic","":1,"":1}'],
  ] as const) {
    it(`refuses a repeated name ${name}`, () => {
      assert.throws(() => parseResource(text), { code: 'FHIR_DUPLICATE_KEY' })
    })
  }

  it('takes the same name in different objects', () => {
    assert.deepEqual(parseResource('{"resourceType":"Basic","a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}')['b'], [
      { a: 1 },
      { a: 1 },
    ])
  })

  for (const text of [
    'null',
    'true',
    '1',
    '"Patient"',
    '[]',
    '[{"resourceType":"Patient"}]',
    '{}',
    '{"resourceType":null}',
    '{"resourceType":["Patient"]}',
    '{"resourceType":"patient"}',
    '{"resourceType":"Resource"}',
    '{"resourceType":"DomainResource"}',
    '{"resourceType":"constructor"}',
    '{"resourceType":"__proto__"}',
    '{"resourceType":"NutritionProduct"}',
  ]) {
    it(`refuses ${text} as no resource of R4`, () => {
      assert.throws(() => parseResource(text), { code: 'FHIR_UNKNOWN_RESOURCE_TYPE' })
    })
  }

  for (const id of ['""', '"a b"', '"a_b"', '"a/b"', `"${'a'.repeat(65)}"`, '1', 'null', '{}', '"a\\n"', '"é"']) {
    it(`refuses the id ${id.slice(0, 12)}`, () => {
      assert.throws(() => parseResource(`{"resourceType":"Patient","id":${id}}`), { code: 'FHIR_BAD_ID' })
    })
  }

  it('takes an id of 64 characters', () => {
    const id = 'a'.repeat(64)
    assert.equal(parseResource(`{"resourceType":"Patient","id":"${id}"}`).id, id)
  })

  it('keeps __proto__ a plain member that changes no prototype', () => {
    const text = '{"resourceType":"Observation","__proto__":{"subject":{"reference":"Patient/evil"},"status":"final"}}'
    const resource = parseResource(text)
    assert.equal(Object.getPrototypeOf(resource), Object.prototype)
    assert.equal(resource['subject'], undefined)
    assert.equal(extractIndex(resource).subjectReference, undefined)
    assert.equal(extractIndex(resource).status, undefined)
    assert.equal(({} as Record<string, unknown>)['subject'], undefined)
  })

  it('says nothing of the content in its errors', () => {
    for (const text of [
      '{"resourceType":"Patient","secret"',
      '{"resourceType":"Secret"}',
      '{"resourceType":"Patient","id":"se cret"}',
    ]) {
      assert.throws(
        () => parseResource(text),
        (error: Error) => !error.message.includes('ecret') && error.cause === undefined,
      )
    }
  })
})
