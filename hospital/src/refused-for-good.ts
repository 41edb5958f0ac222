/**
 * What the record server or the contract says of a record itself: the same again would be refused again.
 *
 * @module
 */
import type { ErrorCode } from '../../shared/protocol/src/index.ts'

export const REFUSED_FOR_GOOD: ReadonlySet<string> = new Set<ErrorCode>([
  'COMMIT_SIGNATURE_INVALID',
  'COMMIT_TAG_MISMATCH',
  'COMMITMENT_MISMATCH',
  'ENVELOPE_REJECTED',
  'MESSAGE_MALFORMED',
  'CBOR_MALFORMED',
  'RECORD_TOO_LARGE',
  'RECORD_NOT_FHIR',
  'RECORD_VERSION_CONFLICT',
  'RECORD_ID_REUSED',
  'RECORD_ERASED',
  'TREATMENT_KEY_VERSION',
  'WARRANT_SIGNATURE_INVALID',
  'WARRANT_PARTY_MISMATCH',
  'WARRANT_NOT_YET_VALID',
  'WARRANT_EXPIRED',
  'WARRANT_REVOKED',
  'WARRANT_SCOPE_EXCEEDED',
])
