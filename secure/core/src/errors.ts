/**
 * Failures inside the trusted application. All of them carry a code of the product's one table
 * (shared/protocol/src/error-table.ts); texts are fixed and never name a patient, a record or a key.
 *
 * @module
 */
import { isErrorCode, type ErrorCode } from '../../../shared/protocol/src/error-table.ts'

/** A command or an operation is refused. `link` numbers a part of a doctors' chain from 1; `at` is a position in the input. */
export class TrustedApplicationError extends Error {
  override readonly name = 'TrustedApplicationError'
  readonly code: ErrorCode
  readonly link?: number
  readonly at?: number
  constructor(code: ErrorCode, where: { link?: number; at?: number; cause?: unknown } = {}) {
    super(code, where.cause === undefined ? undefined : { cause: where.cause })
    this.code = code
    if (where.link !== undefined) this.link = where.link
    if (where.at !== undefined) this.at = where.at
  }
}

export type StorageErrorCode =
  'STORE_DAMAGED' | 'STORE_FAILED' | 'STATE_ROLLED_BACK' | 'STORE_SUCCEEDED' | 'STORE_NOT_HELD'

/**
 * The store cannot be relied on. Each of the codes ends the trusted application (fail-stop): what is on disk is of
 * another key or altered (`STORE_DAMAGED`), could not be written (`STORE_FAILED`), is older than what was written
 * (`STATE_ROLLED_BACK`), or belongs to another instance, which the organisations named (`STORE_SUCCEEDED`) or which held
 * it before (`STORE_NOT_HELD`).
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: StorageErrorCode
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What a caller may learn of a failure. */
export interface Refusal {
  readonly code: ErrorCode
  readonly link?: number
  readonly at?: number
}

/** The refusal inside an error of any of our packages; undefined if the error is not one of ours (a fault). */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, link, at } = error as { code?: unknown; link?: unknown; at?: unknown }
  if (!isErrorCode(code)) return undefined
  return {
    code,
    ...(typeof link === 'number' ? { link } : {}),
    ...(typeof at === 'number' ? { at } : {}),
  }
}
