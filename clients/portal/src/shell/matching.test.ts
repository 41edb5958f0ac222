/** What the palette finds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matching } from './matching.ts'

const items = [
  { label: 'Rebecca Bob', note: 'patient', href: '/1' },
  { label: 'Bob Li', note: 'patient', href: '/2' },
  { label: 'Outbox', note: 'go to', href: '/3' },
]
const found = (question: string) => matching(items, question).map(({ href }) => href)

test('every word must be there, in name or note; who begins with the first stands first', () => {
  assert.deepEqual(found('bob'), ['/2', '/1'])
  assert.deepEqual(found(' BOB  patient '), ['/2', '/1'])
  assert.deepEqual(found('bob reb'), ['/1'])
  assert.deepEqual(found('bob outbox'), [])
})

test('without a question everything stands in its order, a dozen at most', () => {
  assert.deepEqual(found(''), ['/1', '/2', '/3'])
  const many = Array.from({ length: 20 }, (_, i) => ({ label: `${i}`, note: '', href: `/${i}` }))
  assert.equal(matching(many, '').length, 12)
})
