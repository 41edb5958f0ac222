/**
 * The ledger node: checks proposals, simulates them on the committed state, hands them to the block writer, and answers
 * queries with its signature. Spec: docs/protocol/07-ledger.md.
 *
 * @module
 */
import { TrustHealthContract } from '../../contract/src/index.ts'
import { type Crypto, equalBytes, type SigningKey } from '../../../shared/crypto/src/index.ts'
import {
  blockHash,
  type ChainHead,
  type ChannelConfiguration,
  checkConfigurationUpdate,
  type ConfigurationUpdate,
  decodeProposal,
  decodeQuery,
  decodeTransaction,
  encodeConfiguration,
  encodeConfigurationUpdate,
  type EncodedBlock,
  type EndorsedAnswer,
  type EndorsedQuery,
  endorseContent,
  findContractFunction,
  isProposalSignedBy,
  isQuerySignedBy,
  LedgerError,
  MAX_PROPOSAL_SKEW_MS,
  type Proposal,
  type ReadStatus,
  type SignedProposal,
  type SignedQuery,
  stateKeys,
  txIdOf,
  type Member,
  MemberCache,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId, TxId } from '../../../shared/protocol/src/index.ts'
import { BlockWriter, type PlacedTransaction } from './block-writer.ts'
import { checkNewest, currentConfiguration, genesisBytes, mspIdOf, writeGenesis } from './genesis.ts'
import { simulate } from './simulator.ts'
import { LedgerStore, type StoredTransaction } from './store.ts'

const DEFAULT_MAX_WAITING = 4_000
/** Bytes of proposals that may wait for a block. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

export interface LedgerNodeOptions {
  readonly crypto: Crypto
  readonly folder: string
  /** Needed for the first start; compared with block 0 after that. */
  readonly genesis?: ChannelConfiguration
  /** One of the configuration's node keys. */
  readonly nodeKey: SigningKey
  readonly nowMs: () => number
  /** Proposals that may be under way at once; default 4,000. More are `LEDGER_BUSY`. */
  readonly maxWaiting?: number
}

interface InFlight {
  readonly proposal: Uint8Array
  readonly placed: Promise<PlacedTransaction>
}

export interface LedgerNodeStatus {
  readonly channel: string
  readonly height: number
  readonly blockHash: Uint8Array
  readonly genesisHash: Uint8Array
  readonly mspId: MspId
  readonly organizations: readonly MspId[]
  readonly waiting: number
  /** False after a failure of the disk: reads go on, writes are refused until a restart. */
  readonly writable: boolean
}

export class LedgerNode {
  readonly #crypto: Crypto
  readonly #store: LedgerStore
  readonly #writer: BlockWriter
  readonly #nodeKey: SigningKey
  readonly #nowMs: () => number
  readonly #maxWaiting: number
  readonly #contract: TrustHealthContract
  readonly #members: MemberCache
  readonly #inFlight = new Map<TxId, InFlight>()
  readonly #genesisHash: Uint8Array
  #configuration: ChannelConfiguration
  #mspId: MspId
  #isClosed = false

  private constructor(
    { crypto, nodeKey, nowMs, maxWaiting = DEFAULT_MAX_WAITING }: LedgerNodeOptions,
    store: LedgerStore,
    head: ChainHead,
    configuration: ChannelConfiguration,
  ) {
    this.#crypto = crypto
    this.#store = store
    this.#writer = new BlockWriter(crypto, store, nodeKey, nowMs, head)
    this.#nodeKey = nodeKey
    this.#nowMs = nowMs
    this.#maxWaiting = maxWaiting
    this.#contract = new TrustHealthContract(crypto)
    this.#members = new MemberCache(crypto)
    this.#configuration = configuration
    this.#mspId = mspIdOf(configuration, nodeKey)
    this.#genesisHash = blockHash(crypto, (store.block(0) as EncodedBlock).header)
  }

  /**
   * Opens the ledger of a folder; makes block 0 if there is none.
   *
   * Checks the newest block only; `verifyLedger` checks all.
   * @throws {LedgerError} `LEDGER_STORAGE_FAILED`; `LEDGER_WRONG_CHANNEL`: the folder has another genesis;
   * `LEDGER_CONFIGURATION_REJECTED`: no genesis, or the node key is not in the configuration; `LEDGER_BLOCK_INVALID`.
   */
  static open(options: LedgerNodeOptions): LedgerNode {
    const { crypto, folder, genesis, nodeKey, nowMs } = options
    const store = new LedgerStore(crypto, folder)
    try {
      if (store.head() === undefined) writeGenesis(crypto, store, genesis, nodeKey, nowMs())
      const configuration = currentConfiguration(crypto, store)
      if (genesis !== undefined && !equalBytes(encodeConfiguration(genesis), genesisBytes(store))) {
        throw new LedgerError('LEDGER_WRONG_CHANNEL', 'the folder holds a ledger with another genesis')
      }
      const head = store.head() as ChainHead
      checkNewest(crypto, store, head, configuration)
      return new LedgerNode(options, store, head, configuration)
    } catch (error) {
      store.close()
      throw error
    }
  }

  /** The configuration in force. */
  get configuration(): ChannelConfiguration {
    return this.#configuration
  }

  /** Number of the newest block. */
  get height(): number {
    return this.#writer.head.number
  }

  status(): LedgerNodeStatus {
    return {
      channel: this.#configuration.channel,
      height: this.#writer.head.number,
      blockHash: this.#writer.head.hash,
      genesisHash: this.#genesisHash,
      mspId: this.#mspId,
      organizations: this.#configuration.organizations.map(({ mspId }) => mspId),
      waiting: this.#writer.waiting.count,
      writable: this.#writer.isWritable,
    }
  }

  /**
   * Takes a proposal and resolves when it is durable in a block. The same proposal counts once, however often it comes.
   *
   * @throws {LedgerError} `LEDGER_BAD_PROPOSAL`, `LEDGER_WRONG_CHANNEL`, `LEDGER_IDENTITY_REJECTED`,
   * `LEDGER_SIGNATURE_INVALID`, `LEDGER_STALE_PROPOSAL`, `LEDGER_BUSY`, the refusals of the function,
   * `LEDGER_CONFLICT` (it stands in a block, without effect), `LEDGER_STORAGE_FAILED`, `LEDGER_UNAVAILABLE` (closed).
   */
  async submit(signed: SignedProposal): Promise<PlacedTransaction> {
    this.#requireOpen()
    const proposal = decodeProposal(signed.proposal)
    this.#requireChannel(proposal.channel)
    const txId = txIdOf(this.#crypto, proposal)
    const earlier = this.#findEarlier(txId, signed.proposal)
    if (earlier !== undefined) return withoutConflict(await earlier)
    // Before the expensive checks: a node with too much to do should not do more for what it will refuse.
    if (this.#inFlight.size >= this.#maxWaiting || this.#writer.waiting.bytes >= MAX_WAITING_BYTES) {
      throw new LedgerError('LEDGER_BUSY', 'too many proposals wait')
    }
    const placed = this.#accept(signed, proposal, txId)
    this.#inFlight.set(txId, { proposal: signed.proposal, placed })
    try {
      return withoutConflict(await placed)
    } finally {
      this.#inFlight.delete(txId)
    }
  }

  /**
   * Answers signed queries at one height; for each query the answers of all organisations, which is this node's.
   * @throws {LedgerError} as `submit`; refusals of a function are answers.
   */
  async answer(signed: SignedQuery): Promise<readonly (readonly EndorsedAnswer[])[]> {
    this.#requireOpen()
    const query = decodeQuery(signed.query)
    this.#requireChannel(query.channel)
    const caller = this.#members.check(this.#configuration, query.mspId, query.cert, query.timeMs)
    if (!isQuerySignedBy(this.#crypto, caller.key, signed)) throw signatureInvalid()
    this.#requireRecent(query.timeMs)
    if (query.queries.some(({ fn }) => findContractFunction(fn)?.readOnly === false)) {
      throw new LedgerError('LEDGER_BAD_PROPOSAL', 'a query asks for a function that writes')
    }
    const { nonce, timeMs } = query
    const answers: (readonly EndorsedAnswer[])[] = []
    // One height for all: commits run between the tasks of the event loop, and nothing here waits for one.
    const { head } = this.#writer
    for (const one of query.queries) {
      const { status, result } = await this.#read(one, caller, timeMs)
      const content = {
        channel: query.channel,
        mspId: this.#mspId,
        ...one,
        nonce,
        height: head.number,
        blockHash: head.hash,
        timeMs: this.#nowMs(),
        status,
        result,
      }
      answers.push([endorseContent(this.#crypto, this.#nodeKey, content)])
    }
    return answers
  }

  /**
   * Puts a new configuration into a block of its own.
   * @returns the number of the block.
   * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED`, `LEDGER_STORAGE_FAILED`
   */
  configure(update: ConfigurationUpdate): number {
    this.#writer.requireWritable()
    this.#writer.flushAll()
    const timeMs = Math.max(this.#nowMs(), this.#writer.head.timeMs)
    const next = checkConfigurationUpdate(this.#crypto, this.#configuration, update, timeMs, (mspId, serial) =>
      this.#isRevoked(mspId, serial),
    )
    const mspId = mspIdOf(next, this.#nodeKey)
    this.#writer.writeConfiguration(encodeConfigurationUpdate(update), timeMs)
    this.#configuration = next
    this.#mspId = mspId
    return this.#writer.head.number
  }

  /** The update that put configuration `sequence` in force, as it stands in its block; that of 0 has no signatures. */
  configurationUpdate(sequence: number): Uint8Array | undefined {
    const number = this.#store.configurationBlocks()[sequence]
    return number === undefined ? undefined : this.#store.block(number)?.transactions[0]
  }

  block(number: number): EncodedBlock | undefined {
    return this.#store.block(number)
  }

  transaction(txId: TxId): PlacedTransaction | undefined {
    const stored = this.#store.findTransaction(txId)
    return stored === undefined ? undefined : this.#placed(stored)
  }

  /** Resolves when block `number` is there, `signal` is aborted, or the node is closed. */
  waitForBlock(number: number, signal: AbortSignal): Promise<void> {
    return this.#writer.waitForBlock(number, signal)
  }

  /** Commits what waits and closes the files. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#writer.close()
    this.#store.close()
  }

  async #accept(signed: SignedProposal, proposal: Proposal, txId: TxId): Promise<PlacedTransaction> {
    const { mspId, cert, timeMs, fn, args } = proposal
    const caller = this.#members.check(this.#configuration, mspId, cert, timeMs)
    if (!isProposalSignedBy(this.#crypto, caller.key, signed)) throw signatureInvalid()
    this.#requireRecent(timeMs)
    if (findContractFunction(fn)?.readOnly === true) {
      throw new LedgerError('LEDGER_BAD_PROPOSAL', 'a function that only reads is for queries')
    }
    this.#writer.requireWritable()
    const height = this.#writer.head.number
    const simulation = await simulate(this.#contract, this.#store, { txId, timeMs, fn, args, caller })
    return this.#writer.write({ txId, signed, proposal, simulation, height })
  }

  async #read(
    { fn, args }: EndorsedQuery,
    caller: Member,
    timeMs: number,
  ): Promise<{ readonly status: ReadStatus; readonly result: string }> {
    try {
      const { result } = await simulate(this.#contract, this.#store, { txId: NO_TX, timeMs, fn, args, caller })
      return { status: 200, result }
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code === 'LEDGER_FAULT' || error.code === 'LEDGER_STORAGE_FAILED') {
        throw error
      }
      return { status: error.code, result: '' }
    }
  }

  /** A nonce is for one proposal: another one under the same id is refused, not answered with the first one's status. */
  #findEarlier(txId: TxId, proposal: Uint8Array): Promise<PlacedTransaction> | undefined {
    const inFlight = this.#inFlight.get(txId)
    if (inFlight !== undefined) {
      if (!equalBytes(inFlight.proposal, proposal)) throw nonceReused()
      return inFlight.placed
    }
    const placed = this.transaction(txId)
    if (placed === undefined) return undefined
    if (!equalBytes(placed.transaction.signed.proposal, proposal)) throw nonceReused()
    return Promise.resolve(placed)
  }

  #placed({ block, index, bytes }: StoredTransaction): PlacedTransaction {
    return { block, index, transaction: decodeTransaction(this.#crypto, bytes) }
  }

  #isRevoked(mspId: MspId, serialHex: string): boolean {
    return this.#store.get(stateKeys.revokedCertificate(mspId, serialHex)) !== undefined
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new LedgerError('LEDGER_UNAVAILABLE', 'the ledger is closed')
  }

  #requireChannel(channel: string): void {
    if (channel !== this.#configuration.channel) throw new LedgerError('LEDGER_WRONG_CHANNEL', 'not this channel')
  }

  #requireRecent(timeMs: number): void {
    if (Math.abs(this.#nowMs() - timeMs) > MAX_PROPOSAL_SKEW_MS) {
      throw new LedgerError('LEDGER_STALE_PROPOSAL', 'signed too long ago, or in the future')
    }
  }
}

/** Queries have no transaction. */
const NO_TX = '0'.repeat(64) as TxId

function withoutConflict(placed: PlacedTransaction): PlacedTransaction {
  if (placed.transaction.status !== 'VALID') {
    throw new LedgerError('LEDGER_CONFLICT', 'what the transaction had read was changed before it')
  }
  return placed
}

function signatureInvalid(): LedgerError {
  return new LedgerError('LEDGER_SIGNATURE_INVALID', 'not signed with the key of the certificate')
}

function nonceReused(): LedgerError {
  return new LedgerError('LEDGER_BAD_PROPOSAL', 'the nonce was used for another proposal')
}
