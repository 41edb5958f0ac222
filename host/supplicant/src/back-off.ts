/**
 * Pauses between attempts: doubling, with jitter, so that many who wait do not come back at once.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'

export interface BackOff {
  readonly firstMs: number
  readonly longestMs: number
  /** 0 to 1. */
  readonly random: () => number
}

export const BACK_OFF: BackOff = { firstMs: 50, longestMs: 5_000, random: Math.random }

/** Waits before attempt `attempt` (from 1). @returns false if `signal` was aborted meanwhile. */
export async function pause(backOff: BackOff, attempt: number, signal: AbortSignal): Promise<boolean> {
  const ms = Math.min(backOff.longestMs, backOff.firstMs * 2 ** (attempt - 1)) * (0.5 + backOff.random() / 2)
  try {
    await sleep(ms, undefined, { signal })
    return true
  } catch {
    return false
  }
}
