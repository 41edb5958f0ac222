import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MspId, TxId } from '../../../../shared/protocol/src/index.ts'
import type { CommittedTransaction, LedgerBlock } from '../port.ts'
import { Commits } from './commits.ts'

const id = (n: number) => String(n).padStart(64, '0') as TxId

/** Blocks that a test adds by hand. */
function blocksByHand() {
  const waiting: ((block: LedgerBlock) => void)[] = []
  const ready: LedgerBlock[] = []
  let number = 4
  async function* blocks(_from: number, signal: AbortSignal): AsyncGenerator<LedgerBlock> {
    while (!signal.aborted) yield ready.shift() ?? (await new Promise<LedgerBlock>((resolve) => waiting.push(resolve)))
  }
  const add = (...txIds: readonly TxId[]) => {
    const block: LedgerBlock = {
      number: ++number,
      hash: new Uint8Array(32),
      timeMs: 0,
      kind: 'data',
      encoded: new Uint8Array(0),
      transactions: txIds.map((txId, index): CommittedTransaction => {
        const mspId = 'HospitalA' as MspId
        const rest = { timeMs: 0, result: '', status: 'VALID', mspId, fn: 'commit', args: [], event: null } as const
        return { txId, block: number, index, ...rest }
      }),
    }
    const next = waiting.shift()
    if (next === undefined) ready.push(block)
    else next(block)
  }
  return { blocks, add }
}

async function following() {
  const { blocks, add } = blocksByHand()
  const commits = new Commits({ nextBlock: () => Promise.resolve(5), blocks })
  await commits.ready()
  return { commits, add }
}

test('who waits is told of the transaction in its block; what nobody waits for is passed over', async () => {
  const { commits, add } = await following()
  const watch = commits.watch(id(1))
  add(id(7))
  add(id(8), id(1))
  const found = await watch.within(60_000)
  assert.deepEqual([found?.txId, found?.block, found?.index], [id(1), 6, 1])
  assert.equal(commits.find(id(7)), undefined)
  commits.close()
})

test('a time that is over, and the end of the client, end the waiting', async () => {
  const { commits } = await following()
  const watch = commits.watch(id(1))
  assert.equal(await watch.within(1), undefined)
  const waiting = watch.within(60_000)
  commits.close()
  assert.equal(await waiting, undefined)
})

test('overdue is what others that were sent later have overtaken, not what waits in its turn', async (t) => {
  let nowMs = 10_000
  t.mock.method(performance, 'now', () => nowMs)
  const { commits, add } = await following()
  const lost = commits.watch(id(1))
  lost.sent()
  const soon = commits.watch(id(2))
  nowMs += 300
  soon.sent()
  add(id(2))
  await soon.within(60_000)
  assert.equal(lost.isOverdue, false)
  const later = commits.watch(id(3))
  nowMs += 300
  later.sent()
  add(id(3))
  await later.within(60_000)
  assert.equal(lost.isOverdue, true)
  commits.close()
})

test('overdue is everything when no block comes', async (t) => {
  let nowMs = 10_000
  t.mock.method(performance, 'now', () => nowMs)
  const { commits, add } = await following()
  const watch = commits.watch(id(1))
  watch.sent()
  const other = commits.watch(id(2))
  add(id(2))
  await other.within(60_000)
  nowMs += 900
  assert.equal(watch.isOverdue, false)
  nowMs += 200
  assert.equal(watch.isOverdue, true)
  commits.close()
})

test('a beginning that failed is tried again', async () => {
  const { blocks, add } = blocksByHand()
  let isAway = true
  const nextBlock = () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(5))
  const commits = new Commits({ nextBlock, blocks })
  await assert.rejects(commits.ready())
  isAway = false
  await commits.ready()
  const watch = commits.watch(id(1))
  add(id(1))
  assert.equal((await watch.within(60_000))?.txId, id(1))
  commits.close()
})
