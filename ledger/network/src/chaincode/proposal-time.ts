/**
 * A proposal says itself when it was made, and the contract takes that for the time of the transaction. So each
 * organisation's chaincode process compares it with its own clock before the contract runs: at the door, like a ledger
 * node. Spec: docs/protocol/07-ledger.md §7.1.
 *
 * @module
 */
import type { Context } from 'fabric-contract-api'
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'

const MAX_OFF_MS = 300_000

/** @throws {LedgerError} `LEDGER_STALE_PROPOSAL`; the message starts with the code (§7.7). */
export function checkProposalTime({ stub }: Pick<Context, 'stub'>, nowMs: number): Promise<void> {
  const offMs = Math.abs(stub.getDateTimestamp().getTime() - nowMs)
  if (offMs <= MAX_OFF_MS) return Promise.resolve()
  return Promise.reject(
    new LedgerError('LEDGER_STALE_PROPOSAL', 'LEDGER_STALE_PROPOSAL: the proposal is more than five minutes off'),
  )
}
