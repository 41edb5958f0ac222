import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Ledger, LedgerBlock } from '../../ledger/client/src/port.ts'
import { openHospitalDatabase } from './database.ts'
import { LedgerIndex } from './ledger-index.ts'

const TAG = 'ab'.repeat(32)
const item = (recordId: string, version: number) => ({ recordId, version, patientTag: TAG })

function blockOf(number: number, transactions: readonly object[]): LedgerBlock {
  return { number, transactions } as unknown as LedgerBlock
}

function commit(batch: string, groups: readonly object[], status = 'VALID'): object {
  return { status, fn: 'commit', args: [batch, JSON.stringify(groups)] }
}

function indexOn(blocks: readonly LedgerBlock[] = []): LedgerIndex {
  const ledger = {
    height: () => Promise.resolve(blocks.length - 1),
    async *blocks(from: number, options: { signal: AbortSignal }) {
      yield* blocks.slice(from)
      await new Promise((resolve) => options.signal.addEventListener('abort', resolve))
    },
  } as unknown as Ledger
  return new LedgerIndex(openHospitalDatabase(mkdtempSync(join(tmpdir(), 'trusthealth-index-'))), ledger)
}

test('places count through all groups of a batch', () => {
  const index = indexOn()
  index.add(blockOf(0, [commit('b-1', [{ items: [item('r-1', 1)] }, { items: [item('r-2', 1), item('r-1', 2)] }])]))
  assert.deepEqual(index.findRecord('r-1'), [
    { recordId: 'r-1', version: 1, batchId: 'b-1', index: 0 },
    { recordId: 'r-1', version: 2, batchId: 'b-1', index: 2 },
  ])
  assert.deepEqual(index.findTag(TAG).length, 3)
  assert.deepEqual(index.findTag('cd'.repeat(32)), [])
})

test('a transaction that wrote nothing, and other functions, leave no trace', () => {
  const index = indexOn()
  index.add(
    blockOf(0, [
      commit('b-1', [{ items: [item('r-1', 1)] }], 'MVCC_CONFLICT'),
      { status: 'VALID', fn: 'grant', args: [] },
    ]),
  )
  assert.deepEqual(index.findRecord('r-1'), [])
  assert.equal(index.next, 1)
})

test('the same block again changes nothing', () => {
  const index = indexOn()
  const block = blockOf(4, [commit('b-1', [{ items: [item('r-1', 1)] }])])
  index.add(block)
  index.add(block)
  assert.equal(index.findRecord('r-1').length, 1)
  assert.equal(index.next, 5)
})

test('following reads what the ledger has, and ends when it is closed', async () => {
  const index = indexOn([blockOf(0, []), blockOf(1, [commit('b-1', [{ items: [item('r-1', 1)] }])])])
  const faults: unknown[] = []
  index.follow((error) => faults.push(error))
  await index.catchUp()
  assert.equal(index.findRecord('r-1').length, 1)
  await index.close()
  assert.deepEqual(faults, [])
})
