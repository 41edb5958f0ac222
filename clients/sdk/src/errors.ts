/**
 * Errors of the clients. Every one has a code of docs/errors.md; what it means and what to do next come from the
 * same table.
 *
 * @module
 */
import { ERROR_TABLE, isErrorCode, type ErrorCode, type ErrorRow } from '../../../shared/protocol/src/error-table.ts'
import type { LogPlace } from './record-answer.ts'

/** Who must keep a record. */
export interface Retention {
  /** MSP id. */
  readonly organization: string
  /** Hospital whose permission the record was written under, by the record server's answer. */
  readonly hospital?: string
  /** Unix ms, the first moment at which it may be erased. */
  readonly untilMs: number
}

/** A refusal or failure with a stable code. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ErrorCode
  /** Number of the doctor's part of a chain, from 1. */
  readonly link?: number
  /** With `RETENTION_APPLIES` of the record server. */
  readonly retention?: Retention
  /** With `RECORD_ERASED` of the record server: the log entry that says so, not yet checked (`verifyErased`). */
  readonly marker?: LogPlace
  constructor(
    code: ErrorCode,
    options: { cause?: unknown; link?: number; detail?: string; retention?: Retention; marker?: LogPlace } = {},
  ) {
    super(
      options.detail ?? ERROR_TABLE[code].meaning,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    if (options.link !== undefined) this.link = options.link
    if (options.retention !== undefined) this.retention = options.retention
    if (options.marker !== undefined) this.marker = options.marker
  }

  get row(): ErrorRow {
    return ERROR_TABLE[this.code]
  }
}

/** The code of anything that was thrown by this product; `undefined` for everything else. */
export function codeOf(error: unknown): ErrorCode | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return isErrorCode(error.code) ? error.code : undefined
}

/** Whether the same request may be sent again in the hope of a better answer. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && ERROR_TABLE[code].kind === 'unavailable'
}
