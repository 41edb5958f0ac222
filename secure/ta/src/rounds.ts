/**
 * When the trusted application commits, and when its frames leave (docs/protocol/10-tee-abi.md §10.4): everything that
 * arrived in one turn of the event loop goes into one round; nothing leaves before what it tells of is durable. What
 * arrives while the disk works is handled meanwhile and goes into the next round, which so grows under load.
 *
 * @module
 */
import type { TrustedApplication } from '../../core/src/index.ts'

/** How soon to look again when something is due without a message. */
const TICK_MS = 100

export interface RoundsOptions {
  readonly application: Pick<TrustedApplication, 'commit' | 'isDue' | 'state'>
  /** Makes what was committed durable; undefined if there is nothing. */
  sync(): Promise<void> | undefined
  /** Takes frames that may leave, of one round. */
  release(frames: readonly Uint8Array[]): void
  /** The disk failed: what was not released is not acknowledged, and never will be. */
  fail(error: unknown): void
}

export class Rounds {
  readonly #options: RoundsOptions
  #isScheduled = false
  #isSyncing = false
  /** A round is due while another is on its way to the disk. */
  #isHeld = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: RoundsOptions) {
    this.#options = options
  }

  /** Something arrived, or is there at the start. */
  soon(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#commit())
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #commit(): void {
    this.#isScheduled = false
    if (this.#isSyncing) {
      this.#isHeld = true
      return
    }
    const frames = this.#options.application.commit()
    const durable = this.#options.sync()
    if (durable === undefined) this.#release(frames)
    else void this.#releaseWhen(durable, frames)
  }

  async #releaseWhen(durable: Promise<void>, frames: readonly Uint8Array[]): Promise<void> {
    this.#isSyncing = true
    try {
      await durable
    } catch (error) {
      this.#options.fail(error)
      return
    }
    this.#isSyncing = false
    this.#release(frames)
    if (this.#isHeld) this.soon()
    this.#isHeld = false
  }

  #release(frames: readonly Uint8Array[]): void {
    const { application } = this.#options
    this.#options.release(frames)
    // Something may be due later although nothing arrives.
    if (application.state === 'stopped' || this.#timer !== undefined || !application.isDue) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.soon()
    }, TICK_MS)
  }
}
