/** Failures of the cryptographic constructions. Codes are API, messages are not. */
export type CryptoErrorCode =
  | 'CRYPTO_BAD_KEY'
  | 'CRYPTO_DECRYPTION_FAILED'
  | 'CRYPTO_WEAK_SHARED_SECRET'
  | 'CRYPTO_BAD_ENCODING'
  | 'CRYPTO_BAD_CERTIFICATE'

/** Carries a code and fixed text; never a key, a plaintext or the input that failed. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError'
  readonly code: CryptoErrorCode
  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The one error for every way a decryption or tag check can fail. */
export function decryptionFailed(): CryptoError {
  return new CryptoError('CRYPTO_DECRYPTION_FAILED', 'decryption failed')
}
