/**
 * The versions of records that a block shows.
 *
 * @module
 */
import type { LedgerBlock } from '../../../ledger/client/src/port.ts'
import { commitGroupsShape, MAX_ARGUMENT_LENGTH } from '../../../shared/ledger-model/src/index.ts'
import { batchIdShape, parseJson, ProtocolError } from '../../../shared/protocol/src/index.ts'
import type { CommittedItem } from '../../../shared/tee-abi/src/index.ts'

/** Items of every `commit` that took effect, in the order of the block. */
export function committedItems(block: LedgerBlock): readonly CommittedItem[] {
  return block.transactions.flatMap(({ status, fn, args, txId }) => {
    if (status !== 'VALID' || fn !== 'commit') return []
    try {
      const batchId = batchIdShape(args[0], 'batchId')
      const groups = commitGroupsShape(parseJson(args[1] ?? '', { maxBytes: MAX_ARGUMENT_LENGTH }), 'groups')
      return groups
        .flatMap(({ items }) => items)
        .map(({ recordId, version }, index): CommittedItem => [recordId, version, batchId, index, txId, block.number])
    } catch (error) {
      // The contract takes no such commit, so the node that sent the block lies: it gives no hints.
      if (error instanceof ProtocolError) return []
      throw error
    }
  })
}
