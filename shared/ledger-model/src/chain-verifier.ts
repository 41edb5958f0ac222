/**
 * Checks a chain of blocks from the genesis on: headers, links, roots, signatures of the nodes; of every transaction the
 * form, the certificate and the signature of its proposal; of every configuration the signatures of the administrators.
 * Keeps what the write sets make of the world state, as digests.
 *
 * @module
 */
import { type Crypto, encodeUtf8, equalBytes } from '../../crypto/src/index.ts'
import type { TxId } from '../../protocol/src/index.ts'
import { type BlockHeader, type ChainHead, type EncodedBlock, verifyBlock } from './block.ts'
import {
  type ChannelConfiguration,
  checkConfigurationUpdate,
  decodeConfiguration,
  decodeConfigurationUpdate,
  encodeConfiguration,
  nodeKeysOf,
} from './configuration.ts'
import type { LedgerNodeKey } from './endorsed-read.ts'
import { LedgerError } from './errors.ts'
import type { Member } from './member.ts'
import { MemberCache } from './member-cache.ts'
import { placeAt } from './places.ts'
import { isProposalSignedBy } from './proposal.ts'
import { stateKeys } from './state-keys.ts'
import { decodeTransaction, type LedgerTransaction } from './transaction.ts'

/** A transaction with the member that proposed it. */
export interface VerifiedTransaction {
  readonly transaction: LedgerTransaction
  readonly caller: Member
}

export interface VerifiedBlock {
  readonly header: BlockHeader
  readonly head: ChainHead
  /** Empty in a configuration block. */
  readonly transactions: readonly VerifiedTransaction[]
}

/** What the blocks so far say of one key. */
export interface ExpectedKey {
  /** 32 bytes, SHA-256 of the value; null after a deletion. */
  digest: Uint8Array | null
  /** UTF-16 units. */
  length: number
  /** Places of the transactions that wrote it, ascending. */
  readonly places: number[]
}

export class ChainVerifier {
  readonly #crypto: Crypto
  readonly #members: MemberCache
  readonly #genesis: ChannelConfiguration | undefined
  #configuration: ChannelConfiguration | undefined
  #nodes: readonly LedgerNodeKey[] = []
  #head: ChainHead | undefined
  /** By key. */
  readonly state = new Map<string, ExpectedKey>()
  /** Place of each transaction. */
  readonly places = new Map<TxId, number>()

  /** @param genesis what block 0 must be; without it, block 0 is taken as it is. */
  constructor(crypto: Crypto, genesis: ChannelConfiguration | undefined) {
    this.#crypto = crypto
    this.#members = new MemberCache(crypto)
    this.#genesis = genesis
  }

  get head(): ChainHead | undefined {
    return this.#head
  }

  /**
   * @param seen hash of the block at this place when this reader checked it whole, earlier: it must be the same, and the
   * signatures under its transactions, which the hash covers, are not checked again.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the number of the block and the reason in its message.
   */
  next(block: EncodedBlock, seen?: Uint8Array): VerifiedBlock {
    const number = this.#head === undefined ? 0 : this.#head.number + 1
    try {
      return this.#next(block, number, seen)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      if (error.code === 'LEDGER_BLOCK_INVALID' && error.block !== undefined) throw error
      throw blockInvalid(number, `${error.code}: ${error.message}`)
    }
  }

  #next(block: EncodedBlock, number: number, seen: Uint8Array | undefined): VerifiedBlock {
    if (number === 0) this.#takeGenesis(block)
    const { header, head } = verifyBlock(this.#crypto, this.#head, block, this.#nodes)
    if (seen !== undefined && !equalBytes(head.hash, seen)) {
      throw blockInvalid(number, 'it has another hash than when it was checked before')
    }
    let transactions: VerifiedTransaction[] = []
    if (header.kind === 'data') {
      if (number === 0) throw blockInvalid(0, 'the first block is no configuration')
      transactions = block.transactions.map((bytes, index) =>
        this.#transaction(bytes, placeAt(number, index), seen !== undefined),
      )
    } else if (number > 0) this.#configure(block, header)
    this.#head = head
    return { header, head, transactions }
  }

  #takeGenesis(block: EncodedBlock): void {
    const [bytes] = block.transactions
    if (bytes === undefined) throw blockInvalid(0, 'it is empty')
    const { configuration } = decodeConfigurationUpdate(bytes)
    if (this.#genesis !== undefined && !equalBytes(configuration, encodeConfiguration(this.#genesis))) {
      throw blockInvalid(0, 'it is another genesis')
    }
    this.#setConfiguration(decodeConfiguration(this.#crypto, configuration))
  }

  #configure(block: EncodedBlock, header: BlockHeader): void {
    const update = decodeConfigurationUpdate(block.transactions[0] as Uint8Array)
    const current = this.#configuration as ChannelConfiguration
    const next = checkConfigurationUpdate(this.#crypto, current, update, header.timeMs, (mspId, serialHex) =>
      this.#exists(stateKeys.revokedCertificate(mspId, serialHex)),
    )
    this.#setConfiguration(next)
  }

  #setConfiguration(configuration: ChannelConfiguration): void {
    this.#configuration = configuration
    this.#nodes = nodeKeysOf(this.#crypto, configuration)
  }

  #transaction(bytes: Uint8Array, place: number, isSeen: boolean): VerifiedTransaction {
    const transaction = decodeTransaction(this.#crypto, bytes)
    const { txId, proposal, signed, writes } = transaction
    const configuration = this.#configuration as ChannelConfiguration
    if (proposal.channel !== configuration.channel) throw invalid('a proposal is for another channel')
    const caller = this.#members.check(configuration, proposal.mspId, proposal.cert, proposal.timeMs)
    if (!isSeen && !isProposalSignedBy(this.#crypto, caller.key, signed))
      throw invalid('a proposal is not signed by its creator')
    if (this.places.has(txId)) throw invalid('a transaction stands on the ledger twice')
    const revoked = stateKeys.revokedCertificate(caller.mspId, caller.certificate.serialHex)
    if (transaction.status === 'VALID' && this.#exists(revoked)) throw invalid('a revoked certificate proposed')
    this.places.set(txId, place)
    for (const { key, value } of writes) this.#write(key, value, place)
    return { transaction, caller }
  }

  #write(key: string, value: string | null, place: number): void {
    let expected = this.state.get(key)
    if (expected === undefined) {
      expected = { digest: null, length: 0, places: [] }
      this.state.set(key, expected)
    }
    expected.digest = value === null ? null : this.#crypto.sha256(encodeUtf8(value))
    expected.length = value?.length ?? 0
    expected.places.push(place)
  }

  #exists(key: string): boolean {
    return (this.state.get(key)?.digest ?? null) !== null
  }
}

export function blockInvalid(block: number, what: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', `block ${block}: ${what}`, { block })
}

function invalid(what: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', what)
}
