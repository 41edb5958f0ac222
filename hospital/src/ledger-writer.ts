/**
 * Writes to the ledger as one identity of the hospital.
 *
 * @module
 */
import type { Ledger, LedgerIdentity } from '../../ledger/client/src/index.ts'
import { submitCall } from '../../ledger/client/src/index.ts'
import type { LedgerWriter } from './ports.ts'

export function ledgerWriterOf(ledger: Ledger, identity: LedgerIdentity): LedgerWriter {
  return {
    async submit(fn, args) {
      const { txId, block, result } = await submitCall(ledger, identity, { fn, args })
      return { txId, block, result }
    },
  }
}
