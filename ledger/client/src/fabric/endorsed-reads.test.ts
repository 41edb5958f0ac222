/** What is asked of which peer, and when again. With a real network: client.fabric.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  decodeFabricAnswer,
  LedgerError,
  type LedgerErrorCode,
  numberField,
  QUERY_CHAINCODE,
  WireMessage,
} from '../../../../shared/ledger-model/src/index.ts'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { mspIdShape } from '../../../../shared/protocol/src/index.ts'
import type { LedgerIdentity } from '../port.ts'
import { EndorsedReads } from './endorsed-reads.ts'
import type { PeerCall, PeerConnection, PeerResponse } from './peer-connection.ts'
import { PeerPool } from './peer-pool.ts'
import { toFabricSignature } from './signatures.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const signature = toFabricSignature(crypto.sign(key, Uint8Array.of(1)))
const identity: LedgerIdentity = {
  mspId: mspIdShape('HospitalA', 'mspId'),
  cert: new Uint8Array([0x30]),
  signingKey: key,
}
const queries = [{ fn: 'participant', args: ['d-1'] }]
const nonce = new Uint8Array(32)

/** A peer whose every answer a test decides. */
class Peer {
  readonly node: { readonly mspId: string }
  blocks: number
  asked = { info: 0, reads: 0 }
  /** Fails instead of answering a question of this number. */
  faultOf: (time: number) => LedgerErrorCode | undefined = () => undefined
  atOnce = { now: 0, most: 0 }
  readonly #result: (time: number) => string

  constructor(mspId: string, blocks: number, result: (time: number) => string) {
    this.node = { mspId }
    this.blocks = blocks
    this.#result = result
  }

  async ask(_identity: LedgerIdentity, { chaincode, args }: PeerCall): Promise<PeerResponse> {
    const isInfo = chaincode === QUERY_CHAINCODE
    const count = isInfo ? ++this.asked.info : ++this.asked.reads
    const fault = isInfo ? undefined : this.faultOf(count)
    if (fault !== undefined) throw new LedgerError(fault, 'as the test wants')
    this.atOnce.most = Math.max(this.atOnce.most, ++this.atOnce.now)
    await new Promise((resolve) => setImmediate(resolve))
    this.atOnce.now--
    const text = JSON.stringify({ timeMs: Date.now() + count, answers: [{ status: 200, result: this.#result(count) }] })
    const proposal = {
      channel: 'health',
      chaincode,
      creator: new Uint8Array(8),
      nonce: new Uint8Array(24),
      timeMs: 1,
      args,
    }
    const endorser = encodeUtf8(this.node.mspId)
    const result = isInfo ? numberField(1, this.blocks) : encodeUtf8(text)
    return { proposal, response: result, endorser, signature, result }
  }
}

function readsOf(peers: readonly Peer[]) {
  const pool = new PeerPool(peers as unknown as PeerConnection[], identity.mspId)
  const reads = new EndorsedReads({
    crypto,
    pool,
    channel: 'health',
    chaincode: 'trusthealth',
    identity,
    attemptMs: 500,
  })
  return { pool, reads }
}

test('peers that differ for a moment are asked again, until a majority says the same', async () => {
  const a = new Peer('A', 5, () => 'new')
  const b = new Peer('B', 5, (time) => (time < 3 ? 'old' : 'new'))
  const { reads } = readsOf([a, b])
  assert.equal((await reads.read({ queries, nonce, minHeight: 4 })).length, 2)
  assert.deepEqual([a.asked.reads, b.asked.reads], [3, 3])
})

test('one of three who differs changes nothing; two who always differ are told to the reader', async () => {
  const three = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'x'), new Peer('C', 5, () => 'lie')]
  assert.equal((await readsOf(three).reads.read({ queries, nonce, minHeight: 4 })).length, 3)
  assert.deepEqual(
    three.map(({ asked }) => asked.reads),
    [1, 1, 1],
  )
  const two = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'lie')]
  assert.equal((await readsOf(two).reads.read({ queries, nonce, minHeight: 4 })).length, 2)
  assert.deepEqual(
    two.map(({ asked }) => asked.reads),
    [5, 5],
  )
})

test('an organisation that is away or busy for a moment is asked again, the others are not', async () => {
  for (const fault of ['LEDGER_UNAVAILABLE', 'LEDGER_BUSY'] as const) {
    const [a, b] = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'x')]
    b.faultOf = (time) => (time < 3 ? fault : undefined)
    assert.equal((await readsOf([a, b]).reads.read({ queries, nonce, minHeight: 4 })).length, 2)
    assert.deepEqual([a.asked.reads, b.asked.reads], [1, 3])
  }
})

test('what an organisation said before the other came back may have changed: both are asked again', async () => {
  const a = new Peer('A', 5, (time) => (time === 1 ? 'old' : 'new'))
  const b = new Peer('B', 5, () => 'new')
  b.faultOf = (time) => (time === 1 ? 'LEDGER_UNAVAILABLE' : undefined)
  assert.equal((await readsOf([a, b]).reads.read({ queries, nonce, minHeight: 4 })).length, 2)
  assert.deepEqual([a.asked.reads, b.asked.reads], [2, 3])
})

test('a majority that stays away: the reader gets what there is, after the others were asked again', async () => {
  const [a, b] = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'x')]
  b.faultOf = () => 'LEDGER_UNAVAILABLE'
  assert.equal((await readsOf([a, b]).reads.read({ queries, nonce, minHeight: 4 })).length, 1)
  assert.equal(a.asked.reads, 1)
  assert.ok(b.asked.reads > 1)
})

test('an organisation that refuses is not asked again; nobody answers: the first fault', async () => {
  const [a, b] = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'x')]
  b.faultOf = () => 'LEDGER_IDENTITY_REJECTED'
  assert.equal((await readsOf([a, b]).reads.read({ queries, nonce, minHeight: 4 })).length, 1)
  assert.deepEqual([a.asked.reads, b.asked.reads], [1, 1])
  a.faultOf = () => 'LEDGER_UNAVAILABLE'
  b.faultOf = () => 'LEDGER_UNAVAILABLE'
  await assert.rejects(readsOf([a, b]).reads.read({ queries, nonce, minHeight: 4 }), { code: 'LEDGER_UNAVAILABLE' })
})

test('of many readers some are asked for at once, the others wait: all get their answers', async () => {
  const [a, b] = [new Peer('A', 5, () => 'x'), new Peer('B', 5, () => 'x')]
  const { reads } = readsOf([a, b])
  const all = await Promise.all(Array.from({ length: 300 }, () => reads.read({ queries, nonce, minHeight: 4 })))
  assert.ok(all.every((answers) => answers.length === 2))
  assert.deepEqual([a.atOnce.most, b.atOnce.most], [64, 64])
})

test('a number of blocks that is remembered serves until a newer block was seen', async () => {
  const a = new Peer('A', 5, () => 'x')
  const { pool, reads } = readsOf([a])
  const heightOf = async (minHeight: number) => {
    const [answer] = await reads.read({ queries, nonce, minHeight })
    assert.ok(answer !== undefined)
    return new WireMessage(decodeFabricAnswer(answer.answer).chainInfo.response).number(1) - 1
  }
  assert.equal(await heightOf(1), 4)
  a.blocks = 9
  assert.equal(await heightOf(1), 4)
  assert.equal(a.asked.info, 1)
  // The reader may have been told of what is in it: an older number would not prove it.
  pool.noteBlocks(a as unknown as PeerConnection, 9)
  assert.equal(await heightOf(1), 8)
  assert.equal(await heightOf(8), 8)
  assert.equal(a.asked.info, 2)
})

test('a reader who does not say how new it must be gets a number that is a second old at most', async (t) => {
  const nowMs = t.mock.method(performance, 'now', () => 5_000)
  const a = new Peer('A', 5, () => 'x')
  const { reads } = readsOf([a])
  for (const [atMs, asked] of [
    [5_000, 1],
    [5_999, 1],
    [6_000, 2],
  ] as const) {
    nowMs.mock.mockImplementation(() => atMs)
    await reads.read({ queries, nonce, minHeight: undefined })
    assert.equal(a.asked.info, asked)
  }
})
