/**
 * The versions of records that a block shows.
 *
 * @module
 */
import type { LedgerBlock } from '../../../ledger/client/src/port.ts'
import { decodeCommitGroups } from '../../../shared/ledger-model/src/index.ts'
import { type BatchId, batchIdShape, ProtocolError } from '../../../shared/protocol/src/index.ts'
import type { CommittedItem } from '../../../shared/tee-abi/src/index.ts'

/** Items of every `commit` that took effect, in the order of the block. */
export function committedItems(block: LedgerBlock): readonly CommittedItem[] {
  return block.transactions.flatMap(({ status, fn, args, txId }) => {
    if (status !== 'VALID' || fn !== 'commit') return []
    // The contract takes no such commit, so the node that sent the block lies: it gives no hints.
    const groups = decodeCommitGroups(args[1] ?? '')
    const batchId = batchIdOf(args[0])
    if (groups === undefined || batchId === undefined) return []
    return groups
      .flatMap(({ items }) => items)
      .map(({ recordId, version }, index): CommittedItem => [recordId, version, batchId, index, txId, block.number])
  })
}

function batchIdOf(text: unknown): BatchId | undefined {
  try {
    return batchIdShape(text, 'batchId')
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}
