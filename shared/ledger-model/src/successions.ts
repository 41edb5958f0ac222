/**
 * Votes of organisations for who holds a record server's store: which instance of the trusted application goes on from
 * which state. The ledger keeps the votes; whoever reads them counts, by the organisations that it knows.
 * Spec: docs/protocol/07-ledger.md §7.16.
 *
 * @module
 */
import {
  list,
  type MspId,
  mspIdShape,
  optional,
  type ServerRef,
  serverRefShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { MAX_ORGANIZATIONS } from './limits.ts'

/** Highest term. */
export const MAX_TERM = 65_535
/** Votes of one organisation for one server that the ledger keeps: the newest term and the one before. */
export const KEPT_TERMS = 2

/** A moment of a server's log below the newest anchored checkpoint, from which it goes on with the organisations' leave. */
export interface SuccessionStart {
  /** Of the newest anchored checkpoint that is given up. */
  readonly epoch: number
  /** Entries of the log with which it goes on. */
  readonly size: number
  /** Hex, root of the log at that size. */
  readonly root: Sha256Hex
}

/** Who is to hold the store in a term. */
export interface Succession {
  /** 1 and up; a higher term ends the ones before. Without any, the instance that was provisioned holds the store. */
  readonly term: number
  /** Hex SHA-256 of the instance's key (docs/protocol/10-tee-abi.md §10.9). */
  readonly instance: Sha256Hex
  /** Absent: goes on from the newest anchored checkpoint or later. */
  readonly from?: SuccessionStart
}

export interface SuccessionVote extends Succession {
  readonly mspId: MspId
  readonly timeMs: number
  readonly txId: TxId
}

/** What the ledger keeps of one organisation for one server: the newest term first, at most two. */
export interface SuccessionVotes {
  readonly votes: readonly SuccessionVote[]
}

/** Result of `succession`. */
export interface SuccessionRecord {
  readonly serverRef: ServerRef
  /** In the order of the organisations' names, of each the newest term first; none if nobody voted. */
  readonly votes: readonly SuccessionVote[]
}

export const termShape = uint({ min: 1, max: MAX_TERM })

const members = {
  term: termShape,
  instance: sha256HexShape,
  from: optional(struct({ epoch: uint({ min: 1 }), size: uint({ min: 1 }), root: sha256HexShape })),
}

export const successionShape: Shape<Succession> = struct(members)

export const successionRecordShape: Shape<SuccessionRecord> = struct({
  serverRef: serverRefShape,
  votes: list(struct({ ...members, mspId: mspIdShape, timeMs: uint(), txId: txIdShape }), {
    max: KEPT_TERMS * MAX_ORGANIZATIONS,
  }),
})

/**
 * The succession of the highest term for which more than half of the organisations voted, all of them for the same
 * instance and the same start; undefined if there is none.
 * @param organizations those that count, each once.
 */
export function approvedSuccession(
  { votes }: Pick<SuccessionRecord, 'votes'>,
  organizations: readonly MspId[],
): Succession | undefined {
  let approved: Succession | undefined
  for (const vote of votes) {
    if (approved !== undefined && vote.term <= approved.term) continue
    const approving = organizations.filter((mspId) =>
      votes.some((other) => other.mspId === mspId && isSameSuccession(other, vote)),
    )
    if (2 * approving.length > organizations.length) approved = successionOf(vote)
  }
  return approved
}

/** A start below an anchored checkpoint, and the term in which it was agreed. */
export interface ApprovedStart extends SuccessionStart {
  readonly term: number
}

/**
 * Every start for which more than half of the organisations voted, of those votes that the ledger keeps; of each epoch the
 * one of the highest term. In the order of the epochs.
 * @param organizations those that count, each once.
 */
export function approvedStarts(
  { votes }: Pick<SuccessionRecord, 'votes'>,
  organizations: readonly MspId[],
): readonly ApprovedStart[] {
  const starts = new Map<number, ApprovedStart>()
  const terms = new Set(votes.map(({ term }) => term))
  for (const term of [...terms].toSorted((a, b) => a - b)) {
    const approved = approvedSuccession({ votes: votes.filter((one) => one.term === term) }, organizations)
    if (approved?.from !== undefined) starts.set(approved.from.epoch, { term, ...approved.from })
  }
  return [...starts.values()].toSorted((a, b) => a.epoch - b.epoch)
}

/** Whether both name the same term, instance and start. */
export function isSameSuccession(one: Succession, other: Succession): boolean {
  return (
    one.term === other.term &&
    one.instance === other.instance &&
    one.from?.epoch === other.from?.epoch &&
    one.from?.size === other.from?.size &&
    one.from?.root === other.from?.root
  )
}

/** What a vote is for. */
export function successionOf({ term, instance, from }: Succession): Succession {
  return { term, instance, ...(from === undefined ? {} : { from }) }
}
