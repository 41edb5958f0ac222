/**
 * Endorsed reads on Fabric: what one peer signed in answer to one question, checked from its bytes alone.
 * Spec: docs/protocol/07-ledger.md §7.13; why it is so: docs/decisions/0010-endorsed-reads-on-fabric.md.
 *
 * An answer holds two responses of one peer. The first names the number of blocks that the peer had; the second, to a
 * question that names the first, has the results. So they were read after that many blocks, whoever carried them.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  CryptoError,
  decodePem,
  decodeUtf8,
  equalBytes,
  type VerifyingKey,
} from '../../../crypto/src/index.ts'
import { bytes, encodeCbor, list, literal, type MspId, mspIdShape, struct, uint } from '../../../protocol/src/index.ts'
import { decodeAs, refuseAs } from '../decode.ts'
import { LedgerError } from '../errors.ts'
import { MAX_ENDORSED_ANSWER_BYTES, MAX_QUERIES, PROPOSAL_NONCE_BYTES } from '../limits.ts'
import type { Organization } from '../member.ts'
import { MemberCache } from '../member-cache.ts'
import { argumentsShape, functionNameShape } from '../proposal.ts'
import type { EndorsedQuery } from '../query.ts'
import type { ReadResult } from '../read-status.ts'
import { encodeFabricProposal, proposalHash } from './proposal.ts'
import {
  CHAIN_INFO_FUNCTION,
  decodeReadsAnswer,
  encodeReads,
  QUERY_CHAINCODE,
  readLink,
  READS_FUNCTION,
} from './reads.ts'
import { WireMessage } from './wire.ts'

/** Organisational unit with which Fabric marks peers (NodeOUs). */
const PEER_UNIT = 'peer'
const OK = 200
const MAX_IDENTITY_BYTES = 16_384
const MAX_CHAIN_INFO_BYTES = 4_096

/** Whom a reader believes on Fabric. */
export interface FabricTrust {
  /** Name of the chaincode on the channel. */
  readonly chaincode: string
  readonly organizations: readonly Organization[]
}

/** A proposal as its answer names it: the rest the reader knows or computes. */
export interface AskedProposal {
  /** 24 bytes. */
  readonly nonce: Uint8Array
  readonly timeMs: number
}

/** What one peer signed: the response's payload, with the signature over it and the peer's identity. */
export interface SignedResponse {
  readonly response: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
}

/** All that is in one answer, besides the signature of the results. */
export interface FabricAnswer {
  /** SerializedIdentity of the peer, which signed both responses. */
  readonly endorser: Uint8Array
  /** SerializedIdentity of whoever asked. */
  readonly creator: Uint8Array
  readonly chainInfo: AskedProposal & SignedResponse
  readonly asked: AskedProposal
  readonly queries: readonly EndorsedQuery[]
  /** ProposalResponsePayload. */
  readonly response: Uint8Array
}

/** What a peer vouches for. */
export interface VouchedReads {
  readonly mspId: MspId
  readonly queries: readonly EndorsedQuery[]
  /** One for each query. */
  readonly answers: readonly ReadResult[]
  /** Number of a block that the answers reflect. */
  readonly height: number
  /** Unix ms. */
  readonly timeMs: number
}

const askedShape = { nonce: bytes({ length: PROPOSAL_NONCE_BYTES }), timeMs: uint() }
const identityShape = bytes({ min: 1, max: MAX_IDENTITY_BYTES })

const answerShape = struct({
  v: literal(2),
  endorser: identityShape,
  creator: identityShape,
  chainInfo: struct({
    ...askedShape,
    response: bytes({ min: 1, max: MAX_CHAIN_INFO_BYTES }),
    signature: bytes({ length: 64 }),
  }),
  asked: struct(askedShape),
  queries: list(struct({ fn: functionNameShape, args: argumentsShape }), { min: 1, max: MAX_QUERIES }),
  response: bytes({ min: 1, max: MAX_ENDORSED_ANSWER_BYTES }),
})

export function encodeFabricAnswer({
  endorser,
  creator,
  chainInfo,
  asked,
  queries,
  response,
}: FabricAnswer): Uint8Array {
  return encodeCbor({
    v: 2,
    endorser,
    creator,
    chainInfo: {
      nonce: chainInfo.nonce,
      timeMs: chainInfo.timeMs,
      response: chainInfo.response,
      signature: chainInfo.signature,
    },
    asked: { nonce: asked.nonce, timeMs: asked.timeMs },
    queries: queries.map(({ fn, args }) => ({ fn, args })),
    response,
  })
}

/** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
export function decodeFabricAnswer(encoded: Uint8Array): FabricAnswer {
  const limit = MAX_ENDORSED_ANSWER_BYTES
  const { v: _, ...answer } = decodeAs('ENDORSEMENT_MALFORMED', encoded, answerShape, 'endorsed answer', limit)
  return answer
}

/** Checks answers of peers of one channel. Remembers certificates that it has checked. */
export class FabricVerifier {
  readonly #crypto: Crypto
  readonly #channel: string
  readonly #trust: FabricTrust
  readonly #members: MemberCache

  constructor(crypto: Crypto, channel: string, trust: FabricTrust) {
    this.#crypto = crypto
    this.#channel = channel
    this.#trust = trust
    this.#members = new MemberCache(crypto)
  }

  /**
   * What one answer vouches for, whatever was asked in it: checks form, the peer's certificate, both signatures, and that
   * both responses are to questions of this channel and nonce.
   *
   * @param signature 64 bytes, of the results.
   * @throws {LedgerError} `ENDORSEMENT_MALFORMED`, `ENDORSEMENT_SIGNATURE`, `ENDORSEMENT_NONCE`
   */
  check(encoded: Uint8Array, signature: Uint8Array, nonce: Uint8Array): VouchedReads {
    const answer = decodeFabricAnswer(encoded)
    const { endorser, creator, chainInfo, asked, queries } = answer
    const info = readResponse(chainInfo.response)
    const reads = readResponse(answer.response)
    const { timeMs, answers } = decodeReadsAnswer(reads.payload)
    const blocks = new WireMessage(info.payload).number(1)
    const isWhole =
      blocks > 0 &&
      answers.length === queries.length &&
      answers.every(({ status, result }) => status === 200 || result === '')
    if (!isWhole) throw new LedgerError('ENDORSEMENT_MALFORMED', 'not the answer of a peer')

    const { mspId, key } = this.#peer(endorser, timeMs)
    for (const signed of [chainInfo, { response: answer.response, signature }]) {
      if (!this.#crypto.verify(key, concat(signed.response, endorser), signed.signature)) throw notSigned()
    }

    const { channel, chaincode } = { channel: this.#channel, chaincode: this.#trust.chaincode }
    const infoArguments = [CHAIN_INFO_FUNCTION, channel]
    const link = readLink(this.#crypto, nonce, chainInfo.response)
    const readArguments = [READS_FUNCTION, link, encodeReads(queries)]
    const isAsked =
      this.#isAnswerTo(info, {
        channel,
        chaincode: QUERY_CHAINCODE,
        creator,
        ...ofProposal(chainInfo),
        args: infoArguments,
      }) && this.#isAnswerTo(reads, { channel, chaincode, creator, ...ofProposal(asked), args: readArguments })
    if (!isAsked) throw new LedgerError('ENDORSEMENT_NONCE', 'the answer is for another question')
    return { mspId, queries, answers, height: blocks - 1, timeMs }
  }

  /** @throws {LedgerError} `ENDORSEMENT_SIGNATURE` unless it is a peer of an organisation that we know. */
  #peer(endorser: Uint8Array, atMs: number): { readonly mspId: MspId; readonly key: VerifyingKey } {
    const { mspId, cert } = readIdentity(endorser)
    try {
      const { certificate, key } = this.#members.check(this.#trust, mspId, cert, atMs)
      if (certificate.subject.organizationalUnits.includes(PEER_UNIT)) return { mspId, key }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
    throw notSigned()
  }

  #isAnswerTo(response: ResponseContent, proposal: Parameters<typeof encodeFabricProposal>[1]): boolean {
    if (response.chaincode !== proposal.chaincode) return false
    return equalBytes(response.hash, proposalHash(this.#crypto, encodeFabricProposal(this.#crypto, proposal)))
  }
}

function ofProposal({ nonce, timeMs }: AskedProposal): AskedProposal {
  return { nonce, timeMs }
}

interface ResponseContent {
  /** Of the proposal, 32 bytes. */
  readonly hash: Uint8Array
  readonly chaincode: string
  readonly payload: Uint8Array
}

/** ProposalResponsePayload → ChaincodeAction → Response. Only a success is signed by peers. */
function readResponse(encoded: Uint8Array): ResponseContent {
  const outer = new WireMessage(encoded)
  const action = new WireMessage(outer.bytes(2))
  const response = new WireMessage(action.bytes(3))
  if (response.number(1) !== OK) throw new LedgerError('ENDORSEMENT_MALFORMED', 'not a response with a result')
  return {
    hash: outer.bytes(1),
    chaincode: utf8(new WireMessage(action.bytes(4)).bytes(2)),
    payload: response.bytes(3),
  }
}

/** SerializedIdentity: exactly one certificate in PEM. */
function readIdentity(encoded: Uint8Array): { readonly mspId: MspId; readonly cert: Uint8Array } {
  const identity = new WireMessage(encoded)
  return refuseAs('ENDORSEMENT_MALFORMED', () => {
    const mspId = mspIdShape(utf8(identity.bytes(1)), 'endorser')
    const [cert, ...others] = decodePem('CERTIFICATE', utf8(identity.bytes(2)))
    if (cert === undefined || others.length > 0) throw new LedgerError('ENDORSEMENT_MALFORMED', 'no identity')
    return { mspId, cert }
  })
}

function utf8(encoded: Uint8Array): string {
  try {
    return decodeUtf8(encoded)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw new LedgerError('ENDORSEMENT_MALFORMED', 'not text', { cause: error })
  }
}

function notSigned(): LedgerError {
  return new LedgerError('ENDORSEMENT_SIGNATURE', 'the answer is not signed by a known peer')
}
