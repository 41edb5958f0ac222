/** Transactions with good signatures of everybody who signed them, and one thing wrong. Real ones: test/conformance/fabric. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { common } from '@hyperledger/fabric-protos'
import { concat } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  bytesField,
  elementField,
  encodeFabricProposal,
  type FabricTrust,
  numberField,
  proposalHash,
  serializeIdentity,
} from '../../../../shared/ledger-model/src/index.ts'
import { createConsortium, type TestOrganization } from '../../../../testkit/src/consortium.ts'
import { InsecureFabricPeer } from '../../../../testkit/src/fabric-peer.ts'
import { signForFabric, toFabricSignature } from './signatures.ts'
import { FabricTransactionVerifier } from './verify-transaction.ts'

const crypto = createNodeCrypto()
const channel = 'health'
const { organizations } = await createConsortium()
const [a, b] = organizations as [TestOrganization, TestOrganization]
const trust: FabricTrust = {
  chaincode: 'trusthealth',
  organizations: [a, b].map(({ mspId, authority }) => ({ mspId, roots: [authority.root] })),
}
const peers = await Promise.all([a, b].map(({ authority }) => InsecureFabricPeer.create(crypto, authority)))
const clientOfB = await InsecureFabricPeer.create(crypto, b.authority, { role: 'doctor', ref: `d-${'0'.repeat(32)}` })
const [peerA, peerB] = peers as [InsecureFabricPeer, InsecureFabricPeer]

interface Changes {
  readonly channel?: string
  /** Of the proposal, and of the result. */
  readonly chaincode?: string
  readonly answering?: string
  readonly endorsers?: readonly InsecureFabricPeer[]
  readonly proposalHash?: Uint8Array
  readonly actions?: number
  readonly txId?: string
}

function transaction(changes: Changes = {}): common.Envelope {
  const { chaincode = trust.chaincode, endorsers = peers, actions = 1 } = changes
  const proposal = encodeFabricProposal(crypto, {
    channel: changes.channel ?? channel,
    chaincode,
    creator: serializeIdentity(a.mspId, a.admin.cert),
    nonce: crypto.randomBytes(24),
    timeMs: Date.now(),
    args: ['suspendParticipant'],
  })
  const channelHeader =
    changes.txId === undefined ? proposal.channelHeader : replaced(proposal.channelHeader, proposal.txId, changes.txId)
  const hash = changes.proposalHash ?? proposalHash(crypto, { ...proposal, channelHeader })
  const result = concat(
    elementField(3, numberField(1, 200)),
    bytesField(4, bytesField(2, changes.answering ?? chaincode)),
  )
  const response = concat(bytesField(1, hash), bytesField(2, result))
  const endorsements = endorsers.map(({ identity, key }) =>
    elementField(2, concat(bytesField(1, identity), bytesField(2, signed(key, concat(response, identity))))),
  )
  const action = elementField(
    1,
    concat(
      bytesField(1, proposal.signatureHeader),
      bytesField(
        2,
        concat(bytesField(1, proposal.payload), bytesField(2, concat(bytesField(1, response), ...endorsements))),
      ),
    ),
  )
  const header = concat(bytesField(1, channelHeader), bytesField(2, proposal.signatureHeader))
  const payload = concat(
    elementField(1, header),
    bytesField(2, concat(...Array.from({ length: actions }, () => action))),
  )
  const envelope = new common.Envelope()
  envelope.setPayload(payload)
  envelope.setSignature(signed(a.admin.signingKey, payload))
  return envelope
}

function signed(key: Parameters<typeof signForFabric>[1], message: Uint8Array): Uint8Array {
  return toFabricSignature(signForFabric(crypto, key, message))
}

function replaced(bytes: Uint8Array, text: string, by: string): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(bytes).toString('latin1').replace(text, by), 'latin1'))
}

const check = (changes?: Changes) =>
  new FabricTransactionVerifier({ crypto, channel, trust }).check(transaction(changes))

test('a call that both organisations endorsed', () => {
  assert.equal(check()?.endorsements, 2)
  assert.equal(check({ endorsers: [peerA, peerA, peerB] })?.endorsements, 3)
})

test('an approval of the lifecycle needs one organisation', () => {
  assert.equal(check({ chaincode: '_lifecycle', endorsers: [peerA] })?.endorsements, 1)
})

test('refused, with every signature good', () => {
  const refused: Readonly<Record<string, Changes>> = {
    'one organisation': { endorsers: [peerA] },
    'one organisation, twice': { endorsers: [peerA, peerA] },
    nobody: { endorsers: [] },
    'a certificate that is not a peer’s': { endorsers: [peerA, clientOfB] },
    'nobody endorsed an approval': { chaincode: '_lifecycle', endorsers: [] },
    'a call of ours with a result of the lifecycle': { answering: '_lifecycle', endorsers: [peerA] },
    'a call of the lifecycle with a result of ours': {
      chaincode: '_lifecycle',
      answering: trust.chaincode,
      endorsers: [peerA],
    },
    'a result of another proposal': { proposalHash: new Uint8Array(32) },
    'two actions': { actions: 2 },
    'another channel': { channel: 'another' },
    'another number': { txId: 'f'.repeat(64) },
  }
  for (const [what, changes] of Object.entries(refused)) {
    assert.throws(() => check(changes), { name: 'LedgerError', code: 'LEDGER_BLOCK_INVALID' }, what)
  }
})

test('refused: another signature of the writer, and a writer who is no member', () => {
  const verifier = new FabricTransactionVerifier({ crypto, channel, trust })
  const envelope = transaction()
  envelope.setSignature(signed(b.admin.signingKey, envelope.getPayload_asU8()))
  assert.throws(() => verifier.check(envelope), { code: 'LEDGER_BLOCK_INVALID' })
  const strangers = { ...trust, organizations: trust.organizations.filter(({ mspId }) => mspId !== a.mspId) }
  const onlyB = new FabricTransactionVerifier({ crypto, channel, trust: strangers })
  assert.throws(() => onlyB.check(transaction()), { code: 'LEDGER_BLOCK_INVALID' })
})
