import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText } from './read-text.ts'

test('the data of a downloaded record has the digits that were signed, and the comparison does not', () => {
  const { data, plain } = readText('{"valueQuantity":{"value":46.50,"unit":"kg"}}')
  assert.equal(data, '{\n  "valueQuantity": {\n    "value": 46.50,\n    "unit": "kg"\n  }\n}')
  assert.equal(plain, '{"valueQuantity":{"value":46.5,"unit":"kg"}}')
})

test('a text with the reserved mark is shown as it is', () => {
  const text = '{"note":"\\u0001decimal:1"}'
  assert.equal(readText(text).data, text)
})

test('what is no JSON is refused', () => {
  assert.throws(() => readText('{"value":'), SyntaxError)
})
