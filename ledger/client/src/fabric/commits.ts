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
/** Without a block for so long, what was sent before may be lost. */
const SILENCE_MS = 1_000
/** Orderers keep the order roughly: what was sent so much later comes later. */
const OVERTAKEN_MS = 500

export interface CommitsOptions {
  /** Number of the first block that can hold what is submitted from now on. */
  readonly nextBlock: () => Promise<number>
  readonly blocks: (from: number, signal: AbortSignal) => AsyncIterable<LedgerBlock>
}

interface Watched {
  readonly tell: (found: CommittedTransaction) => void
  sentMs: number
}

/** One transaction that somebody waits for; end it. */
export interface CommitWatch {
  /** The transaction in its block; undefined when the time is over first. */
  within(ms: number): Promise<CommittedTransaction | undefined>
  /** An orderer took it just now. */
  sent(): void
  /** Whether it should have come: no blocks come at all, or others have that were sent later. */
  readonly isOverdue: boolean
  end(): void
}

export class Commits {
  readonly #options: CommitsOptions
  readonly #watched = new Map<TxId, Watched>()
  readonly #kept = new Map<TxId, CommittedTransaction>()
  readonly #stop = new AbortController()
  #following: Promise<void> | undefined
  #newestBlockMs = 0
  /** When the newest of what has come was sent. */
  #newestSentMs = 0

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
    const watched: Watched = { tell, sentMs: performance.now() }
    this.#watched.set(txId, watched)
    const isOverdue = (): boolean =>
      performance.now() - this.#newestBlockMs > SILENCE_MS || this.#newestSentMs > watched.sentMs + OVERTAKEN_MS
    return {
      within: (ms) => firstOf(seen, ms, this.#stop.signal),
      sent: () => {
        watched.sentMs = performance.now()
      },
      get isOverdue() {
        return isOverdue()
      },
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
        this.#newestBlockMs = performance.now()
        for (const transaction of block.transactions) this.#see(transaction)
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
    this.#following = undefined
  }

  /** The first word on a transaction counts: a repetition stands in a block, too. */
  #see(transaction: CommittedTransaction): void {
    const watched = this.#watched.get(transaction.txId)
    if (watched === undefined) return
    this.#watched.delete(transaction.txId)
    this.#newestSentMs = Math.max(this.#newestSentMs, watched.sentMs)
    watched.tell(transaction)
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
