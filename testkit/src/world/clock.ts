/**
 * A clock that runs with the machine's and can be moved ahead by hand: warrants end, sessions grow old, nobody waits.
 *
 * @module
 */
import type { Clock } from '../../../clients/sdk/src/ports.ts'
import type { ClockPort } from '../../../secure/core/src/ports.ts'

export interface MovableClock extends Clock, ClockPort {
  /** Moves both clocks ahead. */
  advanceMs(ms: number): void
}

export function createMovableClock(): MovableClock {
  let aheadMs = 0
  return {
    nowMs: () => Date.now() + aheadMs,
    monotonicMs: () => Math.floor(performance.now()) + aheadMs,
    advanceMs(ms) {
      if (ms < 0) throw new RangeError('time goes ahead')
      aheadMs += ms
    },
  }
}

/** The clock that the record server's host shows its trusted application: the world's, until the host lies. */
export interface ServerClock extends ClockPort {
  /** Stands still at this time; undefined: honest again. */
  holdMs(nowMs: number | undefined): void
}

export function createServerClock(clock: ClockPort): ServerClock {
  let heldMs: number | undefined
  return {
    nowMs: () => heldMs ?? clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    holdMs(nowMs) {
      heldMs = nowMs
    },
  }
}
