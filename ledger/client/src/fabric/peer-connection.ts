/**
 * One peer: its connection, its endorser, and its gateway for each identity that signs.
 *
 * @module
 */
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { connect, type Gateway, hash } from '@hyperledger/fabric-gateway'
import { peer } from '@hyperledger/fabric-protos'
import { concat, type Crypto, encodePem, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  bytesField,
  type EncodedFabricProposal,
  encodeFabricProposal,
  type FabricProposal,
  LedgerError,
  PROPOSAL_NONCE_BYTES,
  proposalMessage,
  serializeIdentity,
} from '../../../../shared/ledger-model/src/index.ts'
import type { LedgerIdentity } from '../port.ts'
import type { FabricNode } from './profile.ts'
import { refusalOf, refusalOfResponse } from './refusals.ts'
import { signForFabric, toFabricSignature } from './signatures.ts'

const PROCESS_PROPOSAL = '/protos.Endorser/ProcessProposal'
const MAX_MESSAGE_BYTES = 100 * 1024 * 1024
const OK = 200

const CHANNEL_OPTIONS = {
  // Peers of one endpoint name do not share connections: each has its own roots.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A peer allows one every 10 s.
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 4_000,
}

/** A chaincode function, as one peer is asked for it. */
export interface PeerCall {
  readonly chaincode: string
  /** The name of the function first. */
  readonly args: readonly string[]
}

/** A proposal with its creator's signature. */
export interface PeerQuestion {
  readonly proposal: FabricProposal
  readonly encoded: EncodedFabricProposal
  /** Proposal. */
  readonly message: Uint8Array
  /** DER. */
  readonly signature: Uint8Array
}

/** A peer's signed response, with the proposal that it is to. */
export interface PeerResponse {
  readonly proposal: FabricProposal
  /** ProposalResponsePayload. */
  readonly response: Uint8Array
  /** SerializedIdentity of the peer. */
  readonly endorser: Uint8Array
  /** DER. */
  readonly signature: Uint8Array
  /** What the chaincode returned. */
  readonly result: Uint8Array
}

export class PeerConnection {
  readonly node: FabricNode
  readonly #crypto: Crypto
  readonly #channel: string
  readonly #nowMs: () => number
  readonly #client: Client
  /** Of the certificate that the identity had then. */
  readonly #gateways = new WeakMap<LedgerIdentity, { readonly cert: Uint8Array; readonly gateway: Gateway }>()

  constructor(crypto: Crypto, node: FabricNode, channel: string, nowMs: () => number) {
    this.node = node
    this.#crypto = crypto
    this.#channel = channel
    this.#nowMs = nowMs
    const { serverName } = node
    const name =
      serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }
    const tls = credentials.createSsl(Buffer.from(encodeUtf8(node.tlsRootPem)))
    this.#client = new Client(node.endpoint, tls, { ...CHANNEL_OPTIONS, ...name })
  }

  /** The peer's gateway; messages are signed where the identity's key is. */
  gateway(identity: LedgerIdentity): Gateway {
    const { mspId, cert, signingKey } = identity
    const known = this.#gateways.get(identity)
    if (known?.cert === cert) return known.gateway
    const gateway = connect({
      client: this.#client,
      identity: { mspId, credentials: encodeUtf8(encodePem('CERTIFICATE', cert)) },
      // The message itself is handed over: the key's owner hashes.
      hash: hash.none,
      signer: (message) => Promise.resolve(toFabricSignature(this.#crypto.sign(signingKey, message))),
    })
    this.#gateways.set(identity, { cert, gateway })
    return gateway
  }

  /** A question of `identity`, new each time; any peer of the channel may be asked it. */
  question({ mspId, cert, signingKey }: LedgerIdentity, { chaincode, args }: PeerCall): PeerQuestion {
    const creator = serializeIdentity(mspId, cert)
    const nonce = this.#crypto.randomBytes(PROPOSAL_NONCE_BYTES)
    const proposal = { channel: this.#channel, chaincode, creator, nonce, timeMs: this.#nowMs(), args }
    const encoded = encodeFabricProposal(this.#crypto, proposal)
    const message = proposalMessage(encoded)
    const signature = toFabricSignature(signForFabric(this.#crypto, signingKey, message))
    return { proposal, encoded, message, signature }
  }

  /**
   * Asks this peer alone, and gives its signed response.
   * @throws {LedgerError} the function's refusals, `LEDGER_UNAVAILABLE`, `LEDGER_BUSY`, `LEDGER_IDENTITY_REJECTED`
   */
  async ask(identity: LedgerIdentity, call: PeerCall, deadlineMs: number): Promise<PeerResponse> {
    return await this.send(this.question(identity, call), deadlineMs)
  }

  /** As `ask`, with a question that others are asked, too. */
  async send({ proposal, message, signature }: PeerQuestion, deadlineMs: number): Promise<PeerResponse> {
    // SignedProposal.
    const request = concat(bytesField(1, message), bytesField(2, signature))
    const answer = await this.#processProposal(request, deadlineMs)
    const response = answer.getResponse()
    const endorsement = answer.getEndorsement()
    if (response?.getStatus() !== OK || endorsement === undefined) {
      throw refusalOfResponse(response?.getMessage() ?? 'no response')
    }
    return {
      proposal,
      response: answer.getPayload_asU8(),
      endorser: endorsement.getEndorser_asU8(),
      signature: endorsement.getSignature_asU8(),
      result: response.getPayload_asU8(),
    }
  }

  close(): void {
    this.#client.close()
  }

  #processProposal(request: Uint8Array, deadlineMs: number): Promise<peer.ProposalResponse> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        PROCESS_PROPOSAL,
        (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.byteLength),
        (bytes: Buffer) => peer.ProposalResponse.deserializeBinary(bytes),
        request,
        { deadline: Date.now() + deadlineMs },
        (error: ServiceError | null, value?: peer.ProposalResponse) => {
          if (error !== null) reject(refusalOf(error))
          else if (value === undefined) reject(new LedgerError('LEDGER_UNAVAILABLE', 'no answer'))
          else resolve(value)
        },
      )
    })
  }
}
