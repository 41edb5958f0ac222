/**
 * Refusals as HTTP answers: `{code, meaning, action}` of the product's error table, and the status of each.
 *
 * @module
 */
import { ERROR_TABLE, isErrorCode, type ErrorCode, type ErrorKind } from '../../../shared/protocol/src/error-table.ts'

const STATUS_OF_KIND = {
  usage: 400,
  'sign-in': 401,
  refused: 403,
  check: 422,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorKind, number>

/** Where HTTP has a status that says more. */
const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  HTTP_NOT_FOUND: 404,
  HTTP_TOO_LARGE: 413,
  HTTP_MEDIA_TYPE: 415,
  HTTP_RATE_LIMITED: 429,
}

/** What Fastify and its plugins say themselves. */
const CODE_OF_FASTIFY: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'HTTP_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'HTTP_MEDIA_TYPE',
}

export interface ErrorBody {
  readonly code: ErrorCode
  readonly meaning: string
  readonly action: string
}

export function statusOf(code: ErrorCode): number {
  return STATUS_OF_CODE[code] ?? STATUS_OF_KIND[ERROR_TABLE[code].kind]
}

export function errorBody(code: ErrorCode): ErrorBody {
  const { meaning, action } = ERROR_TABLE[code]
  return { code, meaning, action }
}

/** The code in an error of ours or of the HTTP library; `SERVICE_FAULT` for everything that should not happen. */
export function codeOf(error: unknown): ErrorCode {
  const { code, statusCode } = (error ?? {}) as { readonly code?: unknown; readonly statusCode?: unknown }
  if (isErrorCode(code)) return code
  const known = typeof code === 'string' ? CODE_OF_FASTIFY[code] : undefined
  if (known !== undefined) return known
  return typeof statusCode === 'number' && statusCode < 500 ? 'HTTP_BAD_REQUEST' : 'SERVICE_FAULT'
}
