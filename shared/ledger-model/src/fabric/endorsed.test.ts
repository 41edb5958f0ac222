import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConsortium, issueCertificate, type TestOrganization } from '../../../../testkit/src/consortium.ts'
import { InsecureFabricPeer, type PeerFaults, type PeerReading } from '../../../../testkit/src/fabric-peer.ts'
import { concat, encodePem } from '../../../crypto/src/index.ts'
import { createNodeCrypto } from '../../../crypto/src/node-crypto.ts'
import { encodeCbor } from '../../../protocol/src/index.ts'
import {
  decodeEndorsedAnswers,
  encodeEndorsedAnswers,
  endorseContent,
  EndorsedReader,
  type EndorsedAnswer,
  type EndorsementTrust,
  shareRows,
  spreadRows,
} from '../endorsed-read.ts'
import { decodeFabricAnswer, encodeFabricAnswer } from './endorsed.ts'
import { bytesField } from './wire.ts'

const crypto = createNodeCrypto()
const nowMs = Date.now()
const { organizations } = await createConsortium({ names: ['HospitalA', 'HospitalB', 'HospitalC'] })
const stranger = (await createConsortium({ names: ['Nobody'] })).organizations[0] as TestOrganization
const [a, b, c] = organizations as [TestOrganization, TestOrganization, TestOrganization]
const [peerA, peerB, peerC] = [
  await InsecureFabricPeer.create(crypto, a.authority),
  await InsecureFabricPeer.create(crypto, b.authority),
  await InsecureFabricPeer.create(crypto, c.authority),
]
const fabric = {
  chaincode: 'trusthealth',
  organizations: organizations.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] })),
}
const trust: EndorsementTrust = { channel: 'health', quorum: 2, fabric }
const nonce = crypto.randomBytes(32)
const query = { fn: 'participant', args: ['x'] }
const other = { fn: 'participant', args: ['y'] }
const reading: PeerReading = {
  channel: 'health',
  chaincode: 'trusthealth',
  nonce,
  queries: [query, other],
  answers: [
    { status: 200, result: '{"a":1}' },
    { status: 'PARTICIPANT_UNKNOWN', result: '' },
  ],
  height: 7,
  timeMs: nowMs,
}
const answer = (peer: InsecureFabricPeer, change: Partial<PeerReading> = {}, faults: PeerFaults = {}) =>
  peer.answer({ ...reading, ...change }, faults)
const verify = (...answers: readonly EndorsedAnswer[]) =>
  new EndorsedReader(crypto, trust).read({ query, nonce, minHeight: 5 }, answers)

test('peers of a quorum of organisations that agree: lowest height, newest time', () => {
  const read = verify(answer(peerA, { height: 9 }), answer(peerB, { timeMs: nowMs + 5 }))
  assert.deepEqual(read, { status: 200, result: '{"a":1}', height: 7, timeMs: nowMs + 5, reachedMs: nowMs })
})

test('one answer serves all questions of its proposal', () => {
  const reader = new EndorsedReader(crypto, trust)
  const answers = [answer(peerA), answer(peerB)]
  assert.equal(reader.read({ query, nonce, minHeight: 5 }, answers).status, 200)
  assert.equal(reader.read({ query: other, nonce, minHeight: 5 }, answers).status, 'PARTICIPANT_UNKNOWN')
})

test('one organisation that answers wrongly does not stop a quorum of the others', () => {
  const lie = answer(peerC, { answers: [{ status: 200, result: '{"a":2}' }, ...reading.answers.slice(1)] })
  assert.equal(verify(lie, answer(peerA), answer(peerB)).result, '{"a":1}')
})

const period = { notBeforeMs: nowMs - 2_000_000, notAfterMs: nowMs - 1_000_000 }
const client = await InsecureFabricPeer.create(crypto, b.authority, { role: 'hospital', ref: b.hospital.ref })
const orderer = await InsecureFabricPeer.create(crypto, b.authority, { role: 'orderer', ref: 'orderer1' })
const ended = await InsecureFabricPeer.create(crypto, b.authority, period)
const unknown = await InsecureFabricPeer.create(crypto, stranger.authority)
const pretending = await InsecureFabricPeer.create(crypto, stranger.authority, {}, b.mspId)
const ofAnother = await InsecureFabricPeer.create(crypto, a.authority, {}, b.mspId)
const secondOfB = await InsecureFabricPeer.create(crypto, b.authority)
const member = await issueCertificate(b.authority, 'member')
const twoPems = concat(
  bytesField(1, b.mspId),
  bytesField(2, encodePem('CERTIFICATE', member.cert) + encodePem('CERTIFICATE', b.authority.root)),
)
const node = endorseContent(crypto, peerB.key, {
  channel: 'health',
  mspId: b.mspId,
  ...query,
  nonce,
  height: 7,
  blockHash: new Uint8Array(32),
  timeMs: nowMs,
  status: 200,
  result: '{"a":1}',
})
const otherNonce = new Uint8Array(32)
const refusedWithResult = [reading.answers[0], { status: 'PARTICIPANT_UNKNOWN', result: '{}' }] as never

const refusals: readonly (readonly [string, EndorsedAnswer, string])[] = [
  ['a second answer of one organisation', answer(peerA), 'ENDORSEMENT_QUORUM'],
  [
    'an answer of another result',
    answer(peerB, { answers: [...reading.answers].reverse() }),
    'ENDORSEMENT_DISAGREEMENT',
  ],
  // the peer
  ['an organisation that nobody knows', answer(unknown), 'ENDORSEMENT_SIGNATURE'],
  ['another authority under the organisation’s name', answer(pretending), 'ENDORSEMENT_SIGNATURE'],
  ['a peer of one organisation that speaks for another', answer(ofAnother), 'ENDORSEMENT_SIGNATURE'],
  ['a client’s certificate', answer(client), 'ENDORSEMENT_SIGNATURE'],
  ['an orderer’s certificate', answer(orderer), 'ENDORSEMENT_SIGNATURE'],
  ['a certificate that had ended', answer(ended), 'ENDORSEMENT_SIGNATURE'],
  ['a certificate that is not in force yet', answer(peerB, { timeMs: 1_000 }), 'ENDORSEMENT_SIGNATURE'],
  ['another key', answer(peerB, {}, { endorser: secondOfB.identity }), 'ENDORSEMENT_SIGNATURE'],
  [
    'a number of blocks that another peer named',
    answer(peerB, {}, { infoKey: secondOfB.key }),
    'ENDORSEMENT_SIGNATURE',
  ],
  ['an identity of two certificates', answer(peerB, {}, { endorser: twoPems }), 'ENDORSEMENT_MALFORMED'],
  [
    'a name of the chaincode that is no text',
    answer(peerB, {}, { ranChaincode: Uint8Array.of(0xff) }),
    'ENDORSEMENT_MALFORMED',
  ],
  ['an identity that is none', answer(peerB, {}, { endorser: bytesField(1, b.mspId) }), 'ENDORSEMENT_MALFORMED'],
  // the question
  ['another nonce', answer(peerB, { nonce: otherNonce }), 'ENDORSEMENT_NONCE'],
  ['another channel', answer(peerB, { channel: 'other' }), 'ENDORSEMENT_NONCE'],
  ['another chaincode', answer(peerB, { chaincode: 'other' }), 'ENDORSEMENT_NONCE'],
  ['the number of blocks of another channel', answer(peerB, {}, { infoChannel: 'other' }), 'ENDORSEMENT_NONCE'],
  ['a number of blocks from another chaincode', answer(peerB, {}, { infoChaincode: 'other' }), 'ENDORSEMENT_NONCE'],
  ['a response of another chaincode than asked', answer(peerB, {}, { ranChaincode: 'other' }), 'ENDORSEMENT_NONCE'],
  [
    'another function of the chaincode',
    answer(peerB, {}, { asked: { args: ['participant', 'x'] } }),
    'ENDORSEMENT_NONCE',
  ],
  ['a question that was not asked of the peer', answer(peerB, {}, { named: [query, query] }), 'ENDORSEMENT_NONCE'],
  [
    'a question without this one',
    answer(peerB, { queries: [other], answers: [{ status: 200, result: '{"a":1}' }] }),
    'ENDORSEMENT_NONCE',
  ],
  // the answer
  ['an answer that is too old', answer(peerB, { height: 4 }), 'ENDORSEMENT_STALE'],
  ['a peer without a block', answer(peerB, { height: -1 }), 'ENDORSEMENT_MALFORMED'],
  ['a response without success', answer(peerB, {}, { status: 500 }), 'ENDORSEMENT_MALFORMED'],
  ['a result of another form', answer(peerB, {}, { payload: '{"answers":[]}' }), 'ENDORSEMENT_MALFORMED'],
  ['fewer results than questions', answer(peerB, { answers: reading.answers.slice(1) }), 'ENDORSEMENT_MALFORMED'],
  ['a refusal with a result', answer(peerB, { answers: refusedWithResult }), 'ENDORSEMENT_MALFORMED'],
  [
    'bytes that are no answer',
    { answer: encodeCbor({ v: 2 }), signature: new Uint8Array(64) },
    'ENDORSEMENT_MALFORMED',
  ],
  ['an answer of an embedded ledger’s node', node, 'ENDORSEMENT_MALFORMED'],
]

for (const [what, second, code] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(() => verify(answer(peerA), second), { code })
  })
}

test('refused by a reader of an embedded ledger: the answer of a peer', () => {
  const nodes = [{ mspId: a.mspId, publicKey: crypto.importVerifyingKey(peerA.key.publicKey) }]
  const reader = new EndorsedReader(crypto, { channel: 'health', quorum: 1, nodes })
  assert.throws(() => reader.read({ query, nonce, minHeight: 0 }, [answer(peerA)]), { code: 'ENDORSEMENT_MALFORMED' })
})

test('a larger number of blocks cannot be put into an answer that was given before it', () => {
  const old = decodeFabricAnswer(answer(peerB, { height: 3 }).answer)
  const { signature } = answer(peerB, { height: 3 })
  const { chainInfo } = decodeFabricAnswer(answer(peerB, { height: 9 }).answer)
  const mixed = { answer: encodeFabricAnswer({ ...old, chainInfo }), signature }
  assert.throws(() => verify(answer(peerA), mixed), { name: 'LedgerError' })
  const resigned = { ...mixed, signature: crypto.sign(peerB.key, concat(old.response, old.endorser)) }
  assert.throws(() => verify(answer(peerA), resigned), { code: 'ENDORSEMENT_NONCE' })
})

test('any flipped bit of an answer or its signature is refused', () => {
  const good = answer(peerB)
  const first = answer(peerA)
  for (const part of ['answer', 'signature'] as const) {
    for (let i = 0; i < good[part].length; i++) {
      const changed = good[part].slice()
      changed[i] = (changed[i] as number) ^ 1
      assert.throws(() => verify(first, { ...good, [part]: changed }), { name: 'LedgerError' }, `${part} ${i}`)
    }
  }
})

test('an answer is checked anew for another nonce', () => {
  const reader = new EndorsedReader(crypto, trust)
  const answers = [answer(peerA), answer(peerB)]
  reader.read({ query, nonce, minHeight: 0 }, answers)
  assert.throws(() => reader.read({ query, nonce: otherNonce, minHeight: 0 }, answers), { code: 'ENDORSEMENT_NONCE' })
})

test('rows that serve several queries travel once', () => {
  const row = [answer(peerA), answer(peerB)]
  const lone = [answer(peerC)]
  const rows = [row, lone, row]
  const message = encodeEndorsedAnswers(rows)
  assert.deepEqual(decodeEndorsedAnswers(message), rows)
  assert.ok(message.length < row.concat(lone).reduce((sum, one) => sum + one.answer.length + 200, 0))
  assert.deepEqual(shareRows([row, lone]), { answers: [row, lone] })
  assert.deepEqual(shareRows(rows), { answers: [row, lone], rows: [0, 1, 0] })
  assert.throws(() => spreadRows({ answers: [row], rows: [1] }), { code: 'ENDORSEMENT_MALFORMED' })
})

test('a name of an organisation that no MSP has is no identity', () => {
  const endorser = bytesField(1, 'x y')
  assert.throws(() => verify(answer(peerA), answer(peerB, {}, { endorser })), { code: 'ENDORSEMENT_MALFORMED' })
})
