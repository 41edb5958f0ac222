/** Failures of a TEE driver and refusals of the trusted application behind it. */
import type { ErrorCode } from '../../shared/protocol/src/error-table.ts'

/**
 * Carries a code of the product's table; never anything of the request. Without a stack: a refusal is an answer, and
 * collecting where it was decoded took a third of the driver's time for it.
 */
export class TeeError extends Error {
  override readonly name: string
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string = code, options?: ErrorOptions) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'TeeError'
    this.code = code
  }
}
