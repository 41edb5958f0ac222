/**
 * The time of a decision: the ledger's, guarded by our own clock. Spec: docs/protocol/08-access.md §8.2.
 *
 * The normal world sets our clock and could keep answers back; neither alone moves a decision by more than the
 * bounds below.
 *
 * @module
 */
import { TrustedApplicationError } from '../errors.ts'

export const MAX_CLOCK_SKEW_MS = 300_000
export const MAX_LEDGER_LAG_MS = 120_000

/**
 * @param ledgerMs newest time that the organisations agreed on.
 * @param clockMs our own clock.
 * @throws {TrustedApplicationError} `CLOCK_SKEW`
 */
export function decisionTime(ledgerMs: number, clockMs: number): number {
  if (Math.abs(ledgerMs - clockMs) > MAX_CLOCK_SKEW_MS) throw new TrustedApplicationError('CLOCK_SKEW')
  return Math.max(ledgerMs, clockMs - MAX_LEDGER_LAG_MS)
}
