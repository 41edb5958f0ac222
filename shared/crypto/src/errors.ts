/** Failures of the cryptographic constructions. Codes are API, messages are not. */
export type CryptoErrorCode =
  | 'CRYPTO_BAD_KEY'
  | 'CRYPTO_DECRYPTION_FAILED'
  | 'CRYPTO_WEAK_SHARED_SECRET'
  | 'CRYPTO_BAD_ENCODING'
  | 'CRYPTO_BAD_CERTIFICATE'

/** Carries a code and fixed text; never a key, a plaintext or the input that failed. */
export class CryptoError extends Error {
  override readonly name: string = 'CryptoError'
  readonly code: CryptoErrorCode
  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Why a certificate or its chain is refused.
 *
 * - `MALFORMED`: not the one DER encoding of an X.509 v3 certificate, or larger than the limits.
 * - `UNSUPPORTED`: well-formed, but outside our profile: another algorithm, an unknown critical extension, a CA or a
 *   key without digitalSignature in the leaf's place.
 * - `NOT_A_CA`: an issuer may not issue: no CA, no keyCertSign, or its path length is exceeded.
 * - `UNTRUSTED_ROOT`: the names do not lead from the leaf to one of the roots.
 */
export type CertificateRefusal =
  | 'EXPIRED'
  | 'NOT_YET_VALID'
  | 'UNTRUSTED_ROOT'
  | 'BAD_SIGNATURE'
  | 'REVOKED'
  | 'MALFORMED'
  | 'NOT_A_CA'
  | 'UNSUPPORTED'

/** A certificate or its chain is refused; always `CRYPTO_BAD_CERTIFICATE`, with the reason as a field. */
export class CertificateError extends CryptoError {
  override readonly name = 'CertificateError'
  readonly reason: CertificateRefusal
  constructor(reason: CertificateRefusal, message = 'the certificate is refused') {
    super('CRYPTO_BAD_CERTIFICATE', message)
    this.reason = reason
  }
}

/** The one error for every way a decryption or tag check can fail. */
export function decryptionFailed(): CryptoError {
  return new CryptoError('CRYPTO_DECRYPTION_FAILED', 'decryption failed')
}
