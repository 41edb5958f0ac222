/**
 * Empties the outbox: fingerprints go to the ledger for every author, texts to the record server for the hospital's own
 * records. A doctor's text goes up in the doctor's own session, so it waits here until a device of the doctor takes it.
 * Sending twice does no harm: the record server knows a record by its id, and answers with the same receipt.
 *
 * @module
 */
import { ERROR_TABLE, isErrorCode, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { CommitmentBatcher } from '../commitments.ts'
import { REFUSED_FOR_GOOD } from '../refused-for-good.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
const AT_ONCE = 16

export interface DeliveryParts {
  readonly outbox: Outbox
  readonly batcher: Pick<CommitmentBatcher, 'commit'>
  /** Stores an envelope in the hospital's own session. @returns the receipt. */
  readonly store: (envelope: Uint8Array) => Promise<string>
  readonly ownRef: string
  readonly nowMs: () => number
}

export class OutboxDelivery {
  readonly #parts: DeliveryParts
  #timer: NodeJS.Timeout | undefined
  #pass: Promise<boolean> | undefined
  #pauseMs = FIRST_PAUSE_MS
  #isStopped = true
  #onFault: (error: unknown) => void = () => undefined

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  start(onFault: (error: unknown) => void): void {
    this.#isStopped = false
    this.#onFault = onFault
    void this.#run()
  }

  /** Something came, or somebody says that a part is back. */
  wake(): void {
    this.#pauseMs = FIRST_PAUSE_MS
    if (!this.#isStopped && this.#pass === undefined) void this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#pass?.catch(() => undefined)
  }

  /** One attempt for everything that waits. @returns whether nothing is left that could go. */
  async deliver(): Promise<boolean> {
    const waiting = this.#parts.outbox.open().filter((entry) => this.#canGo(entry))
    let isDone = true
    for (let i = 0; i < waiting.length; i += AT_ONCE) {
      const done = await Promise.all(waiting.slice(i, i + AT_ONCE).map((entry) => this.#deliverOne(entry)))
      if (done.includes(false)) isDone = false
      // Neither part answers anybody: the rest waits for the next attempt.
      if (!done.includes(true)) return false
      if (this.#isStopped && this.#timer !== undefined) return false
    }
    return isDone
  }

  #canGo({ state, author, place }: OutboxEntry): boolean {
    return state === 'waiting' && (author === this.#parts.ownRef || place === undefined)
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      this.#pass = this.deliver()
      const isDone = await this.#pass
      this.#pauseMs = isDone ? FIRST_PAUSE_MS : Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    } catch (error) {
      this.#onFault(error)
    } finally {
      this.#pass = undefined
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#run(), this.#pauseMs)
  }

  /** @returns whether this one needs no further attempt of ours. */
  async #deliverOne({ record, version, author, place }: OutboxEntry): Promise<boolean> {
    const { outbox, batcher, store, ownRef, nowMs } = this.#parts
    const content = outbox.content(record, version)
    if (content === undefined) return true
    try {
      const uploading = author === ownRef ? store(content.envelope) : undefined
      // The text may be there first: the record server waits a moment for the fingerprint, and the other way round.
      uploading?.catch(() => undefined)
      if (place === undefined) outbox.markCommitted(record, version, await batcher.commit(content.group))
      if (uploading !== undefined) outbox.markDelivered(record, version, await uploading, nowMs())
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) throw error
      if (REFUSED_FOR_GOOD.has(code)) outbox.markRefused(record, version, code)
      else outbox.markLate(record, version, code)
      return REFUSED_FOR_GOOD.has(code)
    }
  }
}

function codeOf(error: unknown): ErrorCode | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return isErrorCode(code) && ERROR_TABLE[code].kind !== 'internal' ? code : undefined
}
