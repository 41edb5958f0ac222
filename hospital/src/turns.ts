/**
 * Begins only some requests in each turn of the event loop. The runtime accepts one new connection in a turn; a turn in
 * which every open connection has a request takes as long as all of them, and whoever comes new waits for as many such
 * turns as there are others before: with 50 busy connections a minute and more, until the signed request is too old.
 *
 * Limits: what waits is one request of each connection, so it is bounded by their number.
 *
 * @module
 */
import { setImmediate } from 'node:timers'

/** About as many as take a few milliseconds. */
const BEGUN_IN_A_TURN = 4

export class Turns {
  readonly #mostInATurn: number
  #waiting: (() => void)[] = []
  #begun = 0
  #isNextScheduled = false

  constructor(mostInATurn = BEGUN_IN_A_TURN) {
    this.#mostInATurn = mostInATurn
  }

  /** Calls `begin` now, or in one of the next turns, in the order of the calls. It must not throw. */
  take(begin: () => void): void {
    this.#scheduleNext()
    if (this.#begun < this.#mostInATurn && this.#waiting.length === 0) {
      this.#begun++
      begin()
    } else this.#waiting.push(begin)
  }

  #scheduleNext(): void {
    if (this.#isNextScheduled) return
    this.#isNextScheduled = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    this.#isNextScheduled = false
    const now = this.#waiting.splice(0, this.#mostInATurn)
    this.#begun = now.length
    if (now.length > 0) this.#scheduleNext()
    for (const begin of now) begin()
  }
}
