import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConsortium, issueCertificate, type TestIdentity } from '../../../testkit/src/consortium.ts'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { type ChainHead, type EncodedBlock, makeBlock } from './block.ts'
import { ChainVerifier } from './chain-verifier.ts'
import {
  type ChannelConfiguration,
  encodeConfiguration,
  encodeConfigurationUpdate,
  signConfiguration,
} from './configuration.ts'
import { type Proposal, signProposal } from './proposal.ts'
import { stateKeys } from './state-keys.ts'
import { encodeTransaction, type TransactionOutcome } from './transaction.ts'

const crypto = createNodeCrypto()
const consortium = await createConsortium({ names: ['OrgA', 'OrgB'] })
const { genesis, nodeKey, nowMs } = consortium
const [a, b] = consortium.organizations as [Organization, Organization]
type Organization = (typeof consortium.organizations)[number]
const timeMs = nowMs()

function update(configuration: ChannelConfiguration, ...signers: readonly TestIdentity[]): Uint8Array {
  const encoded = encodeConfiguration(configuration)
  const signatures = signers.map((signer) => signConfiguration(crypto, signer, encoded))
  return encodeConfigurationUpdate({ configuration: encoded, signatures })
}

interface Change {
  readonly proposal?: Partial<Proposal>
  readonly signedBy?: TestIdentity
  readonly outcome?: Partial<TransactionOutcome>
}

function transaction(by: TestIdentity, { proposal = {}, signedBy = by, outcome = {} }: Change = {}): Uint8Array {
  const { mspId, cert } = by
  const nonce = crypto.randomBytes(24)
  const whole = { channel: 'health', mspId, cert, nonce, timeMs, fn: 'query', args: ['x'], ...proposal }
  const signed = signProposal(crypto, signedBy.signingKey, whole)
  return encodeTransaction(signed, whole.args, { status: 'VALID', result: '', writes: [], event: null, ...outcome })
}

const block = (head: ChainHead | undefined, content: Partial<Parameters<typeof makeBlock>[3]>, key = nodeKey) =>
  makeBlock(crypto, key, head, { kind: 'data', timeMs, transactions: [], ...content })
const first = block(undefined, { kind: 'config', transactions: [update(genesis)] })

/** A reader that has seen the first block, and these data blocks after it. */
function reader(...before: readonly Uint8Array[][]) {
  const verifier = new ChainVerifier(crypto, genesis)
  let { head } = verifier.next(first.block)
  for (const transactions of before) {
    const made = block(head, { transactions })
    verifier.next(made.block)
    head = made.head
  }
  return { verifier, head }
}

const invalid = (number: number) => ({ name: 'LedgerError', code: 'LEDGER_BLOCK_INVALID', block: number })

function refusesFirst(made: { readonly block: EncodedBlock }): void {
  assert.throws(() => new ChainVerifier(crypto, genesis).next(made.block), invalid(0))
}

test('blocks of members are taken, and what they wrote is known', () => {
  const writes = [{ key: 'a', value: '{}' }]
  const { verifier } = reader([transaction(a.hospital, { outcome: { writes } })], [transaction(b.hospital)])
  assert.equal(verifier.head?.number, 2)
  assert.deepEqual(verifier.state.get('a')?.digest, crypto.sha256(new TextEncoder().encode('{}')))
  assert.equal(verifier.places.size, 2)
})

test('refused as a first block: an empty one, data, another genesis', () => {
  refusesFirst(block(undefined, { kind: 'config' }))
  refusesFirst(block(undefined, { transactions: [update(genesis)] }))
  refusesFirst(block(undefined, { kind: 'config', transactions: [update({ ...genesis, channel: 'other' })] }))
})

test('without a genesis of its own a reader takes the first block as it is', () => {
  const other = block(undefined, { kind: 'config', transactions: [update({ ...genesis, channel: 'other' })] })
  assert.equal(new ChainVerifier(crypto, undefined).next(other.block).head.number, 0)
})

test('refused: a transaction that its proposer did not propose here', async () => {
  const stranger = await issueCertificate(
    (await createConsortium({ names: ['OrgA'] })).organizations[0]!.authority,
    'member',
  )
  const ended = await issueCertificate(a.authority, 'member', { notBeforeMs: 0, notAfterMs: timeMs - 1_000 })
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ['for another channel', transaction(a.hospital, { proposal: { channel: 'other' } })],
    ['signed by another', transaction(a.hospital, { signedBy: b.hospital })],
    ['in the name of another organisation', transaction(a.hospital, { proposal: { mspId: b.mspId } })],
    ['of another authority', transaction(stranger)],
    ['with a certificate that had ended', transaction(ended)],
  ]
  for (const [what, bytes] of wrong) {
    const { verifier, head } = reader()
    const made = block(head, { transactions: [transaction(a.hospital), bytes] })
    assert.throws(() => verifier.next(made.block), invalid(1), what)
  }
})

test('refused: one transaction at two places', () => {
  const twice = transaction(a.hospital)
  const { verifier, head } = reader([twice])
  assert.throws(() => verifier.next(block(head, { transactions: [twice] }).block), invalid(2))
})

test('refused: a valid transaction of a certificate that was revoked before; a refused one may stand there', () => {
  const key = stateKeys.revokedCertificate(b.mspId, b.hospital.certSerial)
  const revocation = transaction(b.admin, { outcome: { writes: [{ key, value: '{}' }] } })
  const after = (change: Change) => {
    const { verifier, head } = reader([revocation])
    return () => verifier.next(block(head, { transactions: [transaction(b.hospital, change)] }).block)
  }
  assert.throws(after({}), invalid(2))
  assert.equal(after({ outcome: { status: 'MVCC_CONFLICT' } })().head.number, 2)
})

test('refused: another block than the one that was checked here before', () => {
  const { verifier, head } = reader()
  const [one, other] = [a.hospital, b.hospital].map((by) => block(head, { transactions: [transaction(by)] }))
  assert.throws(() => verifier.next(one!.block, other!.head.hash), invalid(1))
  assert.equal(verifier.next(one!.block, one!.head.hash).head.number, 1)
})

test('refused: a configuration that no majority signed, or that a revoked administrator signed; then its nodes do not count', () => {
  const nextNode = crypto.generateSigningKey()
  const next = { ...genesis, sequence: 1, nodes: [{ mspId: a.mspId, publicKey: nextNode.publicKey }] }
  const key = stateKeys.revokedCertificate(b.mspId, b.admin.certSerial)
  const revocation = transaction(b.admin, { outcome: { writes: [{ key, value: '{}' }] } })
  const configure = (before: readonly Uint8Array[][], ...signers: readonly TestIdentity[]) => {
    const { verifier, head } = reader(...before)
    const made = block(head, { kind: 'config', transactions: [update(next, ...signers)] })
    return { verifier, made, take: () => verifier.next(made.block) }
  }
  assert.throws(configure([], a.admin).take, invalid(1))
  assert.throws(configure([[revocation]], a.admin, b.admin).take, invalid(2))
  const { verifier, made, take } = configure([], a.admin, b.admin)
  take()
  assert.throws(() => verifier.next(block(made.head, { transactions: [transaction(a.hospital)] }).block), invalid(2))
  verifier.next(block(made.head, { transactions: [transaction(a.hospital)] }, nextNode).block)
})
