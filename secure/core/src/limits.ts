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
  /** Bytes of the authenticated state that are kept once they were checked. */
  readonly stateBytes: number
  /** Changes of the state that wait in its journal. */
  readonly stateChanges: number
  /** Nodes of the log, about 150 bytes each. */
  readonly logNodes: number
  /** Rows of listed records that are kept, about 1 kB each. */
  readonly listedRows: number
  /** Patients that are kept, and warrants, about 1 kB each. */
  readonly patients: number
  readonly warrants: number
}

export const DEFAULT_LIMITS: Limits = {
  waitingBytes: 256 * 1024 * 1024,
  stagedRecords: 100_000,
  stagedOfAuthor: 20_000,
  policyUnits: 4_000_000,
  stateBytes: 48 * 1024 * 1024,
  stateChanges: 32_768,
  logNodes: 65_536,
  listedRows: 50_000,
  patients: 50_000,
  warrants: 10_000,
}

/** For a platform that has some MiB for all of it. */
export const SMALL_LIMITS: Limits = {
  waitingBytes: 1024 * 1024,
  stagedRecords: 1_000,
  stagedOfAuthor: 500,
  policyUnits: 100_000,
  stateBytes: 512 * 1024,
  stateChanges: 1_024,
  logNodes: 2_048,
  listedRows: 200,
  patients: 200,
  warrants: 100,
}
