/**
 * What became of transactions that were submitted: follows the blocks and tells whoever waits. Only what stands in a
 * block counts.
 *
 * @module
 */
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../../shared/protocol/src/index.ts'
import type { CommittedTransaction, LedgerBlock } from '../port.ts'

/** Outcomes that are kept for whoever submits the same again. */
const MAX_KEPT = 10_000

export interface CommitsOptions {
  /** Number of the first block that can hold what is submitted from now on. */
  readonly nextBlock: () => Promise<number>
  readonly blocks: (from: number, signal: AbortSignal) => AsyncIterable<LedgerBlock>
}

/** One transaction that somebody waits for; end it. */
export interface CommitWatch {
  /** The transaction in its block; undefined when the time is over first. */
  within(ms: number): Promise<CommittedTransaction | undefined>
  end(): void
}

export class Commits {
  readonly #options: CommitsOptions
  readonly #watched = new Map<TxId, (found: CommittedTransaction) => void>()
  readonly #kept = new Map<TxId, CommittedTransaction>()
  readonly #stop = new AbortController()
  #following: Promise<void> | undefined

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** An outcome that somebody waited for. */
  find(txId: TxId): CommittedTransaction | undefined {
    return this.#kept.get(txId)
  }

  keep(found: CommittedTransaction): void {
    if (this.#kept.size >= MAX_KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest)
        break
      }
    }
    this.#kept.set(found.txId, found)
  }

  /** Follows blocks: what is submitted after this resolves is seen. @throws {LedgerError} */
  ready(): Promise<void> {
    this.#following ??= this.#start().catch((error: unknown) => {
      this.#following = undefined
      throw error
    })
    return this.#following
  }

  /** Call it before the transaction is submitted; one watches each transaction. */
  watch(txId: TxId): CommitWatch {
    let tell: (found: CommittedTransaction) => void = () => undefined
    const seen = new Promise<CommittedTransaction>((resolve) => (tell = resolve))
    this.#watched.set(txId, tell)
    return {
      within: (ms) => firstOf(seen, ms, this.#stop.signal),
      end: () => this.#watched.delete(txId),
    }
  }

  close(): void {
    this.#stop.abort()
  }

  async #start(): Promise<void> {
    const from = await this.#options.nextBlock()
    void this.#follow(from)
  }

  /** The stream goes on by itself while peers are away; if something else ends it, the next submission begins a new one. */
  async #follow(from: number): Promise<void> {
    try {
      for await (const block of this.#options.blocks(from, this.#stop.signal)) {
        for (const transaction of block.transactions) this.#see(transaction)
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
    this.#following = undefined
  }

  /** The first word on a transaction counts: a repetition stands in a block, too. */
  #see(transaction: CommittedTransaction): void {
    const tell = this.#watched.get(transaction.txId)
    if (tell === undefined) return
    this.#watched.delete(transaction.txId)
    tell(transaction)
  }
}

function firstOf<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve) => {
    const end = (value?: T) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', give)
      resolve(value)
    }
    const give = () => end()
    const timer = setTimeout(give, ms)
    signal.addEventListener('abort', give, { once: true })
    if (signal.aborted) give()
    void promise.then(end)
  })
}
