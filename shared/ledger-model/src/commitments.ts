/**
 * Batches of commitments: the argument of `commit`, and what the ledger answers about them.
 * Spec: docs/protocol/07-ledger.md §7.3.
 *
 * The argument has one text per value: `encodeCommitGroups` writes it, the contract refuses any other. That makes equal
 * batches equal texts, keeps the text as it is in the world state, and finds a member that stands twice without a slow
 * parser.
 *
 * @module
 */
import {
  type AuthorRef,
  authorRefShape,
  b64u,
  type BatchId,
  batchIdShape,
  type CommitmentJson,
  commitmentJsonMembers,
  commitmentJsonShape,
  list,
  type ParticipantRef,
  participantRefShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  tuple,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { MAX_BATCH_ITEMS, MAX_LOOKUP_COMMITMENTS } from './limits.ts'

/** Commitments of one author under one signature (docs/protocol/04-records.md §4.2). */
export interface CommitGroup {
  readonly author: AuthorRef
  /** b64u, 64 bytes. */
  readonly signature: string
  /** 1 up. */
  readonly items: readonly CommitmentJson[]
}

export const commitGroupShape: Shape<CommitGroup> = struct({
  author: authorRefShape,
  signature: b64u(64),
  items: list(commitmentJsonShape, { min: 1, max: MAX_BATCH_ITEMS }),
})

export const commitGroupsShape: Shape<readonly CommitGroup[]> = list(commitGroupShape, {
  min: 1,
  max: MAX_BATCH_ITEMS,
})

/** The text of the argument: members sorted, no white space. The values need no escapes. */
export function encodeCommitGroups(groups: readonly CommitGroup[]): string {
  return `[${groups.map(encodeCommitGroup).join(',')}]`
}

/** One group in the form that it has inside the argument. */
export function encodeCommitGroup({ author, signature, items }: CommitGroup): string {
  return `{"author":"${author}","items":[${items.map(encodeItem).join(',')}],"signature":"${signature}"}`
}

function encodeItem(item: CommitmentJson): string {
  return (
    `{"doctorTag":"${item.doctorTag}","ehrHash":"${item.ehrHash}","patientTag":"${item.patientTag}",` +
    `"previous":"${item.previous}","recordId":"${item.recordId}","version":${item.version},` +
    `"warrantHash":"${item.warrantHash}"}`
  )
}

/** Result of `commit`. */
export interface CommitResult {
  readonly batchId: BatchId
  readonly count: number
  /** The transaction that wrote the batch: an earlier one when it is repeated. */
  readonly txId: TxId
  readonly timeMs: number
}

export const commitResultShape: Shape<CommitResult> = struct({
  batchId: batchIdShape,
  count: uint({ min: 1, max: MAX_BATCH_ITEMS }),
  txId: txIdShape,
  timeMs: uint(),
})

/** Result of `batch`; also what stands at `batch/…`. */
export interface BatchRecord extends CommitResult {
  /** Who put it on the ledger; the authors signed its groups. */
  readonly by: ParticipantRef
  readonly groups: readonly CommitGroup[]
}

export const batchRecordShape: Shape<BatchRecord> = struct({
  batchId: batchIdShape,
  by: participantRefShape,
  count: uint({ min: 1, max: MAX_BATCH_ITEMS }),
  groups: commitGroupsShape,
  timeMs: uint(),
  txId: txIdShape,
})

/** Result of `commitment`; `commitments` answers a list of them. */
export interface CommitmentRecord extends CommitmentJson {
  readonly author: AuthorRef
  readonly batchId: BatchId
  /** From 0 through all groups of the batch. */
  readonly index: number
  readonly txId: TxId
  readonly timeMs: number
}

export const commitmentRecordShape: Shape<CommitmentRecord> = struct({
  ...commitmentJsonMembers,
  author: authorRefShape,
  batchId: batchIdShape,
  index: uint({ max: MAX_BATCH_ITEMS - 1 }),
  txId: txIdShape,
  timeMs: uint(),
})

/** Leaf hash of a commitment (docs/protocol/04-records.md §4.2), and the transaction that wrote its batch. */
export type CommitmentLeaf = readonly [leaf: Sha256Hex, txId: TxId]

/** Result of `commitmentLeaves`. */
export const commitmentLeavesShape: Shape<readonly CommitmentLeaf[]> = list(tuple(sha256HexShape, txIdShape), {
  max: MAX_LOOKUP_COMMITMENTS,
})

export const commitmentRecordsShape: Shape<readonly CommitmentRecord[]> = list(commitmentRecordShape, {
  max: MAX_LOOKUP_COMMITMENTS,
})
