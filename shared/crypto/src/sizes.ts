/**
 * Sizes of the suite (docs/protocol/01-conventions.md §3) and the argument checks that every implementation of the
 * port makes in the same way. A wrong size of our own material is the caller's bug (`RangeError`); a wrong size of
 * something that came from outside is refused (`CryptoError`).
 *
 * @module
 */
import { CryptoError, decryptionFailed } from './errors.ts'

export const SHA256_BYTES = 32
export const AEAD_KEY_BYTES = 32
export const AEAD_NONCE_BYTES = 12
export const AEAD_TAG_BYTES = 16
export const P256_POINT_BYTES = 65
export const P256_SCALAR_BYTES = 32
export const P256_SIGNATURE_BYTES = 64
export const X25519_BYTES = 32
export const ML_KEM_768_PUBLIC_KEY_BYTES = 1184
export const ML_KEM_768_CIPHERTEXT_BYTES = 1088
export const ML_KEM_768_SEED_BYTES = 64
export const MAX_RANDOM_BYTES = 65_536
export const MAX_HKDF_BYTES = 255 * SHA256_BYTES

/** n of P-256 (FIPS 186-5), big-endian. */
const P256_ORDER = [
  0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
  0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
]

/** Our own material: another length is a bug of the caller. @throws {RangeError} naming the argument. */
export function requireLength(argument: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${argument} must have ${length} bytes`)
}

/** @throws {RangeError} naming the argument, unless min <= value <= max and value is an integer. */
export function requireBetween(argument: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${argument} must be from ${min} to ${max}`)
  }
}

/** A public key from outside. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function requirePublicKeyLength(publicKey: Uint8Array, length: number): void {
  if (publicKey.length !== length) throw badKey()
}

/** SEC 1 §2.3.3, uncompressed form only; whether the point is on the curve is the implementation's check. */
export function requireUncompressedPoint(point: Uint8Array): void {
  if (point.length !== P256_POINT_BYTES || point[0] !== 0x04) throw badKey()
}

/** A KEM ciphertext from outside (FIPS 203 §7.3, ciphertext type check). */
export function requireKemCiphertext(ciphertext: Uint8Array): void {
  if (ciphertext.length !== ML_KEM_768_CIPHERTEXT_BYTES) throw decryptionFailed()
}

/**
 * A P-256 private scalar in [1, n-1]. The comparison takes the same time for every scalar.
 * @throws {RangeError} if it does not have 32 bytes.
 * @throws {CryptoError} `CRYPTO_BAD_KEY` if it is out of range.
 */
export function requireScalar(scalar: Uint8Array): void {
  requireLength('scalar', scalar, P256_SCALAR_BYTES)
  let borrow = 0
  let any = 0
  for (let i = P256_SCALAR_BYTES - 1; i >= 0; i--) {
    const byte = scalar[i] as number
    any |= byte
    borrow = (byte - (P256_ORDER[i] as number) - borrow) >>> 31
  }
  if (any === 0 || borrow === 0) throw badKey()
}

export function badKey(): CryptoError {
  return new CryptoError('CRYPTO_BAD_KEY', 'not a valid key')
}

export function weakSharedSecret(): CryptoError {
  return new CryptoError('CRYPTO_WEAK_SHARED_SECRET', 'the shared secret is all zero')
}
