import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rangeEnd } from './state-keys.ts'

test('a range ends before the first key without its prefix', () => {
  assert.equal(rangeEnd('member/OrgA/'), 'member/OrgA0')
  assert.ok('member/OrgA/\u{10ffff}' < rangeEnd('member/OrgA/'))
})

test('a prefix without its slash is a mistake of the caller: the range would reach into the names of others', () => {
  assert.throws(() => rangeEnd('member/OrgA'), RangeError)
})
