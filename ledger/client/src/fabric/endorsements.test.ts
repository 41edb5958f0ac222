/** Who is asked for an endorsement, and which answers make a transaction. With real networks: the *.fabric.test.ts files. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { common, gateway, peer as protos } from '@hyperledger/fabric-protos'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { encodeFabricProposal, LedgerError, type LedgerErrorCode } from '../../../../shared/ledger-model/src/index.ts'
import { mspIdShape } from '../../../../shared/protocol/src/index.ts'
import { Endorsements } from './endorsements.ts'
import type { PeerConnection, PeerQuestion } from './peer-connection.ts'
import { PeerPool } from './peer-pool.ts'
import type { LedgerIdentity } from '../port.ts'

const crypto = createNodeCrypto()
const never = new Promise<string>(() => undefined)
const encoded = encodeFabricProposal(crypto, {
  channel: 'health',
  chaincode: 'trusthealth',
  creator: Uint8Array.of(1),
  nonce: new Uint8Array(24),
  timeMs: 1,
  args: ['commit', 'x'],
})

/** One peer of each organisation A, B, C…, the client's own first: what it answers, or the code with which it refuses. */
function channelOf(...answers: readonly (string | Promise<string>)[]) {
  const asked: string[] = []
  const peers = answers.map((_, i) => {
    const mspId = `Org${String.fromCodePoint(65 + i)}`
    return {
      node: { mspId, endpoint: mspId },
      question: () => ({ encoded, message: encodeUtf8('proposal'), signature: encodeUtf8('signed') }),
      gateway: () => ({ newSignedProposal: offered(mspId.slice(3)) }),
      send: async (question: PeerQuestion) => {
        assert.equal(question.encoded, encoded)
        asked.push(mspId.slice(3))
        const answer = (await answers[i]) as string
        if (answer.startsWith('LEDGER_')) throw new LedgerError(answer as LedgerErrorCode, 'as the test wants')
        return {
          response: encodeUtf8(answer),
          endorser: encodeUtf8(mspId.slice(3)),
          signature: encodeUtf8(`by ${mspId.slice(3)}`),
        }
      },
    }
  })
  const pool = new PeerPool(peers as unknown as PeerConnection[], mspIdShape('OrgA', 'mspId'))
  const endorsements = new Endorsements(pool, 1_000)
  const endorse = async () => {
    const { payload } = await endorsements.endorse(undefined as unknown as LedgerIdentity, { chaincode: '', args: [] })
    return endorsersOf(payload)
  }
  return { asked, endorsements, endorse }
}

/** The gateway of a peer: gives a transaction that is one in name only. */
const offered = (name: string) => (proposed: Uint8Array, signature: Uint8Array) => {
  const read = gateway.ProposedTransaction.deserializeBinary(proposed)
  assert.equal(read.getTransactionId(), encoded.txId)
  assert.deepEqual(read.getProposal()?.getProposalBytes_asU8(), encodeUtf8('proposal'))
  assert.deepEqual(signature, encodeUtf8('signed'))
  const envelope = new common.Envelope()
  envelope.setPayload(encodeUtf8(`gateway of ${name}`))
  const prepared = new gateway.PreparedTransaction()
  prepared.setEnvelope(envelope)
  return { endorse: () => Promise.resolve({ getBytes: () => prepared.serializeBinary() }) }
}

/** As Fabric reads it. */
function endorsersOf(payload: Uint8Array): string {
  const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes)
  if (text(payload).startsWith('gateway')) return text(payload)
  const read = common.Payload.deserializeBinary(payload)
  assert.deepEqual(read.getHeader()?.getChannelHeader_asU8(), encoded.channelHeader)
  assert.deepEqual(read.getHeader()?.getSignatureHeader_asU8(), encoded.signatureHeader)
  const [action] = protos.Transaction.deserializeBinary(read.getData_asU8()).getActionsList()
  assert.deepEqual(action?.getHeader_asU8(), encoded.signatureHeader)
  const called = protos.ChaincodeActionPayload.deserializeBinary(action?.getPayload_asU8() ?? new Uint8Array())
  assert.deepEqual(called.getChaincodeProposalPayload_asU8(), encoded.payload)
  const endorsed = called.getAction()
  const endorsers = endorsed?.getEndorsementsList() ?? []
  for (const one of endorsers) assert.equal(text(one.getSignature_asU8()), `by ${text(one.getEndorser_asU8())}`)
  const who = endorsers.map((one) => text(one.getEndorser_asU8()))
  return `${text(endorsed?.getProposalResponsePayload_asU8())} ${who.toSorted().join('')}`
}

test('a majority is asked, the own organisation always, the others in turn', async () => {
  const { asked, endorse } = channelOf('yes', 'yes', 'yes')
  assert.equal(await endorse(), 'yes AB')
  assert.equal(await endorse(), 'yes AC')
  assert.deepEqual(asked, ['A', 'B', 'A', 'C'])
})

test('two of two', async () => {
  assert.equal(await channelOf('yes', 'yes').endorse(), 'yes AB')
  await assert.rejects(channelOf('yes', 'LEDGER_UNAVAILABLE').endorse(), { code: 'LEDGER_UNAVAILABLE' })
  await assert.rejects(channelOf('yes', 'LEDGER_FORBIDDEN').endorse(), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(channelOf('yes', 'no').endorse(), { code: 'LEDGER_BUSY' })
})

test('an organisation that is away, refuses, or says something else is replaced by another', async () => {
  for (const other of ['LEDGER_UNAVAILABLE', 'LEDGER_BUSY', 'LEDGER_FORBIDDEN', 'no']) {
    assert.equal(await channelOf('yes', other, 'yes').endorse(), 'yes AC')
    assert.equal(await channelOf(other, 'yes', 'yes').endorse(), 'yes BC')
  }
})

test('refused: a majority cannot be had; a refusal says more than who is away', async () => {
  await assert.rejects(channelOf('LEDGER_FORBIDDEN', 'LEDGER_FORBIDDEN', 'yes').endorse(), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(channelOf('LEDGER_UNAVAILABLE', 'yes', 'LEDGER_CONFLICT').endorse(), { code: 'LEDGER_CONFLICT' })
  await assert.rejects(channelOf('a', 'b', 'c').endorse(), { code: 'LEDGER_BUSY' })
})

test('an organisation whose peer takes the proposal and never answers is replaced, and asked last from then on', async () => {
  const { asked, endorse } = channelOf('yes', never, 'yes')
  assert.equal(await endorse(), 'yes AC')
  assert.deepEqual(asked, ['A', 'B', 'C'])
  assert.equal(await endorse(), 'yes AC')
  assert.deepEqual(asked, ['A', 'B', 'C', 'A', 'C'])
  assert.equal(await channelOf(never, 'yes', 'yes').endorse(), 'yes BC')
})

test('a channel with more organisations than the profile knows of wants more; where too few are known, a gateway chooses', async () => {
  const { endorse, endorsements, asked } = channelOf('yes', 'yes', 'yes')
  endorsements.membersChanged(4)
  assert.equal(await endorse(), 'yes ABC')
  endorsements.membersChanged(6)
  assert.equal(await endorse(), 'gateway of A')
  endorsements.membersChanged(3)
  assert.equal((await endorse()).length, 'yes AB'.length)
  assert.equal(asked.length, 3 + 2)
})

test('where a majority was not enough a gateway chooses, until the members change', async () => {
  const { endorse, endorsements } = channelOf('yes', 'yes')
  endorsements.majorityWasNotEnough()
  assert.equal(await endorse(), 'gateway of A')
  endorsements.membersChanged()
  assert.equal(await endorse(), 'yes AB')
})
