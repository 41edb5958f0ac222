/**
 * Whether one version of one record may be stored: the refusals of docs/protocol/04-records.md §4.3, in their order,
 * from the warrant on. Checks only; nothing is written here.
 *
 * @module
 */
import { decodeUtf8, equalBytes } from '../../../../shared/crypto/src/index.ts'
import { extractIndex, FhirError, parseResource, type RecordIndex } from '../../../../shared/fhir/src/index.ts'
import {
  checkWarrantParties,
  checkWarrantPeriod,
  checkWarrantScope,
  makeCommitment,
  type AuthorRef,
  type ChainId,
  type Commitment,
  type HospitalRef,
  type PatientRef,
  type RecordId,
  type TreatmentKey,
} from '../../../../shared/protocol/src/index.ts'
import type { PatientPolicy } from '../../../../shared/ledger-model/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Patient } from '../patients.ts'
import type { RecordParts } from './parts.ts'
import { ERASED, type RecordRow } from './record-rows.ts'
import type { KnownWarrant } from './warrants.ts'

/** What an author sends of one version of one record. */
export interface UploadedVersion {
  readonly recordId: RecordId
  readonly version: number
  readonly author: AuthorRef
  readonly ehr: Uint8Array
  /** 32 bytes. */
  readonly salt: Uint8Array
  /** Compact JWS. */
  readonly warrant: string
  /** `ehrHash` of the version before; empty for version 1. */
  readonly previous: Uint8Array
}

/** Who uploads for whom, and what the ledger says of it. */
export interface UploadContext {
  readonly patient: Patient
  readonly policy: PatientPolicy
  readonly treatmentKey: TreatmentKey
  /** Hospitals of the author's organisation: the warrant must be of one of them. */
  readonly hospitalsOf: (author: AuthorRef) => readonly string[]
  /** Time by which warrants have ended. */
  readonly nowMs: number
  /** Time by which warrants have begun. */
  readonly reachedMs: number
}

/** A version that may be stored. */
export interface AcceptedVersion {
  readonly commitment: Commitment
  readonly author: AuthorRef
  readonly hospital: HospitalRef
  readonly chain: ChainId | null
  readonly patient: Patient
  readonly treatmentKey: TreatmentKey
  readonly warrant: KnownWarrant
  readonly index: RecordIndex
  readonly ehr: Uint8Array
  readonly salt: Uint8Array
}

/** Either something new, or what was stored or staged before under the same id with the same content. */
export type CheckedVersion =
  { readonly kind: 'new'; readonly accepted: AcceptedVersion } | { readonly kind: 'known'; readonly row: RecordRow }

/**
 * @throws {ProtocolError} or {TrustedApplicationError} `STATEMENT_MALFORMED`, `WARRANT_SIGNATURE_INVALID`,
 * `WARRANT_PARTY_MISMATCH`, `WARRANT_NOT_YET_VALID`, `WARRANT_EXPIRED`, `WARRANT_SCOPE_EXCEEDED`,
 * `WARRANT_NOT_RECORDED`, `WARRANT_REVOKED`, `RECORD_NOT_FHIR`, `RECORD_VERSION_CONFLICT`, `RECORD_ID_REUSED`,
 * `RECORD_ERASED`
 */
export function checkVersion(
  vault: RecordParts,
  context: UploadContext,
  upload: UploadedVersion,
  chain: ChainId | null,
): CheckedVersion {
  const { patient, policy, treatmentKey } = context
  const resource = readResource(upload.ehr)
  const warrant = vault.warrants.verify(upload.warrant, patient.ref, policy)
  checkTerms(warrant, context, upload, resource)
  checkRecorded(warrant, policy)
  if ('error' in resource) throw resource.error
  const commitment = commitmentOf(vault, treatmentKey, patient.ref, upload, warrant)
  const known = findKnown(vault, patient, upload, commitment)
  if (known !== undefined) return { kind: 'known', row: known }
  const { author, ehr, salt } = upload
  const hospital = warrant.warrant.hospital
  return {
    kind: 'new',
    accepted: { commitment, author, hospital, chain, patient, treatmentKey, warrant, index: resource.index, ehr, salt },
  }
}

/** The resource's index, or the refusal that comes later in the order. */
type ReadResource = { readonly index: RecordIndex } | { readonly error: TrustedApplicationError }

function readResource(ehr: Uint8Array): ReadResource {
  try {
    return { index: extractIndex(parseResource(decodeUtf8(ehr))) }
  } catch (cause) {
    const { code, at } = cause as { code?: unknown; at?: unknown }
    if (!(cause instanceof FhirError) && code !== 'CRYPTO_BAD_ENCODING') throw cause
    const where = typeof at === 'number' ? { at, cause } : { cause }
    return { error: new TrustedApplicationError('RECORD_NOT_FHIR', where) }
  }
}

function checkTerms(
  { warrant }: KnownWarrant,
  { patient, hospitalsOf, nowMs, reachedMs }: UploadContext,
  { author }: UploadedVersion,
  resource: ReadResource,
): void {
  checkWarrantParties(warrant, { patient: patient.ref, author })
  if (!hospitalsOf(author).includes(warrant.hospital)) throw new TrustedApplicationError('WARRANT_PARTY_MISMATCH')
  checkWarrantPeriod(warrant, { nowMs, reachedMs })
  if ('index' in resource) checkWarrantScope(warrant, resource.index.ehrType)
}

/** What only the ledger knows of a warrant. */
export function checkRecorded({ hashHex }: KnownWarrant, policy: PatientPolicy): void {
  const entry = policy.warrants.find((one) => one.warrantHash === hashHex)
  if (entry === undefined) throw new TrustedApplicationError('WARRANT_NOT_RECORDED')
  if (entry.revokedMs !== null) throw new TrustedApplicationError('WARRANT_REVOKED')
}

function commitmentOf(
  vault: RecordParts,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  upload: UploadedVersion,
  { hash }: KnownWarrant,
): Commitment {
  const { recordId, version, author, ehr, salt, previous } = upload
  return makeCommitment(vault.crypto, treatmentKey, {
    recordId,
    version,
    patient,
    author,
    ehr,
    salt,
    warrantHash: hash,
    ...(version === 1 ? {} : { previous }),
  })
}

/** The row of an earlier upload of the same; undefined if this is new. */
function findKnown(
  vault: RecordParts,
  patient: Patient,
  upload: UploadedVersion,
  commitment: Commitment,
): RecordRow | undefined {
  const { recordId, version, author } = upload
  const row = vault.records.find(recordId, version)
  if (row !== undefined) {
    if (row.patient !== patient.id) throw new TrustedApplicationError('RECORD_ID_REUSED')
    if (row.state === ERASED) throw new TrustedApplicationError('RECORD_ERASED')
    const isSame =
      row.author === author &&
      equalBytes(row.ehrHash, commitment.ehrHash) &&
      equalBytes(row.warrantHash, commitment.warrantHash) &&
      equalBytes(row.patientTag, commitment.patientTag) &&
      equalBytes(row.previous, commitment.previous)
    if (isSame) return row
    throw new TrustedApplicationError(version === 1 ? 'RECORD_ID_REUSED' : 'RECORD_VERSION_CONFLICT')
  }
  if (version === 1) return undefined
  const before = vault.records.findLatest(recordId)
  if (before !== undefined && before.patient !== patient.id) throw new TrustedApplicationError('RECORD_ID_REUSED')
  if (before?.state === ERASED) throw new TrustedApplicationError('RECORD_ERASED')
  if (before?.version !== version - 1 || !equalBytes(before.ehrHash, commitment.previous)) {
    throw new TrustedApplicationError('RECORD_VERSION_CONFLICT')
  }
  return undefined
}
