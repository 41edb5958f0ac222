/** The index of commitments and its file. */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { newId, newRef, type TxId } from '../../../shared/protocol/src/index.ts'
import { makeFolder } from '../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText } from '../../../testkit/src/suites/ledger-world.ts'
import { CommitmentIndex } from './commitment-index.ts'
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

test('a file keeps the index; what was cut short or damaged is taken from the ledger again', () => {
  const { folder, remove } = makeFolder()
  const path = join(folder, 'index')
  const blocks = chain()
  const first = CommitmentIndex.open(path)
  for (const one of blocks) first.apply(one)
  first.close()
  const whole = readFileSync(path)

  const reopened = () => {
    const index = CommitmentIndex.open(path)
    const { height, size } = index
    for (const one of blocks.slice(height + 1)) index.apply(one)
    assert.deepEqual([index.height, index.size], [3, 6])
    index.close()
    assert.deepEqual(readFileSync(path), whole)
    return [height, size]
  }
  assert.deepEqual(reopened(), [3, 6])
  truncateSync(path, whole.length - 5)
  assert.deepEqual(reopened(), [2, 3])
  appendFileSync(path, 'half a li')
  assert.deepEqual(reopened(), [3, 6])
  const damaged = Buffer.from(whole)
  damaged[200] = (damaged[200] as number) ^ 1
  writeFileSync(path, damaged)
  assert.deepEqual(reopened(), [0, 0])
  writeFileSync(path, 'something else\n')
  assert.deepEqual(reopened(), [-1, 0])
  remove()
})
