/**
 * Answers that say where something stands on the ledger.
 *
 * @module
 */
import {
  batchIdShape,
  list,
  recordIdShape,
  struct,
  text,
  txIdShape,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'

export const ledgerReceiptShape = struct({ txId: txIdShape, block: uint(), result: text({ max: 65_536 }) })
/** @useDeclaredType */
export type LedgerReceipt = Infer<typeof ledgerReceiptShape>

export const placeShape = struct({ batchId: batchIdShape, index: uint(), txId: txIdShape, block: uint() })
export type CommittedPlace = Infer<typeof placeShape>

const ledgerPlaceShape = struct({
  recordId: recordIdShape,
  version: uint({ min: 1 }),
  batchId: batchIdShape,
  index: uint({ max: 999 }),
})
/** @useDeclaredType */
export type LedgerPlace = Infer<typeof ledgerPlaceShape>

export const placesShape = struct({ places: list(ledgerPlaceShape, { max: 65_536 }) })
