/**
 * The whole chain of a Fabric channel, checked block by block on the reader's own device, from what the blocks hold:
 *
 * - numbers without a gap, each header naming the hash of the one before, and the data hash of the block's contents;
 * - in the first block: the members and their roots, which must be those that the reader trusts;
 * - signatures of an orderer under every block after the first, by the ordering organisations' roots of the first block;
 * - every transaction: its writer's certificate and signature, its number, and that it is of this channel;
 * - every transaction of our chaincode that counts: that peers of more than half of the organisations signed the same
 *   result of the same proposal.
 *
 * Not checked: that a transaction which wrote nothing deserved it (the peers' validation codes are in no signature), and
 * updates of the channel's configuration beyond who ordered them.
 *
 * @module
 */
import { common, msp, peer } from '@hyperledger/fabric-protos'
import {
  concat,
  type Crypto,
  CryptoError,
  decodePem,
  encodeHex,
  equalBytes,
  parseCertificate,
  signatureFromDer,
} from '../../../../shared/crypto/src/index.ts'
import {
  type FabricTrust,
  LedgerError,
  MemberCache,
  type Organization,
} from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import type { Ledger } from '../port.ts'
import { fabricHeaderBytes, toLedgerBlock } from './envelopes.ts'
import { rootsOf } from './first-block.ts'

const PEER_UNIT = 'peer'
const ORDERER_UNIT = 'orderer'

/** Whose signature counts. */
interface Signers {
  readonly cache: MemberCache
  readonly configuration: { readonly organizations: readonly Organization[] }
  /** Organisational unit that the certificate must name. */
  readonly unit?: string
  /** When it was signed; absent: blocks have no time, so the period of the certificate says nothing. */
  readonly atMs?: number
}

export interface VerifyFabricOptions {
  readonly crypto: Crypto
  readonly channel: string
  /** Members and chaincode; from nobody but the reader's own configuration. */
  readonly trust: FabricTrust
  /** Number of the last block to check. */
  readonly height: number
  /** A block that must be there, as an earlier check saw it. */
  readonly expectedHead?: { readonly number: number; readonly hash: Uint8Array }
  readonly onProgress?: (block: number) => void
}

export interface FabricChainReport {
  readonly blocks: number
  readonly transactions: number
  /** Signatures of peers that were checked. */
  readonly endorsements: number
  readonly ordererSignatures: number
  readonly head: { readonly number: number; readonly hash: Uint8Array }
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the first block at fault; everything before it is consistent. */
export async function verifyFabricChain(
  ledger: Pick<Ledger, 'blocks'>,
  options: VerifyFabricOptions,
): Promise<FabricChainReport> {
  const { height, expectedHead, onProgress } = options
  const verifier = new FabricChainVerifier(options)
  const stop = new AbortController()
  try {
    for await (const { number, encoded } of ledger.blocks(0, { signal: stop.signal })) {
      verifier.next(encoded)
      if (number === expectedHead?.number && !equalBytes(verifier.report.head.hash, expectedHead.hash)) {
        throw invalid(number, 'another block than an earlier check saw')
      }
      onProgress?.(number)
      if (number >= height) break
    }
  } finally {
    stop.abort()
  }
  const { report } = verifier
  if (expectedHead !== undefined && report.head.number < expectedHead.number) {
    throw invalid(report.head.number, 'blocks that an earlier check saw are gone')
  }
  return report
}

/** Takes one block after the other. */
export class FabricChainVerifier {
  readonly #options: Pick<VerifyFabricOptions, 'crypto' | 'channel' | 'trust'>
  readonly #members: MemberCache
  readonly #ordererMembers: MemberCache
  #orderers: { readonly organizations: readonly Organization[] } = { organizations: [] }
  #head: FabricChainReport['head'] | undefined
  #transactions = 0
  #endorsements = 0
  #ordererSignatures = 0
  readonly #seen = new Set<string>()

  constructor(options: Pick<VerifyFabricOptions, 'crypto' | 'channel' | 'trust'>) {
    this.#options = options
    this.#members = new MemberCache(options.crypto)
    this.#ordererMembers = new MemberCache(options.crypto)
  }

  get report(): FabricChainReport {
    if (this.#head === undefined) throw invalid(0, 'there is no block')
    return {
      blocks: this.#head.number + 1,
      transactions: this.#transactions,
      endorsements: this.#endorsements,
      ordererSignatures: this.#ordererSignatures,
      head: this.#head,
    }
  }

  /** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
  next(encoded: Uint8Array): void {
    const number = (this.#head?.number ?? -1) + 1
    try {
      this.#check(number, encoded)
    } catch (cause) {
      if (cause instanceof LedgerError && cause.block !== undefined) throw cause
      const why = cause instanceof LedgerError || cause instanceof CryptoError ? cause.message : 'not a block of Fabric'
      throw new LedgerError('LEDGER_BLOCK_INVALID', why, { block: number, cause })
    }
  }

  #check(number: number, encoded: Uint8Array): void {
    const block = common.Block.deserializeBinary(encoded)
    const header = block.getHeader()
    // Compares the contents with the data hash.
    const { hash } = toLedgerBlock(block, this.#options.trust.chaincode)
    if (header?.getNumber() !== number) throw invalid(number, 'not the next block')
    const before = this.#head?.hash ?? new Uint8Array(0)
    if (!equalBytes(header.getPreviousHash_asU8(), before)) throw invalid(number, 'it does not follow the one before')
    const metadata = block.getMetadata()?.getMetadataList_asU8() ?? []
    if (number === 0) this.#readFirst(block)
    else this.#checkOrderers(number, header, metadata[common.BlockMetadataIndex.SIGNATURES])
    const codes = metadata[common.BlockMetadataIndex.TRANSACTIONS_FILTER] ?? new Uint8Array(0)
    for (const [i, envelope] of (block.getData()?.getDataList_asU8() ?? []).entries()) {
      if (number > 0) this.#checkEnvelope(number, common.Envelope.deserializeBinary(envelope), codes[i])
    }
    this.#head = { number, hash }
  }

  /** Members of the first block are the reader's; the ordering organisations are taken from it. */
  #readFirst(block: common.Block): void {
    const [envelope = new Uint8Array(0)] = block.getData()?.getDataList_asU8() ?? []
    const { channel, application, orderer } = rootsOf(envelope)
    const { organizations } = this.#options.trust
    if (channel !== this.#options.channel) throw invalid(0, 'of another channel')
    const isTrusted = ({ mspId, roots }: Organization) => {
      const known = organizations.find((one) => one.mspId === mspId)
      return roots.every((root) => known?.roots.some((one) => equalBytes(one, root)) === true)
    }
    if (application.length !== organizations.length || !application.every(isTrusted)) {
      throw invalid(0, 'its members are not those of the consortium')
    }
    this.#orderers = { organizations: orderer }
  }

  /** At least one orderer signed: header, and what the metadata says of it. */
  #checkOrderers(number: number, header: common.BlockHeader, encoded: Uint8Array | undefined): void {
    const metadata = common.Metadata.deserializeBinary(encoded ?? new Uint8Array(0))
    const signatures = metadata.getSignaturesList()
    const orderers = { cache: this.#ordererMembers, configuration: this.#orderers, unit: ORDERER_UNIT }
    const signed = signatures.filter((one) => {
      const signatureHeader = one.getSignatureHeader_asU8()
      const message = concat(metadata.getValue_asU8(), signatureHeader, fabricHeaderBytes(header))
      const creator = common.SignatureHeader.deserializeBinary(signatureHeader).getCreator_asU8()
      return this.#isSigned(orderers, creator, message, one.getSignature_asU8())
    })
    if (signed.length === 0 || signed.length !== signatures.length) throw invalid(number, 'no orderer signed it')
    this.#ordererSignatures += signed.length
  }

  #checkEnvelope(number: number, envelope: common.Envelope, code: number | undefined): void {
    const { crypto, channel, trust } = this.#options
    const payloadBytes = envelope.getPayload_asU8()
    const header = common.Payload.deserializeBinary(payloadBytes).getHeader()
    const channelHeader = common.ChannelHeader.deserializeBinary(header?.getChannelHeader_asU8() ?? new Uint8Array(0))
    const type: number = channelHeader.getType()
    // Configuration: whoever orders it has checked the signatures of the members' administrators.
    if (type !== common.HeaderType.ENDORSER_TRANSACTION) return
    const isValid = code === peer.TxValidationCode.VALID
    const signatureHeader = common.SignatureHeader.deserializeBinary(
      header?.getSignatureHeader_asU8() ?? new Uint8Array(0),
    )
    const creator = signatureHeader.getCreator_asU8()
    const txId = encodeHex(crypto.sha256(signatureHeader.getNonce_asU8(), creator))
    this.#transactions++
    // What the peers found invalid counts for nothing.
    if (!isValid) return
    if (channelHeader.getChannelId() !== channel || channelHeader.getTxId() !== txId || this.#seen.has(txId)) {
      throw invalid(number, 'a transaction of another place')
    }
    this.#seen.add(txId)
    const atMs = channelHeader.getTimestamp()?.toDate().getTime() ?? 0
    const members = { cache: this.#members, configuration: trust, atMs }
    if (!this.#isSigned(members, creator, payloadBytes, envelope.getSignature_asU8())) {
      throw invalid(number, 'a transaction that no member signed')
    }
    this.#checkEndorsements(number, payloadBytes, atMs)
  }

  #checkEndorsements(number: number, payloadBytes: Uint8Array, atMs: number): void {
    const { crypto, trust } = this.#options
    const peers = { cache: this.#members, configuration: trust, atMs, unit: PEER_UNIT }
    const payload = common.Payload.deserializeBinary(payloadBytes)
    const header = payload.getHeader()
    const [action, ...others] = peer.Transaction.deserializeBinary(payload.getData_asU8()).getActionsList()
    const called = peer.ChaincodeActionPayload.deserializeBinary(action?.getPayload_asU8() ?? new Uint8Array(0))
    const response = called.getAction()?.getProposalResponsePayload_asU8() ?? new Uint8Array(0)
    const endorsements = called.getAction()?.getEndorsementsList() ?? []
    const proposal = crypto.sha256(
      header?.getChannelHeader_asU8() ?? new Uint8Array(0),
      header?.getSignatureHeader_asU8() ?? new Uint8Array(0),
      called.getChaincodeProposalPayload_asU8(),
    )
    const answered = peer.ProposalResponsePayload.deserializeBinary(response)
    if (others.length > 0 || !equalBytes(answered.getProposalHash_asU8(), proposal)) {
      throw invalid(number, 'a result of another proposal')
    }
    const organizations = new Set<string>()
    for (const one of endorsements) {
      const endorser = one.getEndorser_asU8()
      const message = concat(response, endorser)
      if (!this.#isSigned(peers, endorser, message, one.getSignature_asU8())) continue
      organizations.add(msp.SerializedIdentity.deserializeBinary(endorser).getMspid())
      this.#endorsements++
    }
    const { chaincode } = trust
    const result = peer.ChaincodeAction.deserializeBinary(answered.getExtension_asU8())
    const isOurs = result.getChaincodeId()?.getName() === chaincode
    // Approvals of the lifecycle need their own organisation only.
    const least = isOurs ? Math.floor(trust.organizations.length / 2) + 1 : 1
    if (organizations.size < least) throw invalid(number, 'too few organisations endorsed a result')
  }

  #isSigned(
    { cache, configuration, unit, atMs }: Signers,
    identity: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): boolean {
    const serialized = msp.SerializedIdentity.deserializeBinary(identity)
    try {
      const pem = new TextDecoder().decode(serialized.getIdBytes_asU8())
      const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', pem)
      const mspId = serialized.getMspid() as MspId
      const { certificate, key } = cache.check(configuration, mspId, cert, atMs ?? parseCertificate(cert).notAfterMs)
      if (unit !== undefined && !certificate.subject.organizationalUnits.includes(unit)) return false
      return this.#options.crypto.verify(key, message, signatureFromDer(signature))
    } catch (error) {
      if (error instanceof LedgerError || error instanceof CryptoError) return false
      throw error
    }
  }
}

function invalid(block: number, why: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', why, { block })
}
