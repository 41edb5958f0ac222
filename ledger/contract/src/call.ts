/**
 * What a contract function gets and gives. Functions are pure in (world state, transaction, arguments): no clock, no
 * randomness, no locale, no network, so that every endorser computes the same bytes.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import type { LedgerEvent, Role } from '../../../shared/ledger-model/src/index.ts'
import type { MspId, ParticipantRef, TxId } from '../../../shared/protocol/src/index.ts'

/**
 * The committed state as of the start of the transaction. As in Fabric, a `get` after a `put` of the same transaction
 * still gives the committed value, and `range` and `history` may be used by read-only functions only.
 */
export interface WorldState {
  get(key: string): Promise<string | undefined>
  /**
   * As `get`, for keys that change rarely and have a mark (`markOf`). Whoever runs the contract may remember values: then
   * the mark is read in place of the key, and a change of another key with the same mark conflicts, too.
   */
  getSteady(key: string): Promise<string | undefined>
  /** `value` is not empty. The key's mark is written, too. */
  put(key: string, value: string): Promise<void>
  /** As `put`, of a key that this transaction has read and that had no value: its mark stays, so nobody may remember that it had none. */
  add(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Keys that start with `prefix` (which ends with `/`), in order of their bytes.
   * @param bookmark empty, or the bookmark of the page before.
   */
  range(prefix: string, bookmark: string, limit: number): Promise<StatePage>
  /** Every value that the key had, oldest first; deletions are left out. */
  history(key: string): Promise<readonly HistoricValue[]>
}

export interface StatePage {
  readonly items: readonly { readonly key: string; readonly value: string }[]
  /** Empty at the end. */
  readonly bookmark: string
}

export interface HistoricValue {
  readonly txId: TxId
  readonly timeMs: number
  readonly value: string
}

/** Who signed the proposal, as the certificate says. */
export interface Caller {
  readonly mspId: MspId
  /** Undefined: a member without a role of ours. */
  readonly role: Role | undefined
  readonly ref: ParticipantRef | undefined
  /** Serial number of the certificate, lower-case hex. */
  readonly certSerial: string
}

export interface TransactionContext {
  readonly txId: TxId
  /** Time of the proposal, Unix ms. */
  readonly timeMs: number
  readonly caller: Caller
}

export interface ContractCall {
  /** Only hashes and signature checks are used: nothing random. */
  readonly crypto: Crypto
  readonly state: WorldState
  readonly tx: TransactionContext
}

export interface Outcome {
  readonly result: string
  readonly event?: LedgerEvent
}

/** One function of the contract; the number of arguments was checked. */
export type ContractFunction = (call: ContractCall, ...args: string[]) => Promise<Outcome>
