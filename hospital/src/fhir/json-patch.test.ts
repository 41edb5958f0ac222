import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patched } from './json-patch.ts'

const text =
  '{"resourceType":"Observation","valueQuantity":{"value":1.00,"unit":"number-1"},"note":[{"text":"a 1.50 b"}]}'
const apply = (...operations: readonly object[]) => patched(text, JSON.stringify(operations))

test('numbers keep their digits, in what is not touched, in what is added, and where they are copied', () => {
  assert.equal(
    patched(text, '[{"op":"add","path":"/component","value":[{"valueQuantity":{"value":2.50e1}}]}]'),
    text.slice(0, -1) + ',"component":[{"valueQuantity":{"value":2.50e1}}]}',
  )
  assert.match(apply({ op: 'copy', from: '/valueQuantity', path: '/other' }), /"other":\{"value":1\.00,/)
})

test('adds, removes, replaces, moves', () => {
  const made = JSON.parse(
    apply(
      { op: 'replace', path: '/note/0/text', value: 'new' },
      { op: 'add', path: '/note/-', value: { text: 'last' } },
      { op: 'remove', path: '/valueQuantity/unit' },
      { op: 'move', from: '/valueQuantity', path: '/moved' },
    ),
  ) as unknown
  assert.deepEqual(made, {
    resourceType: 'Observation',
    note: [{ text: 'new' }, { text: 'last' }],
    moved: { value: 1 },
  })
})

test('tests compare numbers by value', () => {
  assert.equal(apply({ op: 'test', path: '/valueQuantity/value', value: 1 }), text)
  assert.equal(apply({ op: 'test', path: '/valueQuantity', value: { unit: 'number-1', value: 1.0 } }), text)
})

test('what cannot be done is refused, with the operation that failed', () => {
  const good = { op: 'add', path: '/status', value: 'final' }
  for (const bad of [
    { op: 'test', path: '/valueQuantity/value', value: 2 },
    { op: 'test', path: '/nothing', value: null },
    { op: 'replace', path: '/nothing', value: 1 },
    { op: 'remove', path: '/note/7' },
    { op: 'add', path: '/note/7', value: {} },
    { op: 'add', path: '/a/b/c', value: 1 },
    { op: 'move', from: '/nothing', path: '/x' },
    { op: 'add', path: '', value: {} },
    { op: 'add', path: 'status', value: 'x' },
    { op: 'add', path: '/__proto__/polluted', value: 'x' },
    { op: 'copy', from: '/constructor', path: '/x' },
    { op: 'spin', path: '/x' },
    { op: 'add', path: '/x' },
    'remove',
  ]) {
    assert.throws(
      () => patched(text, JSON.stringify([good, bad])),
      (error) => (error as { code: string }).code === 'FHIR_PATCH_FAILED' && String(error).includes('operation 1'),
      JSON.stringify(bad),
    )
  }
  assert.throws(() => patched(text, '{}'), { code: 'FHIR_PATCH_FAILED' })
  assert.throws(() => patched(text, JSON.stringify(Array.from({ length: 1_001 }, () => good))), {
    code: 'FHIR_PATCH_FAILED',
  })
  assert.throws(() => patched(text, '['), { code: 'FHIR_NOT_JSON' })
})
