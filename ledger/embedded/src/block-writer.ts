/**
 * Orders simulated transactions into blocks and writes them.
 *
 * Group commit: what arrives while a block is being written goes into the next one together. Alone, a transaction is
 * written at once. No timers: the check phase of the event loop, after everything that the sockets had, writes the block.
 *
 * @module
 */
import { setImmediate } from 'node:timers'
import type { Crypto, SigningKey } from '../../../shared/crypto/src/index.ts'
import {
  type BlockKind,
  type ChainHead,
  encodeTransaction,
  LedgerError,
  type LedgerTransaction,
  makeBlock,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_TRANSACTIONS,
  type Proposal,
  type SignedProposal,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import type { Simulation } from './simulator.ts'
import type { AppendedTransaction, LedgerStore } from './store.ts'

/** A transaction that stands in a block. */
export interface PlacedTransaction {
  readonly block: number
  readonly index: number
  readonly transaction: LedgerTransaction
}

/** A transaction that was simulated and waits for its block. */
export interface SimulatedTransaction {
  readonly txId: TxId
  readonly signed: SignedProposal
  readonly proposal: Proposal
  readonly simulation: Simulation
  /** Number of the block that the simulation saw. */
  readonly height: number
}

interface Waiting {
  readonly simulated: SimulatedTransaction
  readonly resolve: (placed: PlacedTransaction) => void
  readonly reject: (error: unknown) => void
}

interface Ordered {
  readonly transaction: LedgerTransaction
  readonly appended: AppendedTransaction
}

export class BlockWriter {
  readonly #crypto: Crypto
  readonly #store: LedgerStore
  readonly #nodeKey: SigningKey
  readonly #nowMs: () => number
  readonly #waiting: Waiting[] = []
  readonly #watchers = new Set<() => void>()
  #head: ChainHead
  #waitingBytes = 0
  #isFlushPlanned = false
  #failure: LedgerError | undefined
  #isClosed = false

  constructor(crypto: Crypto, store: LedgerStore, nodeKey: SigningKey, nowMs: () => number, head: ChainHead) {
    this.#crypto = crypto
    this.#store = store
    this.#nodeKey = nodeKey
    this.#nowMs = nowMs
    this.#head = head
  }

  /** The newest block. */
  get head(): ChainHead {
    return this.#head
  }

  /** Transactions that wait for a block, and their bytes. */
  get waiting(): { readonly count: number; readonly bytes: number } {
    return { count: this.#waiting.length, bytes: this.#waitingBytes }
  }

  get isWritable(): boolean {
    return this.#failure === undefined && !this.#isClosed
  }

  /** @throws {LedgerError} `LEDGER_STORAGE_FAILED` since a block could not be written, `LEDGER_UNAVAILABLE` once closed. */
  requireWritable(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isClosed) throw new LedgerError('LEDGER_UNAVAILABLE', 'the ledger is closed')
  }

  /** Resolves when the transaction is durable in a block, valid or not. @throws {LedgerError} as `requireWritable` */
  write(simulated: SimulatedTransaction): Promise<PlacedTransaction> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ simulated, resolve, reject })
      this.#waitingBytes += simulated.signed.proposal.length
      this.#planFlush()
    })
  }

  /** Writes a configuration into a block of its own, after everything that waits. */
  writeConfiguration(bytes: Uint8Array, timeMs: number): void {
    this.requireWritable()
    this.#append('config', [{ txId: undefined, bytes, writes: [] }], timeMs)
  }

  /** Writes everything that waits now. */
  flushAll(): void {
    while (this.#waiting.length > 0) this.#flush()
  }

  /** Resolves when block `number` is there, `signal` is aborted, or the writer is closed. */
  async waitForBlock(number: number, signal: AbortSignal): Promise<void> {
    while (number > this.#head.number && !signal.aborted && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#watchers.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#watchers.add(done)
        signal.addEventListener('abort', done)
      })
    }
  }

  /** Writes what waits and refuses everything after that. */
  close(): void {
    this.flushAll()
    this.#isClosed = true
    this.#wake()
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return
    this.#isFlushPlanned = true
    setImmediate(() => {
      this.#isFlushPlanned = false
      this.#flush()
      if (this.#waiting.length > 0) this.#planFlush()
    })
  }

  /** Writes one block of what waits. */
  #flush(): void {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    const number = this.#head.number + 1
    const written = new Set<string>()
    const ordered = batch.map(({ simulated }) => this.#order(simulated, written))
    try {
      this.requireWritable()
      const appended = ordered.map((one) => one.appended)
      this.#append('data', appended, this.#nowMs())
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    for (const [index, { resolve }] of batch.entries()) {
      resolve({ block: number, index, transaction: (ordered[index] as Ordered).transaction })
    }
  }

  #takeBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { simulated } of this.#waiting) {
      if (count === MAX_BLOCK_TRANSACTIONS || bytes > MAX_BLOCK_BYTES) break
      bytes += simulated.signed.proposal.length
      count++
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  /**
   * Decides whether what the transaction read still holds (Fabric's MVCC check), and makes it what stands in the block.
   * @param written keys that transactions before it in the same block write.
   */
  #order({ signed, proposal, txId, simulation, height }: SimulatedTransaction, written: Set<string>): Ordered {
    const isCurrent = [...simulation.reads].every(([key, seen]) => {
      if (written.has(key)) return false
      return height === this.#head.number || this.#store.version(key) === seen
    })
    const { result, event, writes } = simulation
    const outcome = isCurrent
      ? ({ status: 'VALID', result, writes, event } as const)
      : ({ status: 'MVCC_CONFLICT', result: '', writes: [], event: null } as const)
    for (const { key } of outcome.writes) written.add(key)
    const bytes = encodeTransaction(signed, proposal.args, outcome)
    return { transaction: { txId, signed, proposal, ...outcome }, appended: { txId, bytes, writes: outcome.writes } }
  }

  #append(kind: BlockKind, transactions: readonly AppendedTransaction[], timeMs: number): void {
    const content = { kind, timeMs, transactions: transactions.map(({ bytes }) => bytes) }
    const { block, head } = makeBlock(this.#crypto, this.#nodeKey, this.#head, content)
    try {
      this.#store.append(block, head, kind, transactions)
    } catch (error) {
      // Whether the disk took it is not known any more: only a restart tells.
      this.#failure = new LedgerError('LEDGER_STORAGE_FAILED', 'the ledger could not write a block', { cause: error })
      throw this.#failure
    }
    this.#head = head
    this.#wake()
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
