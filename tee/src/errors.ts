/** Failures of a TEE driver and refusals of the trusted application behind it. */
import type { ErrorCode } from '../../shared/protocol/src/error-table.ts'

/** Carries a code of the product's table; never anything of the request. */
export class TeeError extends Error {
  override readonly name = 'TeeError'
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string = code, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
