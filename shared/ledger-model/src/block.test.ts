import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeCbor, type MspId } from '../../protocol/src/index.ts'
import {
  type ChainHead,
  decodeBlock,
  decodeBlocks,
  encodeBlock,
  encodeBlocks,
  makeBlock,
  verifyBlock,
} from './block.ts'
import { signProposal } from './proposal.ts'
import { decodeTransaction, encodeTransaction, type TransactionOutcome } from './transaction.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const nodes = [{ mspId: 'OrgA' as MspId, publicKey: crypto.importVerifyingKey(key.publicKey) }]
const long = 'x'.repeat(2_000)

function transaction(args: readonly string[], outcome: Partial<TransactionOutcome> = {}): Uint8Array {
  const signed = signProposal(crypto, key, {
    channel: 'health',
    mspId: 'OrgA' as MspId,
    cert: Uint8Array.of(1),
    nonce: crypto.randomBytes(24),
    timeMs: 5,
    fn: 'commit',
    args,
  })
  return encodeTransaction(signed, args, { status: 'VALID', result: '', writes: [], event: null, ...outcome })
}

function chain() {
  const first = makeBlock(crypto, key, undefined, { kind: 'config', timeMs: 10, transactions: [Uint8Array.of(1)] })
  const content = { kind: 'data', timeMs: 11, transactions: [transaction(['a']), transaction(['b'])] } as const
  return { first, second: makeBlock(crypto, key, first.head, content) }
}

test('blocks verify in their order', () => {
  const { first, second } = chain()
  const zero = verifyBlock(crypto, undefined, first.block, nodes)
  const one = verifyBlock(crypto, zero.head, decodeBlock(encodeBlock(second.block)), nodes)
  assert.deepEqual(one.head, second.head)
  assert.equal(one.header.count, 2)
  assert.deepEqual(decodeBlocks(encodeBlocks([encodeBlock(first.block)])), [first.block])
})

test('a block’s time never goes back, whatever the clock says', () => {
  const { second } = chain()
  const next = makeBlock(crypto, key, second.head, { kind: 'data', timeMs: 3, transactions: [transaction(['c'])] })
  assert.equal(next.head.timeMs, 11)
})

test('refused, with the number of the block: whatever was changed', () => {
  const { first, second } = chain()
  const { head } = first
  const { block } = second
  const flipped = block.transactions.map((bytes) => bytes.slice())
  const last = flipped[1] as Uint8Array
  last[last.length - 1] = (last.at(-1) as number) ^ 1
  const cases: [string, ChainHead, typeof block][] = [
    ['the block before it', { ...head, hash: new Uint8Array(32) }, block],
    ['its place', { ...head, number: 5 }, block],
    ['the time', { ...head, timeMs: 12 }, block],
    ['a transaction', head, { ...block, transactions: flipped }],
    ['the order', head, { ...block, transactions: block.transactions.toReversed() }],
    ['the number of transactions', head, { ...block, transactions: block.transactions.slice(1) }],
    ['the signature', head, { ...block, signature: new Uint8Array(64) }],
  ]
  for (const [what, previous, changed] of cases) {
    assert.throws(
      () => verifyBlock(crypto, previous, changed, nodes),
      { code: 'LEDGER_BLOCK_INVALID', block: previous.number + 1 },
      what,
    )
  }
  assert.throws(() => verifyBlock(crypto, head, block, []), { code: 'LEDGER_BLOCK_INVALID' })
  const two = { kind: 'config', timeMs: 11, transactions: [Uint8Array.of(1), Uint8Array.of(2)] } as const
  const configurations = makeBlock(crypto, key, head, two).block
  assert.throws(() => verifyBlock(crypto, head, configurations, nodes), { code: 'LEDGER_BLOCK_INVALID', block: 1 })
  assert.throws(() => decodeBlock(encodeCbor({})), { code: 'LEDGER_BLOCK_INVALID' })
})

test('a transaction survives the way', () => {
  const outcome: TransactionOutcome = {
    status: 'VALID',
    result: '{"a":1}',
    writes: [
      { key: 'a', value: 'x' },
      { key: 'b', value: null },
    ],
    event: { name: 'Granted', payload: '{}' },
  }
  const decoded = decodeTransaction(crypto, transaction(['a'], outcome))
  const { status, result, writes, event } = decoded
  assert.deepEqual({ status, result, writes, event }, outcome)
  assert.deepEqual(decoded.proposal.args, ['a'])
})

test('a large argument that is written stands in the transaction once', () => {
  const writes = [{ key: 'batch/1', value: `{"groups":${long},"n":1}` }]
  const encoded = transaction(['id', long], { writes })
  assert.ok(encoded.length < 2_600)
  assert.deepEqual(decodeTransaction(crypto, encoded).writes, writes)
})

test('refused: a write set out of order, effects of a transaction that is not valid', () => {
  const unsorted = [
    { key: 'b', value: 'x' },
    { key: 'a', value: 'x' },
  ]
  for (const outcome of [
    { writes: unsorted },
    { writes: [unsorted[0], unsorted[0]] as never },
    { status: 'MVCC_CONFLICT', writes: [unsorted[0]] as never },
    { status: 'MVCC_CONFLICT', result: 'x' },
  ] as Partial<TransactionOutcome>[]) {
    assert.throws(() => decodeTransaction(crypto, transaction(['a'], outcome)), { code: 'LEDGER_BLOCK_INVALID' })
  }
})

test('refused: another encoding of the same writes', () => {
  const signed = signProposal(crypto, key, {
    channel: 'health',
    mspId: 'OrgA' as MspId,
    cert: Uint8Array.of(1),
    nonce: crypto.randomBytes(24),
    timeMs: 5,
    fn: 'commit',
    args: ['id', long],
  })
  const encode = (value: string | [string, number, string]) =>
    encodeCbor({ ...signed, status: 'VALID', result: '', writes: [['k', value]], event: null })
  assert.equal(decodeTransaction(crypto, encode(['<', 1, '>'])).writes[0]?.value, `<${long}>`)
  for (const value of [`<${long}>`, ['<', 2, '>'], ['<', 0, '>'], [`${long}<`, 1, '>']] as const) {
    assert.throws(() => decodeTransaction(crypto, encode(value as never)), { code: 'LEDGER_BLOCK_INVALID' })
  }
})

test('refused: a transaction of a proposal that no door would have taken', () => {
  const junk = { proposal: encodeCbor({}), signature: new Uint8Array(64) }
  const encoded = encodeTransaction(junk, [], { status: 'VALID', result: '', writes: [], event: null })
  assert.throws(() => decodeTransaction(crypto, encoded), { code: 'LEDGER_BLOCK_INVALID' })
})
