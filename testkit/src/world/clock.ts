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
  /** Moves the wall clock alone, as a lying host can: negative holds it back. */
  shiftWallMs(ms: number): void
}

export function createMovableClock(): MovableClock {
  let aheadMs = 0
  let wallMs = 0
  return {
    nowMs: () => Date.now() + aheadMs + wallMs,
    monotonicMs: () => Math.floor(performance.now()) + aheadMs,
    advanceMs(ms) {
      if (ms < 0) throw new RangeError('time goes ahead')
      aheadMs += ms
    },
    shiftWallMs(ms) {
      wallMs += ms
    },
  }
}
