/**
 * Anchored checkpoints of TEE servers. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import {
  list,
  type ServerRef,
  serverRefShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  text,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { MAX_CHECKPOINT_LENGTH } from './limits.ts'

/** Result of `checkpoint`. */
export interface CheckpointRecord {
  readonly serverRef: ServerRef
  /** 1 for the first one, then one more each time. */
  readonly epoch: number
  /** Entries of the server's log. */
  readonly size: number
  /** Hex, root of the log at that size. */
  readonly root: Sha256Hex
  /** The signed checkpoint note. */
  readonly checkpoint: string
  readonly timeMs: number
  readonly txId: TxId
}

/** Origin of a server's checkpoints and name of the key that signs them (docs/protocol/06-log-and-checkpoints.md §6.4). */
export function logOriginOf(server: ServerRef): string {
  return `trusthealth/${server}`
}

export const checkpointTextShape = text({ min: 1, max: MAX_CHECKPOINT_LENGTH })

export const checkpointRecordShape: Shape<CheckpointRecord> = struct({
  serverRef: serverRefShape,
  epoch: uint({ min: 1 }),
  size: uint(),
  root: sha256HexShape,
  checkpoint: checkpointTextShape,
  timeMs: uint(),
  txId: txIdShape,
})

/** Result of `checkpointHistory`, oldest first. */
export interface CheckpointPage {
  readonly items: readonly CheckpointRecord[]
  /** Give it back for the next page; empty at the end. */
  readonly bookmark: string
}

export const checkpointPageShape: Shape<CheckpointPage> = struct({
  items: list(checkpointRecordShape, { max: 1_000 }),
  bookmark: text({ max: 256 }),
})
