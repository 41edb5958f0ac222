/** What is asked of which peer, and when again. With a real network: client.fabric.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  decodeFabricAnswer,
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
  readonly #result: (time: number) => string

  constructor(mspId: string, blocks: number, result: (time: number) => string) {
    this.node = { mspId }
    this.blocks = blocks
    this.#result = result
  }

  ask(_identity: LedgerIdentity, { chaincode, args }: PeerCall): Promise<PeerResponse> {
    const isInfo = chaincode === QUERY_CHAINCODE
    const count = isInfo ? ++this.asked.info : ++this.asked.reads
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
    return Promise.resolve({ proposal, response: result, endorser, signature, result })
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
