import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget } from './byte-budget.ts'

test('more than the limit is refused; what was given back can be taken again, and only once', () => {
  const budget = new ByteBudget(10, 'HTTP_RATE_LIMITED')
  const giveBack = budget.take(6)
  budget.take(4)
  assert.throws(() => budget.take(1), { code: 'HTTP_RATE_LIMITED' })
  giveBack()
  giveBack()
  assert.equal(budget.taken, 4)
  budget.take(6)
  assert.throws(() => budget.take(1), { code: 'HTTP_RATE_LIMITED' })
})
