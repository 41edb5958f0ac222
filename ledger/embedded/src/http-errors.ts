/**
 * Refusals as HTTP answers: `{code, meaning, action}` from the error table, and the status of each.
 *
 * @module
 */
import type { FastifyError } from 'fastify'
import { LedgerError } from '../../../shared/ledger-model/src/index.ts'
import { ERROR_TABLE, type ErrorCode, type ErrorKind, isErrorCode } from '../../../shared/protocol/src/index.ts'

const STATUS_OF_KIND = {
  usage: 400,
  refused: 403,
  check: 422,
  unavailable: 503,
  'sign-in': 401,
  internal: 500,
} as const satisfies Record<ErrorKind, number>

/** Where a more telling status exists. */
const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  LEDGER_CONFLICT: 409,
  HTTP_NOT_FOUND: 404,
  HTTP_TOO_LARGE: 413,
  HTTP_MEDIA_TYPE: 415,
}

/** Fastify's own refusals. */
const CODE_OF_FASTIFY: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'HTTP_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'HTTP_MEDIA_TYPE',
  FST_ERR_VALIDATION: 'HTTP_BAD_REQUEST',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'HTTP_BAD_REQUEST',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'HTTP_BAD_REQUEST',
}

export interface ErrorAnswer {
  readonly status: number
  readonly body: { readonly code: ErrorCode; readonly meaning: string; readonly action: string }
}

/** What a client is told; never a message of an exception. */
export function errorAnswer(error: unknown): ErrorAnswer {
  return answerOf(codeOf(error))
}

export function answerOf(code: ErrorCode): ErrorAnswer {
  const { kind, meaning, action } = ERROR_TABLE[code]
  return { status: STATUS_OF_CODE[code] ?? STATUS_OF_KIND[kind], body: { code, meaning, action } }
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof LedgerError) return error.code
  const { code, statusCode } = error as Partial<FastifyError>
  if (typeof code === 'string' && CODE_OF_FASTIFY[code] !== undefined) return CODE_OF_FASTIFY[code]
  if (isErrorCode(code)) return code
  return statusCode !== undefined && statusCode < 500 ? 'HTTP_BAD_REQUEST' : 'LEDGER_FAULT'
}
