import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { createConsortium, type TestOrganization } from '../../../testkit/src/consortium.ts'
import { InsecureFabricPeer } from '../../../testkit/src/fabric-peer.ts'
import { type FetchAnswers, VerifyingLedgerReader } from './ledger-reader.ts'

const crypto = createNodeCrypto()
const { organizations, nodeKey } = await createConsortium()
const peers = await Promise.all(organizations.map(({ authority }) => InsecureFabricPeer.create(crypto, authority)))
const fabric = {
  chaincode: 'trusthealth',
  organizations: organizations.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] })),
}
const config = { channel: 'health', nodes: [], quorum: 2, fabric }
const queries = [
  { fn: 'participant', args: ['x'] },
  { fn: 'participant', args: ['y'] },
]

/** Every peer answers every question at block 7. */
const fetch: FetchAnswers = (asked, nonce) => {
  const answers = asked.map(({ args }) => ({ status: 200 as const, result: JSON.stringify(args) }))
  const reading = {
    channel: 'health',
    chaincode: 'trusthealth',
    nonce,
    queries: asked,
    answers,
    height: 7,
    timeMs: Date.now(),
  }
  const row = peers.map((peer) => peer.answer(reading))
  return Promise.resolve(asked.map(() => row))
}

test('on Fabric a reader believes the peers of the organisations it was told of', async () => {
  const reader = new VerifyingLedgerReader(crypto, config, fetch, 'test')
  const read = await reader.read(queries, { minHeight: 7 })
  assert.deepEqual(
    read.map(({ result, height }) => [result, height]),
    [
      ['["x"]', 7],
      ['["y"]', 7],
    ],
  )
  assert.equal(reader.isPractice, false)
})

test('refused on Fabric: too old, too few, answers to a reader of an embedded ledger', async () => {
  const reader = new VerifyingLedgerReader(crypto, config, fetch, 'test')
  await assert.rejects(reader.read(queries, { minHeight: 8 }), { code: 'ENDORSEMENT_STALE' })
  const one: FetchAnswers = async (...asked) => (await fetch(...asked)).map((row) => row.slice(0, 1))
  await assert.rejects(new VerifyingLedgerReader(crypto, config, one, 'test').read(queries), {
    code: 'ENDORSEMENT_QUORUM',
  })
  const [first] = organizations
  const nodes = [{ mspId: (first as TestOrganization).mspId, publicKey: nodeKey.publicKey }]
  const embedded = new VerifyingLedgerReader(crypto, { channel: 'health', nodes, quorum: 1 }, fetch, 'test')
  await assert.rejects(embedded.read(queries), { code: 'ENDORSEMENT_MALFORMED' })
})
