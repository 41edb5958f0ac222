/**
 * Types of other parts that public methods of the SDK take and give back, for those who write their own functions around
 * them.
 *
 * @module
 */
export type { AgreementKey, Crypto, SigningKey, VerifyingKey } from '../../../shared/crypto/src/index.ts'
export type {
  ApprovedStart,
  BlockHeader,
  ChainHead,
  ChannelConfiguration,
  CheckpointRecord,
  EncodedBlock,
  EndorsedAnswer,
  FabricTrust,
  GrantRecord,
  MisuseRecord,
  ParticipantRecord,
  PatientKey,
  PatientPolicy,
  RegisteredRef,
  VerifiedTransaction,
  WarrantEntry,
} from '../../../shared/ledger-model/src/index.ts'
export type {
  AppointmentId,
  AppointmentWish,
  AttestationPolicy,
  AuditorRef,
  AuthorRef,
  BatchId,
  CborValue,
  Chain,
  ChainId,
  Commitment,
  EmergencyId,
  ErrorCode,
  EvidenceResult,
  GrantId,
  HospitalRef,
  Infer,
  Kid,
  MspId,
  ParticipantRef,
  PatientRef,
  PractitionerRef,
  Receipt,
  RecordId,
  ServerRef,
  Sha256Hex,
  Shape,
  SignedDirectory,
  TreatmentKey,
  TxId,
  Warrant,
  WarrantId,
} from '../../../shared/protocol/src/index.ts'
export type { ClientCredential, ClientRef } from '../../../shared/protocol/src/session/index.ts'
export type { Checkpoint, Cosignature, NoteKey } from '../../../shared/tlog/src/index.ts'
