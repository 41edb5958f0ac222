/**
 * Batches of commitments. Spec: docs/protocol/07-ledger.md §7.3 and 04-records.md §4.1, §4.2.
 *
 * One state key holds a whole batch: many keys would cost one write each on every peer. The text of the argument goes
 * into the state as it is; `encodeCommitGroups` is its only form.
 *
 * @module
 */
import { decodeBase64url, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  type BatchRecord,
  type CommitGroup,
  type CommitmentLeaf,
  type CommitmentRecord,
  decodeCommitGroups,
  encodeCommitGroups,
  LedgerError,
  MAX_BATCH_ITEMS,
  MAX_LOOKUP_COMMITMENTS,
  type ParticipantRecord,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  type BatchId,
  batchIdShape,
  commitmentFromChecked,
  commitmentLeaf,
  doctorTag,
  list,
  sha256Hex,
  tuple,
  uint,
  verifyCommitments,
} from '../../../../shared/protocol/src/index.ts'
import { badArgument, jsonArgument, numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { activeCaller, findParticipants, forbidden, requireActive } from '../callers.ts'
import { event, find, toJson } from '../state.ts'
import { verifyingKey } from '../verifying-keys.ts'

const placesShape = list(tuple(batchIdShape, uint({ max: MAX_BATCH_ITEMS - 1 })), {
  min: 1,
  max: MAX_LOOKUP_COMMITMENTS,
})

/**
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `BATCH_DIFFERENT`, `PARTICIPANT_UNKNOWN`,
 * `PARTICIPANT_SUSPENDED`, `COMMIT_TAG_MISMATCH`, `COMMIT_SIGNATURE_INVALID`
 */
export async function commit(call: ContractCall, batchText: string, groupsText: string): Promise<Outcome> {
  const batchId = plainArgument(batchIdShape, 'batchId', batchText)
  const { groups, count } = groupsArgument(groupsText)
  const caller = await activeCaller(call)
  if (caller.kind === 'doctor' && groups.some((group) => group.author !== caller.ref)) throw forbidden()

  const key = stateKeys.batch(batchId)
  const current = await call.state.get(key)
  if (current !== undefined) {
    const earlier = JSON.parse(current) as BatchRecord
    if (encodeCommitGroups(earlier.groups) !== groupsText) {
      throw new LedgerError('BATCH_DIFFERENT', 'the batch id was used with other content')
    }
    return { result: toJson({ batchId, count, txId: earlier.txId, timeMs: earlier.timeMs }) }
  }
  const authors = await findParticipants(call, [...new Set(groups.map(({ author }) => author))])
  for (const group of groups) checkGroup(call, authors.get(group.author), group)

  const { txId, timeMs } = call.tx
  await call.state.put(
    key,
    `{"batchId":"${batchId}","by":"${caller.ref}","count":${count},"groups":${groupsText},"timeMs":${timeMs},"txId":"${txId}"}`,
  )
  return { result: toJson({ batchId, count, txId, timeMs }), event: event('BatchCommitted', { batchId, count }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `BATCH_NOT_FOUND` */
export async function batch(call: ContractCall, batchText: string): Promise<Outcome> {
  const batchId = plainArgument(batchIdShape, 'batchId', batchText)
  const text = await call.state.get(stateKeys.batch(batchId))
  if (text === undefined) throw notFound()
  return { result: text }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `BATCH_NOT_FOUND` (also for an index past its end) */
export async function commitment(call: ContractCall, batchText: string, indexText: string): Promise<Outcome> {
  const batchId = plainArgument(batchIdShape, 'batchId', batchText)
  const index = numberArgument('index', indexText)
  const records = await recordsOf(call, batchId)
  return { result: toJson(recordAt(records, index)) }
}

/** @throws {LedgerError} as `commitment`; one that is missing refuses all */
export async function commitments(call: ContractCall, placesText: string): Promise<Outcome> {
  const records = await recordsAt(call, placesText)
  return { result: `[${records.map(toJson).join(',')}]` }
}

/**
 * What somebody needs who has the commitments and asks whether they are there. One that is missing refuses nobody else: many
 * askers share a question, and some of them name a place before this node has it, or one that never was.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`
 */
export async function commitmentLeaves(call: ContractCall, placesText: string): Promise<Outcome> {
  const places = jsonArgument(placesShape, 'places', placesText)
  const batches = new Map<BatchId, readonly CommitmentRecord[]>()
  for (const [batchId] of places) {
    if (!batches.has(batchId)) batches.set(batchId, (await findRecordsOf(call, batchId)) ?? [])
  }
  const leaves = places.map(([batchId, index]): CommitmentLeaf | null => {
    const found = batches.get(batchId)?.[index]
    if (found === undefined) return null
    const { author: _a, batchId: _b, index: _i, timeMs: _t, txId, ...item } = found
    return [sha256Hex(commitmentLeaf(call.crypto, commitmentFromChecked(item))), txId]
  })
  return { result: JSON.stringify(leaves) }
}

/** What stands at these places. @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `BATCH_NOT_FOUND` */
export async function recordsAt(call: ContractCall, placesText: string): Promise<readonly CommitmentRecord[]> {
  const places = jsonArgument(placesShape, 'places', placesText)
  const batches = new Map<BatchId, readonly CommitmentRecord[]>()
  for (const [batchId] of places) if (!batches.has(batchId)) batches.set(batchId, await recordsOf(call, batchId))
  return places.map(([batchId, index]) => recordAt(batches.get(batchId) ?? [], index))
}

/** The one form of the text is checked with it. */
function groupsArgument(text: string): { readonly groups: readonly CommitGroup[]; readonly count: number } {
  const groups = decodeCommitGroups(text)
  if (groups === undefined) throw badArgument('groups')
  return { groups, count: groups.reduce((sum, group) => sum + group.items.length, 0) }
}

function checkGroup(call: ContractCall, found: ParticipantRecord | undefined, group: CommitGroup): void {
  const { crypto } = call
  const author = requireActive(found)
  const items = group.items.map(commitmentFromChecked)
  for (const item of items) {
    if (!equalBytes(doctorTag(crypto, group.author, item.patientTag), item.doctorTag)) {
      throw new LedgerError('COMMIT_TAG_MISMATCH', 'a tag is not the author’s')
    }
  }
  const key = verifyingKey(crypto, author.publicKey)
  if (!verifyCommitments(crypto, key, group.author, items, decodeBase64url(group.signature))) {
    throw new LedgerError('COMMIT_SIGNATURE_INVALID', 'the author did not sign these commitments')
  }
}

async function recordsOf(call: ContractCall, batchId: BatchId): Promise<readonly CommitmentRecord[]> {
  const records = await findRecordsOf(call, batchId)
  if (records === undefined) throw notFound()
  return records
}

async function findRecordsOf(call: ContractCall, batchId: BatchId): Promise<readonly CommitmentRecord[] | undefined> {
  const record = await find<BatchRecord>(call.state, stateKeys.batch(batchId))
  if (record === undefined) return undefined
  const { txId, timeMs } = record
  let index = 0
  return record.groups.flatMap(({ author, items }) =>
    items.map((item) => ({ ...item, author, batchId, index: index++, txId, timeMs })),
  )
}

function recordAt(records: readonly CommitmentRecord[], index: number): CommitmentRecord {
  const record = records[index]
  if (record === undefined) throw notFound()
  return record
}

function notFound(): LedgerError {
  return new LedgerError('BATCH_NOT_FOUND', 'no such batch or index')
}
