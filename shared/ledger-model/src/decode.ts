/**
 * Decoding with the ledger's own error codes.
 *
 * @module
 */
import { CryptoError } from '../../crypto/src/index.ts'
import { decodeMessage, ProtocolError, type Shape } from '../../protocol/src/index.ts'
import { LedgerError, type LedgerErrorCode } from './errors.ts'

/** Decodes a CBOR message; whatever is wrong with it is refused with `code`. */
export function decodeAs<T>(
  code: LedgerErrorCode,
  bytes: Uint8Array,
  shape: Shape<T>,
  where: string,
  maxBytes: number,
): T {
  return refuseAs(code, () => decodeMessage(bytes, shape, where, { maxBytes }))
}

/** Runs `read`; a refusal of a format or of cryptography becomes a `LedgerError` with `code`. Others pass through. */
export function refuseAs<T>(code: LedgerErrorCode, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof CryptoError) {
      throw new LedgerError(code, error.message, { cause: error })
    }
    throw error
  }
}
