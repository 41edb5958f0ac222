/** What a contract with a fault of its own does to the ledger: nothing. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Context } from 'fabric-contract-api'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { checkMember } from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { type Consortium, createConsortium, type TestOrganization } from '../../../testkit/src/consortium.ts'
import { makeFolder } from '../../../testkit/src/embedded-ledger.ts'
import { TrustHealthContract } from '../../contract/src/index.ts'
import { errorAnswer } from './http-errors.ts'
import { simulate } from './simulator.ts'
import { LedgerStore } from './store.ts'

const crypto = createNodeCrypto()
const { folder, remove } = makeFolder()
let consortium: Consortium
let store: LedgerStore

before(async () => {
  consortium = await createConsortium()
  store = new LedgerStore(crypto, folder)
})
after(() => {
  store.close()
  remove()
})

/** Runs `participant` with another body. */
function run(body: (ctx: Context) => Promise<string>) {
  const contract = new (class extends TrustHealthContract {
    override participant(ctx: Context): Promise<string> {
      return body(ctx)
    }
  })()
  const { genesis } = consortium
  const [a] = consortium.organizations as [TestOrganization]
  const caller = checkMember(crypto, genesis.organizations, a.mspId, a.admin.cert, Date.now())
  return simulate(contract, store, { txId: '0'.repeat(64) as TxId, timeMs: 1, fn: 'participant', args: ['x'], caller })
}

test('an exception without a code is a fault of the ledger, and tells the client nothing', async () => {
  const fault = run(() => Promise.reject(new Error('secret detail')))
  await assert.rejects(fault, { code: 'LEDGER_FAULT' })
  const answer = errorAnswer(await fault.catch((error: unknown) => error))
  assert.equal(answer.status, 500)
  assert.ok(!JSON.stringify(answer.body).includes('secret'))
})

test('a function that ranges or looks at history and writes is a fault, in either order', async () => {
  const bytes = Uint8Array.of(1)
  const range = (ctx: Context) => ctx.stub.getStateByRangeWithPagination('a/', 'a0', 10, '')
  const faults: ((ctx: Context) => Promise<unknown>)[] = [
    (ctx) => range(ctx).then(() => ctx.stub.putState('k', bytes)),
    (ctx) => range(ctx).then(() => ctx.stub.deleteState('k')),
    (ctx) => ctx.stub.putState('k', bytes).then(() => range(ctx)),
    (ctx) => ctx.stub.putState('k', new Uint8Array(0)),
    (ctx) => Promise.resolve(ctx.stub.setEvent('Unknown', bytes)),
  ]
  for (const body of faults)
    await assert.rejects(
      run((ctx) => body(ctx).then(() => '')),
      { code: 'LEDGER_FAULT' },
    )
})

test('a read does not see the transaction’s own writes; writes are sorted, the last of a key counts', async () => {
  const text = (value: string) => new TextEncoder().encode(value)
  const { result, writes, reads } = await run(async (ctx) => {
    await ctx.stub.putState('b', text('1'))
    await ctx.stub.putState('a', text('2'))
    await ctx.stub.putState('b', text('3'))
    return String((await ctx.stub.getState('b')).length)
  })
  assert.equal(result, '0')
  assert.deepEqual(writes, [
    { key: 'a', value: '2' },
    { key: 'b', value: '3' },
  ])
  assert.deepEqual([...reads], [['b', undefined]])
})
