/**
 * The Ledger port: what programs ask of the shared ledger, whichever one it is. Two adapters: embedded/ (HTTP to the
 * one-machine ledger) and fabric/ (Hyperledger Fabric). The suite testkit/src/suites/ledger.ts runs on both.
 *
 * Common to all methods: refusals are `LedgerError`s with the code of docs/protocol/07-ledger.md; a ledger that does not
 * answer within the deadline is `LEDGER_UNAVAILABLE`, after the adapter's own repetitions. What comes back was parsed
 * from input of a node that may lie: only answers of `endorsedRead`, verified by the reader, are proof.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../../shared/crypto/src/index.ts'
import type {
  BlockKind,
  EndorsedAnswer,
  EndorsedQuery,
  LedgerEvent,
  SignedProposal,
  TransactionStatus,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId, TxId } from '../../../shared/protocol/src/index.ts'

/** Who signs proposals and queries. */
export interface LedgerIdentity {
  readonly mspId: MspId
  /** DER certificate of `signingKey`. */
  readonly cert: Uint8Array
  readonly signingKey: SigningKey
}

/** What the client of every ledger takes. */
export interface LedgerClientOptions {
  readonly crypto: Crypto
  /** Signs queries. Who relays for others (a hospital, a server's normal world) signs with its own. */
  readonly identity: LedgerIdentity
  /** How long one request may take; default 10 s. */
  readonly attemptMs?: number
  /** How long a call repeats itself while the ledger is away; default 30 s. */
  readonly deadlineMs?: number
  /** Unix ms; default the system's clock. */
  readonly nowMs?: () => number
}

/** A call of a contract function. */
export type LedgerCall = EndorsedQuery

/** Where a transaction stands, once it is in a block and wrote what it wanted. */
export interface CommitStatus {
  readonly txId: TxId
  /** Number of the block. */
  readonly block: number
  /** Place in the block, from 0. */
  readonly index: number
  /** The transaction's own time. */
  readonly timeMs: number
  /** What the contract function returned. */
  readonly result: string
}

/** A transaction in a block, valid or not. */
export interface CommittedTransaction extends CommitStatus {
  /** On Fabric only: too few organisations endorsed it; `INVALID`: peers found it malformed, or a repetition. */
  readonly status: TransactionStatus | 'ENDORSEMENT_POLICY_FAILURE' | 'INVALID'
  readonly mspId: MspId
  readonly fn: string
  readonly args: readonly string[]
  readonly event: LedgerEvent | null
}

export interface LedgerBlock {
  readonly number: number
  /** 32 bytes. */
  readonly hash: Uint8Array
  readonly timeMs: number
  readonly kind: BlockKind
  /** Empty in a configuration block. */
  readonly transactions: readonly CommittedTransaction[]
  /** The block as the ledger encodes it, for readers who verify the chain themselves. */
  readonly encoded: Uint8Array
}

export interface EndorsedReadRequest {
  /** 32 bytes of the reader, who checks that the answers carry it. */
  readonly nonce: Uint8Array
  /** Number of a block that the answers must reflect. */
  readonly minHeight?: number
}

export interface Ledger {
  readonly channel: string

  /**
   * Makes a signed proposal of `call`. It may be kept and submitted again: it counts once.
   * @throws {LedgerError} on Fabric, where this includes endorsement, the refusals of the function.
   */
  prepare(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal>

  /**
   * Submits a signed proposal and waits until it is committed: durable when this resolves.
   *
   * Repeats the same proposal itself while the ledger is away or busy. After a failure the caller may submit the same
   * proposal again, also after a restart: if it had been committed, its first status is the answer.
   * @throws {LedgerError} the function's refusals; `LEDGER_CONFLICT`: it is in a block but wrote nothing, because what
   * it had read was changed before it. That is final for this proposal: prepare a new one (`submitCall` does).
   */
  submit(signed: SignedProposal): Promise<CommitStatus>

  /**
   * Result of a read-only function at some recent height. Trusts the node that answers.
   * @throws {LedgerError} the function's refusals
   */
  query(call: LedgerCall): Promise<string>

  /**
   * Signed answers of the organisations to one call. Checks nothing: the reader does, with `verifyEndorsedRead`.
   * A refusal of the function is an answer, not an error.
   */
  endorsedRead(request: EndorsedReadRequest & LedgerCall): Promise<readonly EndorsedAnswer[]>

  /** As `endorsedRead` for 1 to 64 calls at once, under one nonce; answers in the order of the calls. */
  endorsedReads(
    request: EndorsedReadRequest & { readonly queries: readonly LedgerCall[] },
  ): Promise<readonly (readonly EndorsedAnswer[])[]>

  /** Number of the newest block. */
  height(): Promise<number>

  /** A block by its number; undefined if there is none yet. */
  block(number: number): Promise<LedgerBlock | undefined>

  /**
   * Blocks from number `from` on, in order, each once, without end: waits for new ones, and goes on by itself after the
   * ledger was away. Ends when `signal` is aborted or the iteration is left.
   */
  blocks(from: number, options?: { readonly signal?: AbortSignal }): AsyncIterable<LedgerBlock>

  /** A transaction that is in a block; undefined if there is none. */
  transaction(txId: TxId): Promise<CommittedTransaction | undefined>

  /** Frees connections; what is under way fails with `LEDGER_UNAVAILABLE`. */
  close(): Promise<void>
}
