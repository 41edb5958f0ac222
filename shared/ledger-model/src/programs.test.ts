import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MspId, Sha256Hex, TxId } from '../../protocol/src/index.ts'
import { isApproved, type ProgramRecord } from './programs.ts'

const organizations = ['A', 'B', 'C', 'D'].map((name) => `Org${name}` as MspId)
const [a, b, c] = organizations as [MspId, MspId, MspId]

function votedBy(...votes: readonly (readonly [MspId, number])[]): ProgramRecord {
  return {
    measurement: '5a'.repeat(32) as Sha256Hex,
    votes: votes.map(([mspId, securityVersion]) => ({
      mspId,
      securityVersion,
      timeMs: 1,
      txId: 'ab'.repeat(32) as TxId,
    })),
  }
}

test('more than half of the organisations approve a program, half is too few', () => {
  assert.equal(isApproved(votedBy(), organizations, 1), false)
  assert.equal(isApproved(votedBy([a, 1], [b, 1]), organizations, 1), false)
  assert.equal(isApproved(votedBy([a, 1], [b, 1], [c, 1]), organizations, 1), true)
})

test('votes for another security version and of others do not count', () => {
  assert.equal(isApproved(votedBy([a, 1], [b, 2], [c, 1]), organizations, 1), false)
  assert.equal(isApproved(votedBy([a, 2], [b, 2], [c, 2]), organizations, 1), false)
  const others = votedBy([a, 1], ['OrgX' as MspId, 1], ['OrgY' as MspId, 1])
  assert.equal(isApproved(others, organizations, 1), false)
})

test('nobody approves nothing', () => {
  assert.equal(isApproved(votedBy(), [], 1), false)
})
