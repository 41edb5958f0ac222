/** Failures of wire formats, statements, sessions and access decisions. */
import type { ErrorCode } from './error-table.ts'

export type ProtocolErrorCode = ErrorCode

/** A refusal with a stable code. `link` numbers a doctor's part of a chain from 1; `at` a position in the input. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolErrorCode
  readonly link?: number
  readonly at?: number
  constructor(code: ProtocolErrorCode, message: string, where: { link?: number; at?: number; cause?: unknown } = {}) {
    super(message, where.cause === undefined ? undefined : { cause: where.cause })
    this.code = code
    if (where.link !== undefined) this.link = where.link
    if (where.at !== undefined) this.at = where.at
  }
}
