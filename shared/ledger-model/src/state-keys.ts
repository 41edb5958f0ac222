/**
 * Keys of the world state: ASCII, `/` between parts, parts without `/`. Where several keys hold one subject, a range
 * over the prefix with its final `/` lists them in order (docs/protocol/07-ledger.md §7.9).
 *
 * @module
 */
import type {
  BatchId,
  GrantId,
  MspId,
  ParticipantRef,
  PatientRef,
  RecordId,
  ServerRef,
  Sha256Hex,
  TxId,
  WarrantId,
} from '../../protocol/src/index.ts'

/** Decimal digits of numbers inside keys, so that their text order is their order. */
const NUMBER_DIGITS = 16

export const stateKeys = {
  /** Algorithm 1's record of a patient. */
  record: (patient: PatientRef) => `record/${patient}`,
  /** Registration of a patient: status, hospitals, keys. */
  patient: (patient: PatientRef) => `patient/${patient}`,
  /** Permissions that are current or ended a short time ago: what `patientPolicy` reads. */
  warrantsOf: (patient: PatientRef) => `warrants/${patient}`,
  grantsOf: (patient: PatientRef) => `grants/${patient}`,
  /** Every permission that ever was. */
  warrant: (id: WarrantId) => `warrant/${id}`,
  grant: (patient: PatientRef, id: GrantId) => `grant/${patient}/${id}`,
  grantPrefix: (patient: PatientRef) => `grant/${patient}/`,
  /** A participant other than a patient; the same record stands at both. */
  participant: (ref: ParticipantRef) => `participant/${ref}`,
  member: (mspId: MspId, ref: ParticipantRef) => `member/${mspId}/${ref}`,
  memberPrefix: (mspId: MspId) => `member/${mspId}/`,
  /** Exists while the participant is suspended or flagged. */
  sanction: (ref: ParticipantRef) => `sanction/${ref}`,
  organization: (mspId: MspId) => `organization/${mspId}`,
  revokedCertificate: (mspId: MspId, serialHex: string) => `revoked/${mspId}/${serialHex}`,
  revokedPrefix: (mspId: MspId) => `revoked/${mspId}/`,
  programVote: (measurement: Sha256Hex, mspId: MspId) => `program/${measurement}/${mspId}`,
  programPrefix: (measurement: Sha256Hex) => `program/${measurement}/`,
  successionVotes: (server: ServerRef, mspId: MspId) => `succession/${server}/${mspId}`,
  successionPrefix: (server: ServerRef) => `succession/${server}/`,
  /** How long the organisation keeps, and records that it released. */
  retention: (mspId: MspId) => `retention/${mspId}`,
  retentionRelease: (mspId: MspId, record: RecordId) => `released/${mspId}/${record}`,
  batch: (id: BatchId) => `batch/${id}`,
  checkpoint: (server: ServerRef) => `checkpoint/${server}`,
  checkpointAt: (server: ServerRef, epoch: number) => `checkpoint-at/${server}/${digits(epoch)}`,
  checkpointPrefix: (server: ServerRef) => `checkpoint-at/${server}/`,
  misuse: (ref: ParticipantRef, timeMs: number, tx: TxId) => `misuse/${ref}/${digits(timeMs)}-${tx}`,
  misusePrefix: (ref: ParticipantRef) => `misuse/${ref}/`,
} as const

/** The first key after all keys that start with `prefix`, which ends with `/`. */
export function rangeEnd(prefix: string): string {
  if (!prefix.endsWith('/')) throw new RangeError('a range is over a prefix that ends with /')
  return `${prefix.slice(0, -1)}0` // `0` follows `/` in ASCII
}

function digits(value: number): string {
  return String(value).padStart(NUMBER_DIGITS, '0')
}
