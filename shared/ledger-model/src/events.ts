/**
 * Events: what a committed transaction tells subscribers, one per function at most. References and digests only, no
 * personal data. Spec: docs/protocol/07-ledger.md §7.6.
 *
 * @module
 */
import { literal, oneOf, type Shape, struct, text } from '../../protocol/src/index.ts'

export const EVENT_NAMES = [
  'HashCreated',
  'HashUpdated',
  'ParticipantRegistered',
  'ParticipantSuspended',
  'ParticipantReinstated',
  'KeysChanged',
  'WarrantRecorded',
  'WarrantRevoked',
  'Granted',
  'GrantRevoked',
  'BatchCommitted',
  'CheckpointAnchored',
  'MisuseReported',
  'MeasurementsChanged',
  'CertificateRevoked',
  'ProgramApproved',
  'ProgramWithdrawn',
  'SuccessionApproved',
  'SuccessionWithdrawn',
  'RetentionChanged',
  'RecordReleased',
] as const

export type EventName = (typeof EVENT_NAMES)[number]

export interface LedgerEvent {
  readonly name: EventName
  /** JSON, members sorted. */
  readonly payload: string
}

const eventShape = struct({ name: oneOf(...EVENT_NAMES), payload: text({ max: 4_096 }) })

/** An event, or null for none. */
export const eventOrNullShape: Shape<LedgerEvent | null> = (value, where) =>
  value === null ? literal(null)(value, where) : eventShape(value, where)
