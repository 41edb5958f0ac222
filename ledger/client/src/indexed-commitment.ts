/**
 * What the index of commitments holds.
 *
 * @module
 */
import type { BatchId, RecordId, Sha256Hex, TxId } from '../../../shared/protocol/src/index.ts'

/** One commitment and its place on the ledger. */
export interface IndexedCommitment {
  readonly recordId: RecordId
  readonly version: number
  readonly patientTag: Sha256Hex
  readonly doctorTag: Sha256Hex
  readonly batchId: BatchId
  /** Through all groups of the batch, from 0. */
  readonly index: number
  readonly txId: TxId
  readonly block: number
}
