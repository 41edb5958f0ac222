import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesBetween } from './compare.ts'

const quantity = (value: number) => ({ value, unit: 'mmol/mol', code: 'mmol/mol' })
const result = {
  resourceType: 'Observation',
  id: 'x',
  meta: { versionId: '1' },
  status: 'final',
  code: { coding: [{ system: 's', code: 'c', display: 'HbA1c' }] },
  valueQuantity: quantity(47),
  note: [{ text: 'first' }, { text: 'second' }],
}

test('equal contents differ in nothing, whatever their order and storage', () => {
  const { status, ...rest } = result
  assert.deepEqual(changesBetween(result, { ...rest, status, id: 'y', meta: {} }), [])
})

test('a quantity and a coded word are one thing each', () => {
  const after = { ...result, valueQuantity: quantity(49), code: { coding: [{ system: 's', code: 'd' }], text: 'A1c' } }
  assert.deepEqual(changesBetween(result, after), [
    { path: ['code'], before: 'HbA1c', after: 'A1c' },
    { path: ['valueQuantity'], before: '47 mmol/mol', after: '49 mmol/mol' },
  ])
})

test('another code under the same word is not hidden by the word', () => {
  const after = { ...result, code: { coding: [{ system: 's', code: 'd', display: 'HbA1c' }] } }
  assert.deepEqual(changesBetween(result, after), [{ path: ['code', 'coding', 'code'], before: 'c', after: 'd' }])
})

test('what came, went, or stands in another place', () => {
  const more = { ...result, note: [{ text: 'new' }, ...result.note] }
  assert.deepEqual(changesBetween(result, more), [{ path: ['note', 'text'], after: 'new' }])
  assert.deepEqual(changesBetween(more, result), [{ path: ['note', 'text'], before: 'new' }])
  const { valueQuantity: _, ...without } = result
  assert.deepEqual(changesBetween(result, without), [{ path: ['valueQuantity'], before: '47 mmol/mol' }])
  const turned = { ...result, note: result.note.toReversed() }
  assert.equal(changesBetween(result, turned).length, 1)
})

test('narrative and text documents are compared as text', () => {
  const data = (text: string) => btoa(text)
  const document = (text: string, div: string) => ({
    resourceType: 'DocumentReference',
    text: { status: 'generated', div: `<div><p>${div}</p></div>` },
    content: [{ attachment: { contentType: 'text/plain', data: data(text) } }],
  })
  assert.deepEqual(changesBetween(document('one', 'a'), document('two', 'b')), [
    { path: ['content', 'attachment'], before: 'one', after: 'two' },
    { path: ['text'], before: 'a', after: 'b' },
  ])
})
