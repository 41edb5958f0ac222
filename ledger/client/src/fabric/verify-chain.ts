/**
 * The whole chain of a Fabric channel, checked block by block on the reader's own device, from what the blocks hold:
 *
 * - numbers without a gap, each header naming the hash of the one before, and the data hash of the block's contents;
 * - in the first block: the members and their roots, which must be those that the reader trusts; in later configurations:
 *   nobody leaves, nobody has other roots, and who joins is somebody whom the reader trusts;
 * - signatures of an orderer under every block after the first, by the ordering organisations' roots of the first block;
 * - every transaction: its writer's certificate and signature, its number, and that it is of this channel;
 * - every transaction of our chaincode that counts: that peers of more than half of the organisations signed the same
 *   result of the same proposal.
 *
 * Not checked: that a transaction which wrote nothing deserved it (the peers' validation codes are in no signature), and
 * of updates of the channel's configuration the signatures of the members' administrators.
 *
 * @module
 */
import { common, peer } from '@hyperledger/fabric-protos'
import { concat, type Crypto, CryptoError, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  type FabricTrust,
  LedgerError,
  MemberCache,
  type Organization,
} from '../../../../shared/ledger-model/src/index.ts'
import type { Ledger } from '../port.ts'
import { fabricHeaderBytes, toLedgerBlock } from './envelopes.ts'
import { membersOf } from './channel-members.ts'
import { isSignedBy } from './signed-by.ts'
import { FabricTransactionVerifier } from './verify-transaction.ts'

const ORDERER_UNIT = 'orderer'

export interface VerifyFabricOptions {
  readonly crypto: Crypto
  readonly channel: string
  /** Members and chaincode; from nobody but the reader's own configuration. */
  readonly trust: FabricTrust
  /** Members of the first block, where others joined since; absent: all of `trust`. */
  readonly firstMembers?: readonly Organization[]
  /** Number of the last block to check. */
  readonly height: number
  /** A block that must be there, as an earlier check saw it. */
  readonly expectedHead?: { readonly number: number; readonly hash: Uint8Array }
  readonly onProgress?: (block: number) => void
}

export interface FabricChainReport {
  readonly blocks: number
  /** That count. */
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

type VerifierOptions = Pick<VerifyFabricOptions, 'crypto' | 'channel' | 'trust' | 'firstMembers'>

/** Takes one block after the other. */
export class FabricChainVerifier {
  readonly #options: VerifierOptions
  readonly #verifier: FabricTransactionVerifier
  readonly #ordererMembers: MemberCache
  #members: readonly Organization[] = []
  #orderers: { readonly organizations: readonly Organization[] } = { organizations: [] }
  #head: FabricChainReport['head'] | undefined
  #transactions = 0
  #endorsements = 0
  #ordererSignatures = 0
  readonly #seen = new Set<string>()

  constructor(options: VerifierOptions) {
    this.#options = options
    this.#verifier = new FabricTransactionVerifier(options)
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
    const { channel, application, orderer } = membersOf(common.Envelope.deserializeBinary(envelope))
    const { trust, firstMembers = trust.organizations } = this.#options
    if (channel !== this.#options.channel) throw invalid(0, 'of another channel')
    if (!areThese(application, firstMembers)) throw invalid(0, 'its members are not those of the consortium')
    this.#members = application
    this.#verifier.trust(application)
    this.#orderers = { organizations: orderer }
  }

  /** Whoever orders it has checked the signatures of the members' administrators: only what the reader knows counts. */
  #reconfigure(number: number, envelope: common.Envelope): void {
    const { application } = membersOf(envelope)
    const { organizations } = this.#options.trust
    const stays = ({ mspId }: Organization) => application.some((one) => one.mspId === mspId)
    if (!this.#members.every(stays)) throw invalid(number, 'a member is not there any more')
    if (!application.every((one) => isTrustedBy(organizations, one))) {
      throw invalid(number, 'a member whom the reader does not know')
    }
    this.#members = application
    this.#verifier.trust(application)
  }

  /** At least one orderer signed: header, and what the metadata says of it. */
  #checkOrderers(number: number, header: common.BlockHeader, encoded: Uint8Array | undefined): void {
    const metadata = common.Metadata.deserializeBinary(encoded ?? new Uint8Array(0))
    const signatures = metadata.getSignaturesList()
    const orderers = {
      crypto: this.#options.crypto,
      cache: this.#ordererMembers,
      configuration: this.#orderers,
      unit: ORDERER_UNIT,
    }
    const signed = signatures.filter((one) => {
      const signatureHeader = one.getSignatureHeader_asU8()
      const message = concat(metadata.getValue_asU8(), signatureHeader, fabricHeaderBytes(header))
      const creator = common.SignatureHeader.deserializeBinary(signatureHeader).getCreator_asU8()
      return isSignedBy(orderers, creator, message, one.getSignature_asU8())
    })
    if (signed.length === 0 || signed.length !== signatures.length) throw invalid(number, 'no orderer signed it')
    this.#ordererSignatures += signed.length
  }

  /** What the peers found invalid counts for nothing. */
  #checkEnvelope(number: number, envelope: common.Envelope, code: number | undefined): void {
    if (code !== peer.TxValidationCode.VALID) return
    const verified = this.#verifier.check(envelope)
    if (verified === undefined) {
      this.#reconfigure(number, envelope)
      return
    }
    if (this.#seen.has(verified.txId)) throw invalid(number, 'a transaction that was there before')
    this.#seen.add(verified.txId)
    this.#transactions++
    this.#endorsements += verified.endorsements
  }
}

/** The same organisations, each with roots that are known as its own. */
function areThese(found: readonly Organization[], wanted: readonly Organization[]): boolean {
  return found.length === wanted.length && found.every((one) => isTrustedBy(wanted, one))
}

function isTrustedBy(organizations: readonly Organization[], { mspId, roots }: Organization): boolean {
  const known = organizations.find((one) => one.mspId === mspId)
  return roots.every((root) => known?.roots.some((one) => equalBytes(one, root)) === true)
}

function invalid(block: number, why: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', why, { block })
}
