/**
 * What the clients ask of their surroundings. Node and browsers give different ones; tests give their own.
 *
 * @module
 */
import type { CborValue } from '../../../shared/protocol/src/index.ts'

/** Carries opaque session messages to one TEE server. Whoever implements it is not trusted. */
export interface Transport {
  /** Where it leads; ways with the same address are down together. */
  readonly address?: string
  /** §5.1 to §5.3. @throws {ClientError} `SERVER_UNAVAILABLE`, or the code that the host answered. */
  hello(hello: Uint8Array): Promise<Uint8Array>
  /** §5.5: the answer is a session record. */
  finish(finish: Uint8Array): Promise<Uint8Array>
  /** One session record for one. Requests of one session may be under way together. */
  record(record: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** A ledger answer whose endorsements were checked, with the reader's own nonce. */
export interface LedgerAnswer {
  /** 200, or the code with which the contract refused. */
  readonly status: 200 | string
  /** JSON text of the function's result. */
  readonly result: string
  readonly height: number
  /** Newest agreed ledger time, Unix milliseconds. */
  readonly timeMs: number
}

/** Reads the ledger by a way that does not pass the TEE server. */
export interface LedgerReader {
  /**
   * One answer per query, in order. Verified: signatures of a quorum of organisations over a fresh nonce.
   * @throws {ClientError} `LEDGER_UNAVAILABLE`, `ENDORSEMENT_*`
   */
  read(queries: readonly LedgerQuery[], options?: { readonly minHeight?: number }): Promise<LedgerAnswer[]>
  /** Whether one node of one organisation is the whole ledger (practice). */
  readonly isPractice: boolean
  /** Whom it asks, for people: shown beside the result. */
  readonly source: string
}

export interface LedgerQuery {
  readonly fn: string
  readonly args: readonly string[]
}

export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number
  /** Never goes back; origin unspecified. */
  monotonicMs(): number
}

/** A request to the trusted application: `cmd` and its members (§8.5). */
export type RequestBody = Readonly<Record<string, CborValue>>
