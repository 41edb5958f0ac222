/**
 * What went wrong, as FHIR says it: one table from our error codes to HTTP status and issue type.
 *
 * @module
 */
import { FhirError, operationOutcome, type IssueType, type OperationOutcome } from '../../../shared/fhir/src/index.ts'
import { ERROR_TABLE, isErrorCode, type ErrorCode, type ErrorKind } from '../../../shared/protocol/src/index.ts'
import { FhirRequestError } from './errors.ts'

interface Row {
  readonly status: number
  readonly issue: IssueType
}

const BY_KIND = {
  usage: { status: 400, issue: 'invalid' },
  'sign-in': { status: 401, issue: 'login' },
  refused: { status: 403, issue: 'forbidden' },
  check: { status: 422, issue: 'security' },
  internal: { status: 500, issue: 'exception' },
  unavailable: { status: 503, issue: 'transient' },
} as const satisfies Record<ErrorKind, Row>

/** Where FHIR knows better than the kind. */
const BY_CODE: Partial<Record<ErrorCode, Row>> = {
  REQUEST_REJECTED: { status: 401, issue: 'login' },
  FHIR_NOT_JSON: { status: 400, issue: 'structure' },
  FHIR_DUPLICATE_KEY: { status: 400, issue: 'structure' },
  FHIR_UNKNOWN_RESOURCE_TYPE: { status: 404, issue: 'not-supported' },
  FHIR_TOO_LARGE: { status: 413, issue: 'too-long' },
  FHIR_TOO_DEEP: { status: 400, issue: 'too-long' },
  FHIR_BAD_ID: { status: 400, issue: 'value' },
  FHIR_NOT_FOUND: { status: 404, issue: 'not-found' },
  FHIR_GONE: { status: 410, issue: 'deleted' },
  FHIR_SEARCH_INVALID: { status: 400, issue: 'not-supported' },
  FHIR_NOT_SUPPORTED: { status: 405, issue: 'not-supported' },
  FHIR_DELETE_REFUSED: { status: 405, issue: 'business-rule' },
  FHIR_PATCH_FAILED: { status: 422, issue: 'processing' },
  FHIR_VERSION_CONFLICT: { status: 412, issue: 'conflict' },
  FHIR_MULTIPLE_MATCHES: { status: 412, issue: 'multiple-matches' },
  FHIR_INVALID: { status: 422, issue: 'invariant' },
  FHIR_UNRESOLVED_PATIENT: { status: 422, issue: 'business-rule' },
  FHIR_PATIENT_NOT_REGISTERED: { status: 422, issue: 'business-rule' },
  FHIR_CONSENT_UNSIGNED: { status: 422, issue: 'business-rule' },
  FHIR_CONSENT_UNSUPPORTED: { status: 422, issue: 'business-rule' },
  FHIR_TRANSACTION_INCOMPLETE: { status: 503, issue: 'incomplete' },
  RECORD_VERSION_CONFLICT: { status: 409, issue: 'conflict' },
  RECORD_ERASED: { status: 410, issue: 'deleted' },
  RETENTION_APPLIES: { status: 409, issue: 'business-rule' },
  RECORD_TOO_LARGE: { status: 413, issue: 'too-long' },
  RECORD_NOT_FHIR: { status: 422, issue: 'structure' },
  HTTP_NOT_FOUND: { status: 404, issue: 'not-found' },
  HTTP_TOO_LARGE: { status: 413, issue: 'too-long' },
  HTTP_MEDIA_TYPE: { status: 415, issue: 'not-supported' },
  HTTP_NOT_ACCEPTABLE: { status: 406, issue: 'not-supported' },
  HTTP_RATE_LIMITED: { status: 429, issue: 'throttled' },
}

export interface Failure {
  readonly code: ErrorCode
  readonly status: number
  readonly outcome: OperationOutcome
}

/** Any error as an answer; what is none of ours is `SERVICE_FAULT`, and says nothing of itself. */
export function failureOf(error: unknown): Failure {
  const code = codeOfAny(error)
  const { status, issue } = BY_CODE[code] ?? BY_KIND[ERROR_TABLE[code].kind]
  const { meaning, action } = ERROR_TABLE[code]
  const detail = error instanceof FhirRequestError ? error.detail : undefined
  const expression = error instanceof FhirRequestError ? error.expression : undefined
  const words = detail === undefined ? meaning : `${meaning.replace(/\.$/, '')}: ${detail}.`
  return {
    code,
    status,
    outcome: operationOutcome({
      severity: 'error',
      code: issue,
      errorCode: code,
      diagnostics: `${words} ${action}`,
      ...(expression === undefined ? {} : { expression }),
    }),
  }
}

function codeOfAny(error: unknown): ErrorCode {
  if (error instanceof FhirRequestError || error instanceof FhirError) return error.code
  if (typeof error !== 'object' || error === null) return 'SERVICE_FAULT'
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown }
  if (isErrorCode(code)) return code
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'HTTP_TOO_LARGE'
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'HTTP_MEDIA_TYPE'
  return typeof statusCode === 'number' && statusCode < 500 ? 'HTTP_BAD_REQUEST' : 'SERVICE_FAULT'
}
