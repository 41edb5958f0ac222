/** Our encoding of proposals against Fabric's own messages, as a referee. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { common, msp, peer } from '@hyperledger/fabric-protos'
import { decodeUtf8, encodePem } from '../../../crypto/src/index.ts'
import { createNodeCrypto } from '../../../crypto/src/node-crypto.ts'
import type { MspId } from '../../../protocol/src/index.ts'
import { encodeFabricProposal, proposalHash, proposalMessage, serializeIdentity } from './proposal.ts'

const crypto = createNodeCrypto()
const creator = serializeIdentity('HospitalA' as MspId, new Uint8Array(300).fill(7))
const nonce = crypto.randomBytes(24)
const args = ['reads:answer', 'a'.repeat(64), '', 'ü']
const proposal = { channel: 'health', chaincode: 'trusthealth', creator, nonce, timeMs: 1_900_000_000_123, args }
const encoded = encodeFabricProposal(crypto, proposal)

test('Fabric reads what we write', () => {
  const message = peer.Proposal.deserializeBinary(proposalMessage(encoded))
  const header = common.Header.deserializeBinary(message.getHeader_asU8())
  assert.deepEqual(header.getChannelHeader_asU8(), encoded.channelHeader)
  assert.deepEqual(header.getSignatureHeader_asU8(), encoded.signatureHeader)
  const channelHeader = common.ChannelHeader.deserializeBinary(encoded.channelHeader)
  assert.equal(channelHeader.getType(), common.HeaderType.ENDORSER_TRANSACTION)
  assert.equal(channelHeader.getChannelId(), 'health')
  assert.equal(channelHeader.getTimestamp()?.toDate().getTime(), proposal.timeMs)
  const txId = createHash('sha256').update(nonce).update(creator).digest('hex')
  assert.deepEqual([channelHeader.getTxId(), encoded.txId], [txId, txId])
  const extension = peer.ChaincodeHeaderExtension.deserializeBinary(channelHeader.getExtension_asU8())
  assert.equal(extension.getChaincodeId()?.getName(), 'trusthealth')
  const signatureHeader = common.SignatureHeader.deserializeBinary(encoded.signatureHeader)
  assert.deepEqual(signatureHeader.getCreator_asU8(), creator)
  assert.deepEqual(signatureHeader.getNonce_asU8(), nonce)
  const payload = peer.ChaincodeProposalPayload.deserializeBinary(message.getPayload_asU8())
  const spec = peer.ChaincodeInvocationSpec.deserializeBinary(payload.getInput_asU8()).getChaincodeSpec()
  assert.equal(spec?.getChaincodeId()?.getName(), 'trusthealth')
  assert.deepEqual(spec?.getInput()?.getArgsList_asU8().map(decodeUtf8), args)
})

test('the payload that a peer hashes is the one we hash: Fabric encodes it again without the transient part', () => {
  const payload = peer.ChaincodeProposalPayload.deserializeBinary(encoded.payload)
  payload.getTransientmapMap().clear()
  assert.deepEqual(payload.serializeBinary(), encoded.payload)
  const hash = createHash('sha256')
  for (const part of [encoded.channelHeader, encoded.signatureHeader, encoded.payload]) hash.update(part)
  assert.deepEqual(proposalHash(crypto, encoded), new Uint8Array(hash.digest()))
})

test('an identity is what Fabric makes of it', () => {
  const identity = msp.SerializedIdentity.deserializeBinary(creator)
  assert.equal(identity.getMspid(), 'HospitalA')
  const pem = Buffer.from(identity.getIdBytes_asU8()).toString()
  assert.equal(pem, encodePem('CERTIFICATE', new Uint8Array(300).fill(7)))
})
