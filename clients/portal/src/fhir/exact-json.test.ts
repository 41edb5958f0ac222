/** For reading: a quantity's digits are kept; everything else is as JSON.parse has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForReading } from './exact-json.ts'
import { measuredOf, type Resource } from './read.ts'

test('trailing zeros of a value and of its range are shown as they were recorded, and compared as numbers', () => {
  const resource = parseForReading(
    '{"code":{"text":"x"},"valueQuantity":{"value":46.50,"unit":"g"},"referenceRange":[{"high":{"value":42.0}}],"n":1.00}',
  ) as Resource
  const [measured] = measuredOf(resource)
  assert.deepEqual([measured?.text, measured?.number, measured?.high, measured?.flag], ['46.50', 46.5, 42, 'high'])
  assert.equal(resource['n'], 1)
})

test('what a number says whole stays a number', () => {
  assert.deepEqual(
    parseForReading('{"value":[46.5,-1,1e3,"46.50",true,null]}'),
    JSON.parse('{"value":[46.5,-1,1e3,"46.50",true,null]}'),
  )
  assert.deepEqual(parseForReading('{"value":46.5}'), { value: 46.5 })
  assert.deepEqual(parseForReading('{"value":1e3}'), { value: 1000 })
  assert.throws(() => parseForReading('{'), SyntaxError)
})
