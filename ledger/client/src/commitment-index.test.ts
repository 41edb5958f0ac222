/** The index of commitments and its file. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { newId, newRef, type TxId } from '../../../shared/protocol/src/index.ts'
import { makeFolder } from '../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText } from '../../../testkit/src/suites/ledger-world.ts'
import { CommitmentIndex } from './commitment-index.ts'
import type { IndexedCommitment } from './indexed-commitment.ts'
import type { CommittedTransaction, LedgerBlock } from './port.ts'

const crypto = createNodeCrypto()
const author = { ref: newRef(crypto, 'd'), signingKey: crypto.generateSigningKey() }
const event = { name: 'BatchCommitted', payload: '{}' } as const

function commit(block: number, count: number, change: Partial<CommittedTransaction> = {}): CommittedTransaction {
  return {
    txId: 'ab'.repeat(32) as TxId,
    block,
    index: 0,
    timeMs: 1,
    result: '{}',
    status: 'VALID',
    mspId: 'HospitalA' as CommittedTransaction['mspId'],
    fn: 'commit',
    args: [newId(crypto, 'b'), groupsText(commitGroup(author, newRef(crypto, 'p'), count))],
    event,
    ...change,
  }
}

const block = (number: number, ...transactions: readonly CommittedTransaction[]): LedgerBlock => ({
  number,
  hash: new Uint8Array(32),
  timeMs: 1,
  kind: 'data',
  transactions,
  encoded: new Uint8Array(0),
})
const chain = () => [block(0), block(1, commit(1, 3)), block(2), block(3, commit(3, 1), commit(3, 2))]

test('only batches that were written count', () => {
  const index = CommitmentIndex.open()
  const written = commit(0, 2)
  const added = index.apply(
    block(
      0,
      written,
      commit(0, 1, { status: 'MVCC_CONFLICT' }),
      commit(0, 1, { event: null }),
      commit(0, 1, { fn: 'create' }),
    ),
  )
  assert.deepEqual([index.size, index.height], [2, 0])
  assert.deepEqual(
    added.map(({ batchId, index: place }) => [batchId, place]),
    [
      [written.args[0], 0],
      [written.args[0], 1],
    ],
  )
})

test('refused: a block out of order, a batch that is none', () => {
  const index = CommitmentIndex.open()
  assert.throws(() => index.apply(block(1)), RangeError)
  index.apply(block(0))
  assert.throws(() => index.apply(block(0)), RangeError)
  assert.throws(() => index.apply(block(1, commit(1, 1, { args: ['x', '[]'] }))), { code: 'LEDGER_BLOCK_INVALID' })
  assert.equal(index.height, 0)
})

test('the newest version is the highest under the patient’s tag, the first one of it', () => {
  const index = CommitmentIndex.open()
  const [group] = [commitGroup(author, newRef(crypto, 'p'))]
  const [item] = group.items
  assert.ok(item !== undefined)
  const stranger = commitGroup(author, newRef(crypto, 'p')).items[0]?.patientTag ?? item.patientTag
  const versions = [
    item,
    { ...item, version: 2 },
    { ...item, version: 2 },
    { ...item, version: 9, patientTag: stranger },
  ]
  const previous = 'cd'.repeat(32) as typeof item.ehrHash
  const items = versions.map((one) => (one.version === 1 ? one : { ...one, previous }))
  index.apply(block(0, commit(0, 1, { args: [newId(crypto, 'b'), groupsText({ ...group, items })] })))
  assert.equal(index.ofRecord(item.recordId).length, 4)
  assert.deepEqual(
    [index.newest(item.recordId, item.patientTag)?.version, index.newest(item.recordId, item.patientTag)?.index],
    [2, 1],
  )
})

test('a file keeps the index as far as it was written; one that cannot be read is made anew', () => {
  const { folder, remove } = makeFolder()
  const path = join(folder, 'index')
  const blocks = chain()
  const first = CommitmentIndex.open(path)
  const written = blocks.slice(0, 2).flatMap((one) => first.apply(one))
  first.close()
  assert.equal(written.length, 3)

  const reopened = () => {
    const index = CommitmentIndex.open(path)
    const { height, size } = index
    for (const one of blocks.slice(height + 1)) index.apply(one)
    assert.deepEqual([index.height, index.size], [3, 6])
    for (const one of written) {
      assert.deepEqual(index.ofRecord(one.recordId), [one])
      assert.deepEqual(index.ofPatientTag(one.patientTag), written.filter(isSame('patientTag', one)))
      assert.equal(index.countOfPatientTag(one.patientTag), index.ofPatientTag(one.patientTag).length)
      assert.deepEqual(index.ofDoctorTag(one.doctorTag), written.filter(isSame('doctorTag', one)))
    }
    index.close()
    return [height, size]
  }
  assert.deepEqual(reopened(), [1, 3])
  assert.deepEqual(reopened(), [3, 6])
  writeFileSync(path, 'an index of an earlier version\n'.repeat(1_000))
  assert.deepEqual(reopened(), [-1, 0])
  remove()
})

test('a block is in the index whole, or not at all', () => {
  const index = CommitmentIndex.open()
  const [good, bad] = [commit(0, 2), commit(0, 1, { txId: 'not hexadecimal' as TxId })]
  assert.throws(() => index.apply(block(0, good, bad)))
  assert.deepEqual([index.height, index.size], [-1, 0])
  const [one] = index.apply(block(0, good))
  assert.ok(one !== undefined)
  assert.deepEqual(index.ofRecord(one.recordId), [one])
})

function isSame(name: keyof IndexedCommitment, one: IndexedCommitment): (other: IndexedCommitment) => boolean {
  return (other) => other[name] === one[name]
}
