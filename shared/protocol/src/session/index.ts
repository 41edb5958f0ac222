/**
 * Sessions between a client and the trusted application: docs/protocol/05-sessions.md.
 *
 * @module
 */
export * from './client.ts'
export { ClientSession, MAX_WAITING } from './client-session.ts'
export * from './messages.ts'
export {
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  peekRecord,
  RECORD_HEADER_BYTES,
  RECORD_TAG_BYTES,
  SESSION_LIFETIME_MS,
  SID_BYTES,
} from './record-layer.ts'
export {
  decodeOutcomes,
  decodeRecords,
  encodeOutcomes,
  encodeRecords,
  MAX_ITEMS,
  type RecordOutcome,
} from './record-items.ts'
