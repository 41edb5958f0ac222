/**
 * Batches of commitments: the argument of `commit`, and what the ledger answers about them.
 * Spec: docs/protocol/07-ledger.md §7.3.
 *
 * The argument has one text per value: `encodeCommitGroups` writes it, the contract refuses any other. That makes equal
 * batches equal texts, keeps the text as it is in the world state, and lets `decodeCommitGroups` read it in one pass, by
 * that form alone.
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

const HASH = '[0-9a-f]{64}'
const GROUP_START = /\{"author":"([dh]-[0-9a-f]{32})","items":\[/y
const ITEM = new RegExp(
  `\\{"doctorTag":"(${HASH})","ehrHash":"(${HASH})","patientTag":"(${HASH})","previous":"(${HASH}|)",` +
    `"recordId":"(r-[0-9a-f]{32})","version":([1-9][0-9]{0,15}),"warrantHash":"(${HASH})"\\}`,
  'y',
)
/** The last letter of 64 bytes has two bits that count. */
const GROUP_END = /\],"signature":"([A-Za-z0-9_-]{85}[AQgw])"\}/y

/**
 * The groups of a text that `encodeCommitGroups` writes, undefined for every other text: in one pass, because every
 * endorser, host and index reads each batch.
 */
export function decodeCommitGroups(text: string): readonly CommitGroup[] | undefined {
  const groups: CommitGroup[] = []
  let at = 0
  let items = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    at = pattern.lastIndex
    return found
  }
  do {
    // Past "[", or the comma between two groups.
    if (text[at++] !== (groups.length === 0 ? '[' : ',')) return undefined
    const start = take(GROUP_START)
    if (start === null) return undefined
    const group: CommitmentJson[] = []
    do {
      if (group.length > 0) at++
      const item = take(ITEM)
      const version = Number(item?.[6])
      if (item === null || !Number.isSafeInteger(version)) return undefined
      const [, doctorTag, ehrHash, patientTag, previous, recordId, , warrantHash] = item
      if ((version === 1) !== (previous === '')) return undefined
      if (++items > MAX_BATCH_ITEMS) return undefined
      group.push({ doctorTag, ehrHash, patientTag, previous, recordId, version, warrantHash } as CommitmentJson)
    } while (text[at] === ',')
    const end = take(GROUP_END)
    if (end === null) return undefined
    groups.push({ author: start[1] as AuthorRef, signature: end[1] as string, items: group })
  } while (at < text.length - 1)
  return text[at] === ']' && at === text.length - 1 ? groups : undefined
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

const commitmentLeafShape = tuple(sha256HexShape, txIdShape)

/** Result of `commitmentLeaves`: null where nothing stands. */
export const commitmentLeavesShape: Shape<readonly (CommitmentLeaf | null)[]> = list(
  (value, where) => (value === null ? null : commitmentLeafShape(value, where)),
  { max: MAX_LOOKUP_COMMITMENTS },
)

export const commitmentRecordsShape: Shape<readonly CommitmentRecord[]> = list(commitmentRecordShape, {
  max: MAX_LOOKUP_COMMITMENTS,
})
