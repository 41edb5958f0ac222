/**
 * How much may wait inside the trusted application. Past a limit new requests are refused with TEE_BUSY; what was
 * taken is not affected.
 *
 * @module
 */

export interface Limits {
  /** Bytes of requests that wait for the ledger. */
  readonly waitingBytes: number
  /** Records that are staged and not yet on the ledger. */
  readonly stagedRecords: number
}

export const DEFAULT_LIMITS: Limits = { waitingBytes: 256 * 1024 * 1024, stagedRecords: 100_000 }
