/**
 * How much may wait or be remembered inside the trusted application. Where something waits, past the limit new requests
 * are refused with TEE_BUSY; what was taken is not affected.
 *
 * @module
 */
import { MAX_RECORD_BYTES } from '../../../shared/protocol/src/session/record-layer.ts'

export interface Limits {
  /** Bytes of a request's record (5.7): a larger one is refused before it is opened, with RECORD_TOO_LARGE. */
  readonly recordBytes: number
  /** Open sessions; past them the least recently used goes. */
  readonly sessions: number
  /** Handshakes whose second half has not come, and how many milliseconds it may take (5.8). */
  readonly halfOpen: number
  readonly halfOpenMs: number
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
  /** Entries of the log whose indexes wait in memory, and with them the words of the records that they tell of. */
  readonly unindexed: number
  /** Rows of listed records that are kept, about 1 kB each. */
  readonly listedRows: number
  /** Newest rows of records that were read, about 1 kB each. */
  readonly newestRows: number
  /** Treatment keys that move to another sealing key in one round (lifecycle/resealing.ts). */
  readonly reseals: number
  /** Changes that are kept for a replica until it has them (11.5); past them it needs a new copy. */
  readonly keptBytes: number
  /** Patients that are kept, and warrants, about 1 kB each. */
  readonly patients: number
  readonly warrants: number
}

export const DEFAULT_LIMITS: Limits = {
  recordBytes: MAX_RECORD_BYTES,
  sessions: 16_384,
  halfOpen: 1_024,
  halfOpenMs: 10_000,
  waitingBytes: 256 * 1024 * 1024,
  stagedRecords: 100_000,
  stagedOfAuthor: 20_000,
  policyUnits: 4_000_000,
  stateBytes: 160 * 1024 * 1024,
  stateChanges: 131_072,
  logNodes: 65_536,
  unindexed: 512,
  listedRows: 50_000,
  newestRows: 4_096,
  reseals: 256,
  keptBytes: 64 * 1024 * 1024,
  patients: 50_000,
  warrants: 10_000,
}

/** For a platform that has some MiB for all of it, and where a handshake may take seconds. */
export const SMALL_LIMITS: Limits = {
  recordBytes: 32 * 1024,
  sessions: 64,
  halfOpen: 16,
  halfOpenMs: 60_000,
  waitingBytes: 384 * 1024,
  stagedRecords: 96,
  stagedOfAuthor: 64,
  policyUnits: 50_000,
  stateBytes: 128 * 1024,
  stateChanges: 256,
  logNodes: 512,
  unindexed: 128,
  listedRows: 64,
  newestRows: 16,
  reseals: 16,
  keptBytes: 0,
  patients: 64,
  warrants: 32,
}
