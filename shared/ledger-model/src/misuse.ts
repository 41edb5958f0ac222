/**
 * Reports of misuse. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import {
  bool,
  list,
  type MspId,
  mspIdShape,
  oneOf,
  type ParticipantRef,
  participantRefShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { type RegisteredRef, registeredRefShape } from './participants.ts'

export const MISUSE_CODES = [
  'no-permission',
  'excessive-access',
  'wrong-record',
  'key-misuse',
  'forked-log',
  'other',
] as const
export type MisuseCode = (typeof MISUSE_CODES)[number]

/** The `report JSON` of `reportMisuse`. */
export interface MisuseReport {
  readonly subject: RegisteredRef
  readonly code: MisuseCode
  /** Digests (hex SHA-256) of what shows it; the evidence itself stays off the ledger. */
  readonly evidence: readonly Sha256Hex[]
}

const reportMembers = {
  subject: registeredRefShape(),
  code: oneOf(...MISUSE_CODES),
  evidence: list<Sha256Hex>(sha256HexShape, { max: 16 }),
}

export const misuseReportShape: Shape<MisuseReport> = struct(reportMembers)

/** A report as it stands on the ledger. */
export interface MisuseEntry extends MisuseReport {
  readonly reporter: ParticipantRef
  readonly mspId: MspId
  readonly timeMs: number
  readonly txId: TxId
}

/** Result of `misuseOf`. */
export interface MisuseRecord {
  readonly ref: ParticipantRef
  /** Whether grants to the participant are suspended because of a report. */
  readonly flagged: boolean
  /** Oldest first, the first 1,000. */
  readonly reports: readonly MisuseEntry[]
}

export const misuseRecordShape: Shape<MisuseRecord> = struct({
  ref: participantRefShape,
  flagged: bool(),
  reports: list(
    struct({
      ...reportMembers,
      reporter: participantRefShape,
      mspId: mspIdShape,
      timeMs: uint(),
      txId: txIdShape,
    }),
    { max: 1_000 },
  ),
})
