/**
 * Whether an entry stands in a record server's log: in the tree of a checkpoint that the server signed, which is consistent
 * with the one that the ledger has. Spec: docs/protocol/06-log-and-checkpoints.md §6.3, 07-ledger.md §7.12.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  checkpointRecordShape,
  participantRecordShape,
  serverNoteKeys,
} from '../../../shared/ledger-model/src/index.ts'
import { decodeCbor, type CborValue } from '../../../shared/protocol/src/index.ts'
import {
  leafHash,
  logOrigin,
  openCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '../../../shared/tlog/src/index.ts'
import { ClientError } from './errors.ts'
import { readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'
import type { LogPlace } from './record-answer.ts'
import { NO_SERVER } from './run-check.ts'

/** Members of a log entry (08-access.md §8.3), by name; nothing of them is checked yet. */
export type LogEntryMembers = Readonly<Record<string, CborValue>>

export interface LogPlaceOptions {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  readonly serverRef: string
  /** Consistency proof between two sizes of the server's log. Undefined: the log cannot be compared with the ledger. */
  readonly consistencyProof: ((from: number, to: number) => Promise<readonly Uint8Array[]>) | undefined
}

/**
 * @param isRight whether the entry says what it is given for.
 * @returns the epoch of the ledger's checkpoint.
 * @throws {ClientError} `LOG_PROOF_INVALID`, `CLIENT_CHECK_SKIPPED`, what reading the ledger throws.
 * @throws {LogError} `LOG_*`: `LOG_NOT_CONSISTENT` if the ledger was shown another log.
 */
export async function checkLogPlace(
  { index, size, entry, proof, checkpoint }: LogPlace,
  isRight: (entry: LogEntryMembers) => boolean,
  { crypto, ledger, serverRef, consistencyProof }: LogPlaceOptions,
): Promise<number> {
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const origin = logOrigin(serverRef)
  const keys = serverNoteKeys(crypto, server)
  const opened = openCheckpoint(crypto, checkpoint, origin, keys).checkpoint
  if (opened.size !== size) throw new ClientError('LOG_PROOF_INVALID')
  verifyInclusion(crypto, leafHash(crypto, entry), index, size, proof, opened.root)
  const members = membersOf(entry)
  if (members === undefined || !isRight(members)) throw new ClientError('LOG_PROOF_INVALID')
  const { value: anchored } = await readLedger(ledger, 'checkpoint', [serverRef], checkpointRecordShape)
  const anchor = openCheckpoint(crypto, anchored.checkpoint, origin, keys).checkpoint
  if (consistencyProof === undefined) throw new ClientError('CLIENT_CHECK_SKIPPED', { detail: NO_SERVER })
  const [older, newer] = anchor.size <= opened.size ? [anchor, opened] : [opened, anchor]
  const consistency = await consistencyProof(older.size, newer.size)
  verifyConsistency(crypto, older.size, newer.size, older.root, newer.root, consistency)
  return anchored.epoch
}

/** Undefined: the entry is no map. */
export function membersOf(entry: Uint8Array): LogEntryMembers | undefined {
  const decoded = decodeCbor(entry)
  const isMap =
    typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded) && !(decoded instanceof Uint8Array)
  return isMap ? (decoded as LogEntryMembers) : undefined
}
