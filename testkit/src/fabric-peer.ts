/**
 * A peer of Fabric for tests of what readers accept: signs what it is told to, in the form of a real one. It runs no
 * chaincode and has no ledger; a test decides what it says, and what is wrong with it.
 *
 * @module
 */
import { concat, type Crypto, encodeUtf8, type SigningKey } from '../../shared/crypto/src/index.ts'
import {
  bytesField,
  CHAIN_INFO_FUNCTION,
  elementField,
  encodeFabricAnswer,
  encodeFabricProposal,
  encodeReads,
  encodeReadsAnswer,
  numberField,
  proposalHash,
  QUERY_CHAINCODE,
  readLink,
  READS_FUNCTION,
  serializeIdentity,
  type EndorsedAnswer,
  type EndorsedQuery,
  type FabricProposal,
  type ReadResult,
} from '../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'
import type { CertificateAuthority, CertificateSubjectInput } from '../../hospital/src/certificate-authority.ts'

/** One question and what the peer says to it. */
export interface PeerReading {
  readonly channel: string
  readonly chaincode: string
  readonly nonce: Uint8Array
  readonly queries: readonly EndorsedQuery[]
  readonly answers: readonly ReadResult[]
  /** Number of its newest block. */
  readonly height: number
  /** Unix ms, by the clock of its chaincode. */
  readonly timeMs: number
}

/** What a peer that lies, or whoever carries its answers, makes different. */
export interface PeerFaults {
  /** Signs the number of blocks. */
  readonly infoKey?: SigningKey
  readonly infoChannel?: string
  readonly infoChaincode?: string
  /** Of the results: what the proposal names. */
  readonly asked?: Partial<FabricProposal>
  /** What the response says that ran. */
  readonly ranChaincode?: string | Uint8Array
  readonly status?: number
  /** In place of the results. */
  readonly payload?: string
  /** In place of the question that the answer names. */
  readonly named?: readonly EndorsedQuery[]
  /** In place of its identity. */
  readonly endorser?: Uint8Array
}

export class InsecureFabricPeer {
  readonly mspId: MspId
  readonly key: SigningKey
  /** SerializedIdentity. */
  readonly identity: Uint8Array
  readonly #crypto: Crypto

  private constructor(crypto: Crypto, mspId: MspId, key: SigningKey, cert: Uint8Array) {
    this.#crypto = crypto
    this.mspId = mspId
    this.key = key
    this.identity = serializeIdentity(mspId, cert)
  }

  /** @param subject other than a peer's, in force now. @param mspId other than the authority's. */
  static async create(
    crypto: Crypto,
    authority: CertificateAuthority,
    subject: Partial<CertificateSubjectInput> = {},
    mspId = authority.mspId as MspId,
  ): Promise<InsecureFabricPeer> {
    const key = crypto.generateSigningKey()
    const { chain } = await authority.issue({ role: 'peer', ref: 'peer0', publicKey: key.publicKey, ...subject })
    return new InsecureFabricPeer(crypto, mspId, key, chain[0])
  }

  answer(reading: PeerReading, faults: PeerFaults = {}): EndorsedAnswer {
    const { channel, chaincode, nonce, queries, answers, height, timeMs } = reading
    const crypto = this.#crypto
    const { endorser = this.identity } = faults
    const creator = serializeIdentity(this.mspId, new Uint8Array(64))
    const info: FabricProposal = {
      channel,
      chaincode: faults.infoChaincode ?? QUERY_CHAINCODE,
      creator,
      nonce: crypto.randomBytes(24),
      timeMs,
      args: [CHAIN_INFO_FUNCTION, faults.infoChannel ?? channel],
    }
    const infoResponse = this.#respond(info, numberField(1, height + 1))
    const asked: FabricProposal = {
      channel,
      chaincode,
      creator,
      nonce: crypto.randomBytes(24),
      timeMs,
      args: [READS_FUNCTION, readLink(crypto, nonce, infoResponse), encodeReads(queries)],
      ...faults.asked,
    }
    const payload = faults.payload ?? encodeReadsAnswer({ timeMs, answers })
    const response = this.#respond(asked, encodeUtf8(payload), faults)
    const answer = encodeFabricAnswer({
      endorser,
      creator,
      chainInfo: {
        nonce: info.nonce,
        timeMs,
        response: infoResponse,
        signature: crypto.sign(faults.infoKey ?? this.key, concat(infoResponse, endorser)),
      },
      asked: { nonce: asked.nonce, timeMs: asked.timeMs },
      queries: faults.named ?? queries,
      response,
    })
    return { answer, signature: crypto.sign(this.key, concat(response, endorser)) }
  }

  /** ProposalResponsePayload. */
  #respond(proposal: FabricProposal, payload: Uint8Array, faults: PeerFaults = {}): Uint8Array {
    const ran = faults.ranChaincode ?? proposal.chaincode
    const action = concat(
      bytesField(1, 'what was read'),
      elementField(3, concat(numberField(1, faults.status ?? 200), bytesField(3, payload))),
      elementField(4, concat(bytesField(2, ran), bytesField(3, '1.0'))),
    )
    const hash = proposalHash(this.#crypto, encodeFabricProposal(this.#crypto, proposal))
    return concat(bytesField(1, hash), bytesField(2, action))
  }
}
