import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeCbor, type MspId } from '../../protocol/src/index.ts'
import { MAX_ARGUMENTS, MAX_PROPOSAL_BYTES } from './limits.ts'
import {
  decodeProposal,
  decodeSignedProposal,
  encodeProposal,
  encodeSignedProposal,
  isProposalSignedBy,
  type Proposal,
  signProposal,
  txIdOf,
} from './proposal.ts'
import { decodeQuery, decodeSignedQuery, encodeSignedQuery, isQuerySignedBy, signQuery } from './query.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const verifying = crypto.importVerifyingKey(key.publicKey)

const proposal: Proposal = {
  channel: 'health',
  mspId: 'OrgA' as MspId,
  cert: crypto.randomBytes(300),
  nonce: crypto.randomBytes(24),
  timeMs: 1_700_000_000_000,
  fn: 'query',
  args: ['p-1', 'grün'],
}

test('a signed proposal survives the way and verifies', () => {
  const signed = decodeSignedProposal(encodeSignedProposal(signProposal(crypto, key, proposal)))
  assert.deepEqual(decodeProposal(signed.proposal), proposal)
  assert.ok(isProposalSignedBy(crypto, verifying, signed))
})

test('any other content has another signature', () => {
  const signed = signProposal(crypto, key, proposal)
  const other = encodeProposal({ ...proposal, args: ['p-2'] })
  assert.ok(!isProposalSignedBy(crypto, verifying, { ...signed, proposal: other }))
})

test('a proposal’s signature is none of a query, and the other way round', () => {
  const query = { ...proposal, nonce: crypto.randomBytes(32), queries: [{ fn: 'query', args: ['p-1'] }] }
  const { fn: _, args: __, ...plain } = query
  const signed = signQuery(crypto, key, plain)
  assert.deepEqual(decodeQuery(decodeSignedQuery(encodeSignedQuery(signed)).query), plain)
  assert.ok(isQuerySignedBy(crypto, verifying, signed))
  assert.ok(!isProposalSignedBy(crypto, verifying, { proposal: signed.query, signature: signed.signature }))
})

test('the transaction id depends on nonce and certificate, not on the call', () => {
  const id = txIdOf(crypto, proposal)
  assert.match(id, /^[0-9a-f]{64}$/)
  assert.equal(txIdOf(crypto, { ...proposal, fn: 'update' } as Proposal), id)
  assert.notEqual(txIdOf(crypto, { ...proposal, nonce: new Uint8Array(24) }), id)
  assert.notEqual(txIdOf(crypto, { ...proposal, cert: new Uint8Array(300) }), id)
})

const good = { v: 1, ...proposal }
const malformed = {
  'another version': { ...good, v: 2 },
  'an unknown member': { ...good, extra: 1 },
  'a short nonce': { ...good, nonce: new Uint8Array(23) },
  'no certificate': { ...good, cert: new Uint8Array(0) },
  'a large certificate': { ...good, cert: new Uint8Array(8_193) },
  'a channel with a space': { ...good, channel: 'a b' },
  'a function name with a dot': { ...good, fn: 'a.b' },
  'too many arguments': { ...good, args: Array.from({ length: MAX_ARGUMENTS + 1 }, () => '') },
  'an argument that is no text': { ...good, args: [1] },
  'more bytes than the limit': { ...good, args: ['x'.repeat(MAX_PROPOSAL_BYTES)] },
} as const

for (const [what, value] of Object.entries(malformed)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => decodeProposal(encodeCbor(value)), { code: 'LEDGER_BAD_PROPOSAL' })
  })
}

test('refused: bytes that are not CBOR, a signature of another length, a query without questions', () => {
  assert.throws(() => decodeProposal(Uint8Array.of(0xff)), { code: 'LEDGER_BAD_PROPOSAL' })
  const signed = { proposal: encodeProposal(proposal), signature: new Uint8Array(63) }
  assert.throws(() => decodeSignedProposal(encodeSignedProposal(signed)), { code: 'LEDGER_BAD_PROPOSAL' })
  const { channel, mspId, cert, timeMs } = proposal
  const empty = encodeCbor({ v: 1, channel, mspId, cert, timeMs, nonce: new Uint8Array(32), queries: [] })
  assert.throws(() => decodeQuery(empty), { code: 'LEDGER_BAD_PROPOSAL' })
})
