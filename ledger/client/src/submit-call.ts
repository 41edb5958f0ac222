/**
 * Submitting a call until it is committed, whatever else changes the same data meanwhile.
 *
 * @module
 */
import { LedgerError } from '../../../shared/ledger-model/src/index.ts'
import type { CommitStatus, Ledger, LedgerCall, LedgerIdentity } from './port.ts'

const DEFAULT_ATTEMPTS = 8

/**
 * Prepares and submits `call`; after `LEDGER_CONFLICT` with a new proposal, at most `attempts` times in all.
 * @throws {LedgerError} as `Ledger.submit`; `LEDGER_CONFLICT` only after the last attempt.
 */
export async function submitCall(
  ledger: Ledger,
  identity: LedgerIdentity,
  call: LedgerCall,
  attempts: number = DEFAULT_ATTEMPTS,
): Promise<CommitStatus> {
  for (let attempt = 1; ; attempt++) {
    const signed = await ledger.prepare(identity, call)
    try {
      return await ledger.submit(signed)
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'LEDGER_CONFLICT' || attempt >= attempts) throw error
    }
  }
}
