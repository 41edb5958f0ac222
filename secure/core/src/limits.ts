/**
 * How much may wait or be remembered inside the trusted application. Where something waits, past the limit new requests
 * are refused with TEE_BUSY; what was taken is not affected.
 *
 * @module
 */

export interface Limits {
  /** Bytes of requests that wait for the ledger. */
  readonly waitingBytes: number
  /** Records that are staged and not yet on the ledger. */
  readonly stagedRecords: number
  /** Of them, of one author: nobody can take the room of all. */
  readonly stagedOfAuthor: number
  /** UTF-16 units of patients' policies, about 1,000 each, that need not be parsed again (facts/policy-texts.ts). */
  readonly policyUnits: number
}

export const DEFAULT_LIMITS: Limits = {
  waitingBytes: 256 * 1024 * 1024,
  stagedRecords: 100_000,
  stagedOfAuthor: 20_000,
  policyUnits: 4_000_000,
}
