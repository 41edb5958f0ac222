import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MspId, ServerRef, Sha256Hex, TxId } from '../../protocol/src/index.ts'
import { approvedStarts, approvedSuccession, type Succession, type SuccessionRecord } from './successions.ts'

const organizations = ['A', 'B', 'C', 'D'].map((name) => `Org${name}` as MspId)
const [a, b, c] = organizations as [MspId, MspId, MspId]
const X = 'aa'.repeat(32) as Sha256Hex
const Y = 'bb'.repeat(32) as Sha256Hex
const start = { epoch: 9, size: 40, root: 'cc'.repeat(32) as Sha256Hex }

function voted(...votes: readonly (readonly [MspId, Succession])[]): SuccessionRecord {
  const rest = { timeMs: 1, txId: 'ab'.repeat(32) as TxId }
  return {
    serverRef: `s-${'00'.repeat(16)}` as ServerRef,
    votes: votes.map(([mspId, succession]) => ({ mspId, ...succession, ...rest })),
  }
}

const one = { term: 1, instance: X }

test('more than half of the organisations name the holder, half is too few', () => {
  assert.equal(approvedSuccession(voted(), organizations), undefined)
  assert.equal(approvedSuccession(voted([a, one], [b, one]), organizations), undefined)
  assert.deepEqual(approvedSuccession(voted([a, one], [b, one], [c, one]), organizations), one)
})

test('votes for another term, instance or start, and votes of others, do not count', () => {
  for (const other of [
    { term: 2, instance: X },
    { term: 1, instance: Y },
    { ...one, from: start },
  ]) {
    assert.equal(approvedSuccession(voted([a, one], [b, one], [c, other]), organizations), undefined)
  }
  const begun = { ...one, from: start }
  for (const from of [
    { ...start, epoch: 8 },
    { ...start, size: 41 },
    { ...start, root: X },
  ]) {
    assert.equal(approvedSuccession(voted([a, begun], [b, begun], [c, { ...one, from }]), organizations), undefined)
  }
  const strangers = voted([a, one], ['OrgX' as MspId, one], ['OrgY' as MspId, one])
  assert.equal(approvedSuccession(strangers, organizations), undefined)
  assert.deepEqual(approvedSuccession(voted([a, begun], [b, begun], [c, begun]), organizations), begun)
})

test('one organisation counts once, also with two votes', () => {
  assert.equal(approvedSuccession(voted([a, one], [a, one], [b, one]), organizations), undefined)
})

test('the highest term that is approved decides, not the highest that somebody voted for', () => {
  const two = { term: 2, instance: Y }
  const three = { term: 3, instance: X }
  const both = voted([a, three], [a, two], [b, two], [b, one], [c, two], [c, one])
  assert.deepEqual(approvedSuccession(both, organizations), two)
  const minority = voted([a, two], [a, one], [b, one], [c, one])
  assert.deepEqual(approvedSuccession(minority, organizations), one)
})

test('nobody names nobody', () => {
  assert.equal(approvedSuccession(voted(), []), undefined)
})

test('every start that more than half agreed on is found, of each epoch the one of the highest term', () => {
  const first = { ...one, from: start }
  const second = { term: 2, instance: Y, from: { ...start, size: 30 } }
  const later = { term: 3, instance: X, from: { ...start, epoch: 12, size: 50 } }
  const all = (...some: readonly Succession[]) =>
    voted(...some.flatMap((succession) => [a, b, c].map((mspId) => [mspId, succession] as const)))
  assert.deepEqual(approvedStarts(voted([a, first], [b, first]), organizations), [])
  assert.deepEqual(approvedStarts(all(one), organizations), [])
  assert.deepEqual(approvedStarts(all(later, first), organizations), [
    { term: 1, ...start },
    { term: 3, ...later.from },
  ])
  assert.deepEqual(approvedStarts(all(first, second), organizations), [{ term: 2, ...second.from }])
  // A later term without a start, or with votes of too few, takes nothing back.
  assert.deepEqual(approvedStarts(voted([a, later], [a, first], [b, first], [c, first]), organizations), [
    { term: 1, ...start },
  ])
})
