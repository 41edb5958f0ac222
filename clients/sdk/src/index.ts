/**
 * The TrustHealth SDK: attested sessions, records and their proofs, permissions. Runs in browsers and in Node.
 *
 * @module
 */
export {
  ChainWalk,
  type BlockPage,
  type ChainProgress,
  type ChainRun,
  type ChainWalkOptions,
  type FetchBlocks,
} from './audit/chain-walk.ts'
export { type ChainFacts, type CheckpointFact, type ConfigurationFact, type MisuseFact } from './audit/chain-facts.ts'
export { LogWalk, type FetchConsistency, type GivenUpEntries, type LogWalkOptions } from './audit/log-walk.ts'
export { recognise, type Pasted } from './audit/recognise.ts'
export * from './audit/report.ts'
export { AuditorClient, readCheckpoints, type AuditorOptions, type LedgerAudit, type LogAudit } from './auditor.ts'
export {
  Author,
  MAX_RECORDS_AT_ONCE,
  prepareRecord,
  type KeptRecord,
  type NewRecord,
  type PreparedRecord,
  type StoredRecord,
  type StoreOutcome,
} from './author.ts'
export { CommitmentStream, type CommitmentCarrier, type CommitmentStreamOptions } from './commitment-stream.ts'
export * from './device-join.ts'
export * from './directories.ts'
export { DoctorClient, type ChainStored, type ChainTurn, type EmergencyReason, type HeldWarrant } from './doctor.ts'
export { ClientError, codeOf, isUnavailable, type Retention } from './errors.ts'
export { HospitalClient } from './hospital.ts'
export { HospitalApi } from './hospital-api.ts'
export type * from './hospital-answers/apps.ts'
export type * from './hospital-answers/devices.ts'
export type * from './hospital-answers/ledger.ts'
export type * from './hospital-answers/outbox.ts'
export type * from './hospital-answers/people.ts'
export type * from './hospital-answers/recovery.ts'
export type * from './hospital-answers/reviews.ts'
export type * from './hospital-answers/status.ts'
export type * from './hospital-answers/visits.ts'
export { authorizationOf, type Fetch, type HospitalApiOptions, type RequestSigner } from './hospital-calls.ts'
export { HttpTransport, type BinaryFetch } from './http-transport.ts'
export * from './identity.ts'
export * from './ledger-reader.ts'
export {
  allItems,
  Participant,
  type AccessEntry,
  type Emergency,
  type ParticipantOptions,
  type ReadOptions,
  type RecordPage,
  type RecordSearch,
  type RecordVersion,
} from './participant.ts'
export { PatientClient, type AccessTerms, type IssuedWarrant, type WarrantTerms } from './patient.ts'
export * from './ports.ts'
export * from './record-answer.ts'
export * from './renew-identity.ts'
export * from './seal.ts'
export { SecureSession, type SecureSessionOptions } from './secure-session.ts'
export { SessionPool, type PooledSession, type Session } from './session-pool.ts'
export { formatRecordFile, parseRecordFile, type RecordFile } from './record-file.ts'
export { StreamTransport, type OpenSocket, type Socket } from './stream-transport.ts'
export { TreatmentKeyring } from './treatment-keyring.ts'
export type * from './types.ts'
export { type ErasedReport } from './verify-erased.ts'
export { verifyRecord, type RecordReport, type VerifyOptions, type VersionPlace } from './verify-record.ts'
export * from './witnesses.ts'
