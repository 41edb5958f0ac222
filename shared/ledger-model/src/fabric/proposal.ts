/**
 * Fabric's proposals: one call of a chaincode function, in the one encoding that we write. A reader who knows what it
 * asked builds the same bytes again and compares their hash with the one that a peer signed, so that it parses no
 * question of others. Spec: docs/protocol/07-ledger.md §7.13.
 *
 * @see fabric-protos common/common.proto, peer/proposal.proto, peer/chaincode.proto, msp/identities.proto
 * @module
 */
import { concat, type Crypto, encodeHex, encodePem } from '../../../crypto/src/index.ts'
import type { MspId, TxId } from '../../../protocol/src/index.ts'
import { bytesField, elementField, numberField } from './wire.ts'

const ENDORSER_TRANSACTION = 3
/** The language of the chaincode, which no peer asks for: NODE. */
const CHAINCODE_TYPE = 2

export interface FabricProposal {
  readonly channel: string
  readonly chaincode: string
  /** SerializedIdentity of the creator: `serializeIdentity`. */
  readonly creator: Uint8Array
  /** 24 random bytes, never used twice by one creator. */
  readonly nonce: Uint8Array
  /** Unix ms by the creator's clock; the time of the transaction. */
  readonly timeMs: number
  /** The name of the function first. */
  readonly args: readonly string[]
}

/** The three parts over which a peer computes the hash that it signs. */
export interface EncodedFabricProposal {
  readonly txId: TxId
  readonly channelHeader: Uint8Array
  readonly signatureHeader: Uint8Array
  readonly payload: Uint8Array
}

/** @param cert DER. */
export function serializeIdentity(mspId: MspId, cert: Uint8Array): Uint8Array {
  return concat(bytesField(1, mspId), bytesField(2, encodePem('CERTIFICATE', cert)))
}

/** hex SHA-256(nonce ‖ creator). */
export function fabricTxId(crypto: Crypto, { nonce, creator }: Pick<FabricProposal, 'nonce' | 'creator'>): TxId {
  return encodeHex(crypto.sha256(nonce, creator)) as TxId
}

export function encodeFabricProposal(crypto: Crypto, proposal: FabricProposal): EncodedFabricProposal {
  const { channel, chaincode, creator, nonce, timeMs, args } = proposal
  const txId = fabricTxId(crypto, proposal)
  const chaincodeId = bytesField(2, chaincode)
  const input = concat(...args.map((argument) => elementField(1, argument)))
  const spec = concat(numberField(1, CHAINCODE_TYPE), elementField(2, chaincodeId), elementField(3, input))
  return {
    txId,
    channelHeader: concat(
      numberField(1, ENDORSER_TRANSACTION),
      elementField(3, timestamp(timeMs)),
      bytesField(4, channel),
      bytesField(5, txId),
      bytesField(7, elementField(2, chaincodeId)),
    ),
    signatureHeader: concat(bytesField(1, creator), bytesField(2, nonce)),
    payload: bytesField(1, elementField(1, spec)),
  }
}

/** The message that the creator signs and sends (`Proposal`). */
export function proposalMessage({ channelHeader, signatureHeader, payload }: EncodedFabricProposal): Uint8Array {
  const header = concat(bytesField(1, channelHeader), bytesField(2, signatureHeader))
  return concat(elementField(1, header), bytesField(2, payload))
}

/** 32 bytes: what peers sign of a proposal. */
export function proposalHash(crypto: Crypto, proposal: EncodedFabricProposal): Uint8Array {
  return crypto.sha256(proposal.channelHeader, proposal.signatureHeader, proposal.payload)
}

function timestamp(timeMs: number): Uint8Array {
  const seconds = Math.floor(timeMs / 1_000)
  return concat(numberField(1, seconds), numberField(2, (timeMs - seconds * 1_000) * 1_000_000))
}
