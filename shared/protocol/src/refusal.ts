/**
 * One code for every way in which one step can fail.
 *
 * @module
 */
import { CryptoError } from '../../crypto/src/errors.ts'
import type { ErrorCode } from './error-table.ts'
import { ProtocolError } from './errors.ts'

/**
 * Runs `step`; whatever it refuses becomes the refusal `code`. Mistakes of the caller (TypeError, RangeError) pass.
 * The cause is kept for those who look for the reason of a failure; use `refuseAlike` where they must not learn it.
 */
export function refuseAs<T>(code: ErrorCode, message: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof ProtocolError || cause instanceof CryptoError)
      throw new ProtocolError(code, message, { cause })
    throw cause
  }
}

/** As `refuseAs`, without a trace of the cause: for decryptions. */
export function refuseAlike<T>(code: ErrorCode, message: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof ProtocolError || cause instanceof CryptoError) throw new ProtocolError(code, message)
    throw cause
  }
}
