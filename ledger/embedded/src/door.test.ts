/** What the node refuses before a contract function runs (docs/protocol/07-ledger.md §7.1, §7.5). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  decodeEndorsedContent,
  MAX_PROPOSAL_SKEW_MS,
  type Proposal,
  type Query,
  type SignedProposal,
  signQuery,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { createOrganization, issueCertificate, registrationOf } from '../../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'
import type { LedgerIdentity } from '../../client/src/port.ts'

const crypto = createNodeCrypto()
let clockMs = Date.now()
let world: Awaited<ReturnType<typeof openTestNode>>

before(async () => {
  world = await openTestNode({ nowMs: () => clockMs })
})
after(() => world.close())

/** A call that would be taken: the hospital's registration. */
const call = () => ({ fn: 'registerParticipant', args: [JSON.stringify(registrationOf(world.a.hospital))] })
const propose = (change: Partial<Proposal> = {}, identity: LedgerIdentity = world.a.admin) =>
  proposalOf(world.consortium, identity, { ...call(), ...change })
const refused = (code: string, signed: SignedProposal, what?: string) =>
  assert.rejects(world.node.submit(signed), { name: 'LedgerError', code }, what)

test('a good proposal is taken', async () => {
  const { block, index } = await world.node.submit(propose())
  assert.deepEqual([block, index], [world.node.height, 0])
})

test('refused: bytes that are no proposal, a function that only reads', async () => {
  const { signature } = propose()
  await refused('LEDGER_BAD_PROPOSAL', { proposal: Uint8Array.of(1, 2), signature })
  await refused('LEDGER_BAD_PROPOSAL', propose({ fn: 'participant', args: [world.a.hospital.ref] }))
})

test('refused: another channel', async () => {
  await refused('LEDGER_WRONG_CHANNEL', propose({ channel: 'other' }))
})

test('refused: certificates of no member, of another organisation, not yet or no longer valid, without form', async () => {
  const { a, b } = world
  const stranger = await createOrganization('HospitalA')
  const late = await issueCertificate(a.authority, 'admin', { notBeforeMs: clockMs + 60_000 })
  const ended = await issueCertificate(a.authority, 'admin', { notBeforeMs: 1_000, notAfterMs: clockMs - 60_000 })
  await refused('LEDGER_IDENTITY_REJECTED', propose({}, stranger.admin), 'the same name, another authority')
  await refused('LEDGER_IDENTITY_REJECTED', propose({ mspId: b.mspId }), 'the name of another organisation')
  await refused('LEDGER_IDENTITY_REJECTED', propose({ mspId: 'Nobody' as MspId }), 'no organisation')
  await refused('LEDGER_IDENTITY_REJECTED', propose({}, late), 'not yet valid')
  await refused('LEDGER_IDENTITY_REJECTED', propose({}, ended), 'ended')
  await refused('LEDGER_IDENTITY_REJECTED', propose({ cert: Uint8Array.of(1) }), 'no certificate')
  await refused('LEDGER_IDENTITY_REJECTED', propose({ cert: a.authority.root }), 'the root itself')
})

test('a certificate that ends is refused from then on, although it was known', async () => {
  const startMs = clockMs
  const short = await issueCertificate(world.a.authority, 'admin', { notAfterMs: startMs + 10_000 })
  await world.node.submit(propose({}, short))
  clockMs = startMs + 11_000
  await refused('LEDGER_IDENTITY_REJECTED', propose({}, short))
  clockMs = startMs
})

test('refused: a signature of another key, over another proposal, or changed', async () => {
  const { a, b } = world
  await refused('LEDGER_SIGNATURE_INVALID', propose({}, { ...a.admin, signingKey: b.admin.signingKey }))
  await refused('LEDGER_SIGNATURE_INVALID', { ...propose(), signature: propose().signature })
  const signed = propose()
  const signature = signed.signature.slice()
  signature[63] = (signature[63] as number) ^ 1
  await refused('LEDGER_SIGNATURE_INVALID', { ...signed, signature })
})

test('refused: a proposal that is too old or from the future; at the limit it is taken', async () => {
  const { node } = world
  await refused('LEDGER_STALE_PROPOSAL', propose({ timeMs: clockMs - MAX_PROPOSAL_SKEW_MS - 1 }))
  await refused('LEDGER_STALE_PROPOSAL', propose({ timeMs: clockMs + MAX_PROPOSAL_SKEW_MS + 1 }))
  await node.submit(propose({ timeMs: clockMs + MAX_PROPOSAL_SKEW_MS }))
})

test('a proposal that is in a block answers its status later too, when a new one would be refused', async () => {
  const startMs = clockMs
  const signed = propose()
  const first = await world.node.submit(signed)
  clockMs = startMs + 10 * MAX_PROPOSAL_SKEW_MS
  assert.deepEqual(await world.node.submit(signed), first)
  clockMs = startMs
})

test('refused: a nonce that was used for another proposal', async () => {
  const nonce = crypto.randomBytes(24)
  await world.node.submit(propose({ nonce }))
  await refused('LEDGER_BAD_PROPOSAL', propose({ nonce, fn: 'renewParticipant' }))
  const together = [propose({ nonce: new Uint8Array(24) }), propose({ nonce: new Uint8Array(24), timeMs: clockMs + 1 })]
  const outcomes = await Promise.allSettled(together.map((signed) => world.node.submit(signed)))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
})

test('refused while too many wait; the next ones are taken again', async () => {
  const { node, consortium, a, close } = await openTestNode({ maxWaiting: 2 })
  const registration = (identity: Parameters<typeof registrationOf>[0]) => {
    const args = [JSON.stringify(registrationOf(identity))]
    return proposalOf(consortium, a.admin, { fn: 'registerParticipant', args })
  }
  await node.submit(registration(a.hospital))
  const doctors = [1, 2, 3].map(() => issueCertificate(a.authority, 'doctor'))
  const signed = (await Promise.all(doctors)).map(registration)
  const settled = await Promise.allSettled(signed.map((one) => node.submit(one)))
  const codes = settled.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'ok'))
  assert.deepEqual(codes, ['ok', 'ok', 'LEDGER_BUSY'])
  await node.submit(signed[2] as SignedProposal)
  close()
})

function query(change: Partial<Query> = {}, identity: LedgerIdentity = world.a.admin) {
  const { mspId, cert, signingKey } = identity
  const queries = [{ fn: 'participant', args: [world.a.hospital.ref] }]
  const nonce = crypto.randomBytes(32)
  const content = { channel: world.consortium.channel, mspId, cert, timeMs: clockMs, nonce, queries, ...change }
  return signQuery(crypto, signingKey, content)
}

test('refused: queries of another channel, of nobody, unsigned, stale, for functions that write', async () => {
  const { node, a, b } = world
  const cases: [string, ReturnType<typeof query>][] = [
    ['LEDGER_WRONG_CHANNEL', query({ channel: 'other' })],
    ['LEDGER_IDENTITY_REJECTED', query({ mspId: b.mspId })],
    ['LEDGER_SIGNATURE_INVALID', query({}, { ...a.admin, signingKey: b.admin.signingKey })],
    ['LEDGER_STALE_PROPOSAL', query({ timeMs: clockMs - MAX_PROPOSAL_SKEW_MS - 1 })],
    ['LEDGER_BAD_PROPOSAL', query({ queries: [call()] })],
    ['LEDGER_BAD_PROPOSAL', { ...query(), query: Uint8Array.of(1) }],
  ]
  for (const [code, signed] of cases) await assert.rejects(node.answer(signed), { code })
})

test('a query that a revoked certificate signed is answered with the refusal', async () => {
  const { node, consortium, a } = world
  const lost = await issueCertificate(a.authority, 'auditor')
  const args = [lost.certSerial, 'lost']
  await node.submit(proposalOf(consortium, a.admin, { fn: 'revokeCertificate', args }))
  const [[answer] = []] = await node.answer(query({}, lost))
  assert.ok(answer !== undefined)
  assert.equal(decodeEndorsedContent(answer.answer).status, 'LEDGER_IDENTITY_REJECTED')
})
