/**
 * Lets some through at once, a number wait in their order, and turns away the rest: so that a peer is not asked for more
 * than it answers in time.
 *
 * @module
 */
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'

export class Gate {
  readonly #maxInside: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(maxInside: number, maxWaiting: number) {
    this.#maxInside = maxInside
    this.#maxWaiting = maxWaiting
  }

  /** @throws {LedgerError} `LEDGER_BUSY` at once when too many wait. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#maxInside) {
      if (this.#waiting.length >= this.#maxWaiting)
        throw new LedgerError('LEDGER_BUSY', 'too much waits for the ledger')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#inside++
    try {
      return await step()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}
