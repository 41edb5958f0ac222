/**
 * One transaction of Fabric that counts, checked from its bytes: its number and channel, its writer's certificate and
 * signature, and that peers of more than half of the organisations signed the same result of the same proposal.
 *
 * @module
 */
import { common, msp, peer } from '@hyperledger/fabric-protos'
import { concat, type Crypto, encodeHex, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  type FabricTrust,
  LedgerError,
  MemberCache,
  type Organization,
} from '../../../../shared/ledger-model/src/index.ts'
import { isSignedBy } from './signed-by.ts'

const PEER_UNIT = 'peer'
/** Fabric's own chaincode for definitions: an approval needs a peer of its own organisation only. */
const LIFECYCLE = '_lifecycle'
const EMPTY = new Uint8Array(0)

export interface VerifiedTransaction {
  readonly txId: string
  /** Good signatures of peers. */
  readonly endorsements: number
}

export interface FabricTransactionOptions {
  readonly crypto: Crypto
  readonly channel: string
  readonly trust: FabricTrust
}

export class FabricTransactionVerifier {
  #options: FabricTransactionOptions
  readonly #members: MemberCache

  constructor(options: FabricTransactionOptions) {
    this.#options = options
    this.#members = new MemberCache(options.crypto)
  }

  /** From the next transaction on these are the members. */
  trust(organizations: readonly Organization[]): void {
    this.#options = { ...this.#options, trust: { ...this.#options.trust, organizations } }
  }

  /**
   * @returns undefined for an envelope that is no call of a chaincode.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID`
   */
  check(envelope: common.Envelope): VerifiedTransaction | undefined {
    const { crypto, channel, trust } = this.#options
    const payloadBytes = envelope.getPayload_asU8()
    const payload = common.Payload.deserializeBinary(payloadBytes)
    const header = payload.getHeader()
    const channelHeader = common.ChannelHeader.deserializeBinary(header?.getChannelHeader_asU8() ?? EMPTY)
    const type: number = channelHeader.getType()
    if (type !== common.HeaderType.ENDORSER_TRANSACTION) return undefined
    const signatureHeader = common.SignatureHeader.deserializeBinary(header?.getSignatureHeader_asU8() ?? EMPTY)
    const creator = signatureHeader.getCreator_asU8()
    const txId = encodeHex(crypto.sha256(signatureHeader.getNonce_asU8(), creator))
    if (channelHeader.getChannelId() !== channel || channelHeader.getTxId() !== txId) {
      throw invalid('a transaction of another place')
    }
    const atMs = channelHeader.getTimestamp()?.toDate().getTime() ?? 0
    const members = { crypto, cache: this.#members, configuration: trust, atMs }
    if (!isSignedBy(members, creator, payloadBytes, envelope.getSignature_asU8())) {
      throw invalid('a transaction that no member signed')
    }
    const extension = peer.ChaincodeHeaderExtension.deserializeBinary(channelHeader.getExtension_asU8())
    const called = extension.getChaincodeId()?.getName() ?? ''
    return { txId, endorsements: this.#checkEndorsements(payload, called, atMs) }
  }

  /** @param called name of the chaincode in the header. @returns good signatures */
  #checkEndorsements(payload: common.Payload, called: string, atMs: number): number {
    const { crypto, trust } = this.#options
    const header = payload.getHeader()
    const [action, ...others] = peer.Transaction.deserializeBinary(payload.getData_asU8()).getActionsList()
    const actionPayload = peer.ChaincodeActionPayload.deserializeBinary(action?.getPayload_asU8() ?? EMPTY)
    const endorsed = actionPayload.getAction()
    const response = endorsed?.getProposalResponsePayload_asU8() ?? EMPTY
    const proposal = crypto.sha256(
      header?.getChannelHeader_asU8() ?? EMPTY,
      header?.getSignatureHeader_asU8() ?? EMPTY,
      actionPayload.getChaincodeProposalPayload_asU8(),
    )
    const answered = peer.ProposalResponsePayload.deserializeBinary(response)
    if (others.length > 0 || !equalBytes(answered.getProposalHash_asU8(), proposal)) {
      throw invalid('a result of another proposal')
    }
    const peers = { crypto, cache: this.#members, configuration: trust, unit: PEER_UNIT, atMs }
    const good = (endorsed?.getEndorsementsList() ?? []).filter((one) => {
      const endorser = one.getEndorser_asU8()
      return isSignedBy(peers, endorser, concat(response, endorser), one.getSignature_asU8())
    })
    const organizations = new Set(
      good.map((one) => msp.SerializedIdentity.deserializeBinary(one.getEndorser_asU8()).getMspid()),
    )
    const answering = peer.ChaincodeAction.deserializeBinary(answered.getExtension_asU8()).getChaincodeId()?.getName()
    const isLifecycle = called === LIFECYCLE && answering === LIFECYCLE
    const least = isLifecycle ? 1 : Math.floor(trust.organizations.length / 2) + 1
    if (organizations.size < least) throw invalid('too few organisations endorsed a result')
    return good.length
  }
}

function invalid(why: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', why)
}
