/**
 * Checks a whole chain of blocks, page after page, wherever they come from: hash chain, transaction roots, the ledger
 * nodes' and every writer's signature, the authors' signatures under every batch. It can be stopped between two blocks
 * and goes on there. Needs no network and no clock of its own. Spec: docs/protocol/07-ledger.md §7.4, §7.10.
 *
 * Not seen by it: a ledger that its nodes rewrote from some block on and signed again. Compare the newest hash with one
 * that somebody else kept (`expectedHead`).
 *
 * @module
 */
import { equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  blockInvalid,
  ChainVerifier,
  LedgerError,
  placeOf,
  type ChainHead,
  type ChannelConfiguration,
  type EncodedBlock,
} from '../../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../errors.ts'
import { ChainFacts } from './chain-facts.ts'

/** Some blocks in order. */
export interface BlockPage {
  /** Number of the newest block, as the source says. */
  readonly height: number
  /** Empty after the last one. */
  readonly blocks: readonly EncodedBlock[]
}

/** Fetches blocks from number `from` on; not believed. */
export type FetchBlocks = (from: number) => Promise<BlockPage>

export interface ChainWalkOptions {
  readonly crypto: Crypto
  readonly fetchBlocks: FetchBlocks
  /** What block 0 must be; without it, block 0 is taken as it is. */
  readonly genesis?: ChannelConfiguration
  /** A block that the chain must contain, kept from an earlier check. */
  readonly expectedHead?: { readonly number: number; readonly hash: Uint8Array }
  /**
   * Hash of a block that this reader checked whole in an earlier walk: the block must be the same, and signatures that
   * the hash covers are not checked again.
   */
  readonly seen?: (number: number) => Uint8Array | undefined
  /** Every block as it passes, with its hash: to be kept for `seen`. */
  readonly onBlock?: (number: number, hash: Uint8Array) => void
  /** Lets others have their turn; awaited every few blocks. */
  readonly turn?: () => Promise<void>
}

export interface ChainProgress {
  /** Checked so far. */
  readonly blocks: number
  /** As the source says. */
  readonly height: number
  /** Of `blocks`: only compared with what an earlier walk had checked. */
  readonly seen: number
  readonly transactions: number
  /** Versions of records whose fingerprints their authors signed. */
  readonly records: number
}

export interface ChainRun {
  /** Stops before the next block. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ChainProgress) => void
}

const BLOCKS_A_TURN = 8

export class ChainWalk {
  readonly facts: ChainFacts
  readonly #options: ChainWalkOptions
  readonly #verifier: ChainVerifier
  #height = 0
  #transactions = 0
  #seen = 0
  #fault: LedgerError | undefined

  constructor(options: ChainWalkOptions) {
    this.#options = options
    this.#verifier = new ChainVerifier(options.crypto, options.genesis)
    this.facts = new ChainFacts(options.crypto)
  }

  /** The newest block that was checked. */
  get head(): ChainHead | undefined {
    return this.#verifier.head
  }

  /** Keys of the world state that have a value after the blocks so far. */
  get stateKeys(): number {
    return [...this.#verifier.state.values()].filter(({ digest }) => digest !== null).length
  }

  /** Where a transaction stands among the blocks so far. */
  findTransaction(txId: TxId): { readonly block: number; readonly index: number } | undefined {
    const place = this.#verifier.places.get(txId)
    return place === undefined ? undefined : placeOf(place)
  }

  get progress(): ChainProgress {
    const blocks = this.head === undefined ? 0 : this.head.number + 1
    return {
      blocks,
      height: this.#height,
      seen: this.#seen,
      transactions: this.#transactions,
      records: this.facts.records,
    }
  }

  /**
   * Goes on where it stopped.
   * @returns false if it was stopped.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the first block at fault; everything before it is consistent. The
   * same again if it is called again. @throws whatever `fetchBlocks` throws: then it may be called again.
   */
  async run({ signal, onProgress = () => undefined }: ChainRun = {}): Promise<boolean> {
    if (this.#fault !== undefined) throw this.#fault
    const isStopped = (): boolean => signal?.aborted === true
    let waiting: Promise<BlockPage> | undefined = this.#fetch()
    while (waiting !== undefined) {
      const { height, blocks }: BlockPage = await waiting
      this.#height = Math.max(this.#height, height, this.progress.blocks + blocks.length - 1)
      const after = this.progress.blocks + blocks.length
      // The next page is on its way while this one is checked.
      waiting = blocks.length > 0 && after <= this.#height ? this.#fetch(after) : undefined
      for (const [i, block] of blocks.entries()) {
        if (isStopped()) return false
        this.#take(block)
        onProgress(this.progress)
        if (i % BLOCKS_A_TURN === 0) await this.#options.turn?.()
      }
    }
    this.#checkEnd()
    return true
  }

  #fetch(from = this.progress.blocks): Promise<BlockPage> {
    const page = this.#options.fetchBlocks(from)
    // Looked at when it is awaited; until then nobody may call it unhandled.
    page.catch(() => undefined)
    return page
  }

  #take(block: EncodedBlock): void {
    try {
      const { expectedHead, seen, onBlock } = this.#options
      const known = seen?.(this.progress.blocks)
      const { head, header, transactions } = this.#verifier.next(block, known)
      if (expectedHead?.number === head.number && !equalBytes(expectedHead.hash, head.hash)) {
        throw blockInvalid(head.number, 'it has another hash than the one kept')
      }
      this.facts.apply(head.number, header, transactions, block.transactions, known !== undefined)
      this.#transactions += transactions.length
      if (known !== undefined) this.#seen++
      onBlock?.(head.number, head.hash)
    } catch (error) {
      if (error instanceof LedgerError) this.#fault = error
      throw error
    }
  }

  #checkEnd(): void {
    const end = Math.max(this.#height, this.#options.expectedHead?.number ?? 0)
    const { blocks } = this.progress
    if (blocks === 0) throw new ClientError('LEDGER_BLOCK_INVALID', { detail: 'There is no block.' })
    if (blocks <= end) throw (this.#fault = blockInvalid(blocks, 'it is missing'))
  }
}
