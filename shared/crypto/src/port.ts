/**
 * The Crypto port: the primitives everything else is built from. Synchronous, because the trusted application is.
 * Suite of `trusthealth/1` (docs/protocol/01-conventions.md §3): SHA-256, HMAC-SHA-256, HKDF, AES-256-GCM,
 * ECDSA P-256, X25519, ML-KEM-768. Keys are imported once into opaque handles: an implementation may cache a
 * parsed key in them, which decides the speed of node:crypto.
 *
 * Every function copies what it keeps and returns fresh arrays. Wrong lengths of our own material (raw secret keys,
 * nonces, lengths asked for) are `RangeError`s, a handle of another implementation is a `TypeError`: bugs of the
 * caller. Public keys, ciphertexts and signatures come from outside: whatever is wrong with them, their length
 * included, is a `CryptoError` or `false`.
 *
 * @module
 */

/** Opaque key handles; only the implementation that made one can use it. */
export interface AeadKey {
  readonly use: 'aead'
}
export interface HmacKey {
  readonly use: 'hmac'
}
export interface SigningKey {
  readonly use: 'sign'
  /** 65 bytes: 0x04 ‖ X ‖ Y, uncompressed point of SEC 1 §2.3.3. */
  readonly publicKey: Uint8Array
}
export interface VerifyingKey {
  readonly use: 'verify'
  /** 65 bytes: 0x04 ‖ X ‖ Y. */
  readonly publicKey: Uint8Array
}
export interface AgreementKey {
  readonly use: 'agree'
  /** 32 bytes, X25519 public key. */
  readonly publicKey: Uint8Array
}
export interface KemKey {
  readonly use: 'kem'
  /** 1184 bytes, ML-KEM-768 encapsulation key. */
  readonly publicKey: Uint8Array
}

export interface Crypto {
  /** Name of the implementation, for diagnostics: `node` or `portable`. */
  readonly name: string

  /** `length` bytes (0 to 65,536) from the system's cryptographic generator. */
  randomBytes(length: number): Uint8Array

  /** 32 bytes; SHA-256 over the concatenation of `parts`. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array

  /** @param raw any length from 1 byte up. */
  importHmacKey(raw: Uint8Array): HmacKey
  /** 32 bytes; HMAC-SHA-256 over the concatenation of `parts`. */
  hmac(key: HmacKey, ...parts: readonly Uint8Array[]): Uint8Array

  /** RFC 5869 §2.2. @returns 32 bytes. An empty salt means 32 zero bytes. */
  hkdfExtract(salt: Uint8Array, inputKeyMaterial: Uint8Array): Uint8Array
  /** RFC 5869 §2.3. @param pseudoRandomKey 32 bytes or more. @param length 1 to 8,160 bytes. */
  hkdfExpand(pseudoRandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array

  /** @param raw 32 bytes. */
  importAeadKey(raw: Uint8Array): AeadKey
  /** AES-256-GCM. @param nonce 12 bytes, never reused under one key. @returns ciphertext ‖ tag(16). */
  encrypt(key: AeadKey, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** @throws {CryptoError} `CRYPTO_DECRYPTION_FAILED`, the same for every cause, a short input included. */
  decrypt(key: AeadKey, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array

  generateSigningKey(): SigningKey
  /** @param scalar 32 bytes, big-endian. @throws {CryptoError} `CRYPTO_BAD_KEY` unless in [1, n-1]. */
  importSigningKey(scalar: Uint8Array): SigningKey
  /** 32 bytes, the private scalar. */
  exportSigningKey(key: SigningKey): Uint8Array
  /** ECDSA P-256 with SHA-256. @returns 64 bytes, r ‖ s (IEEE P1363). */
  sign(key: SigningKey, message: Uint8Array): Uint8Array
  /**
   * @param point 65 bytes, uncompressed.
   * @throws {CryptoError} `CRYPTO_BAD_KEY` for another form, coordinates not below p, or a point off the curve.
   */
  importVerifyingKey(point: Uint8Array): VerifyingKey
  /** False for anything that is not exactly 64 bytes or not a valid signature; never throws on `signature`. */
  verify(key: VerifyingKey, message: Uint8Array, signature: Uint8Array): boolean

  generateAgreementKey(): AgreementKey
  /** @param raw 32 bytes, X25519 private key. */
  importAgreementKey(raw: Uint8Array): AgreementKey
  exportAgreementKey(key: AgreementKey): Uint8Array
  /**
   * X25519. @param publicKey 32 bytes. @returns 32 bytes.
   * @throws {CryptoError} `CRYPTO_BAD_KEY` for another length.
   * @throws {CryptoError} `CRYPTO_WEAK_SHARED_SECRET` if the result is all zero (RFC 7748 §6.1).
   */
  agree(key: AgreementKey, publicKey: Uint8Array): Uint8Array

  generateKemKey(): KemKey
  /** @param seed 64 bytes, d ‖ z (FIPS 203). For test vectors and deterministic tests. */
  importKemKey(seed: Uint8Array): KemKey
  /**
   * @param publicKey 1184 bytes. @returns 1088 and 32 bytes.
   * @throws {CryptoError} `CRYPTO_BAD_KEY` for another length or if the modulus check of FIPS 203 §7.2 fails.
   */
  encapsulate(publicKey: Uint8Array): { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array }
  /**
   * Implicit rejection: never fails on contents. @param ciphertext 1088 bytes. @returns 32 bytes.
   * @throws {CryptoError} `CRYPTO_DECRYPTION_FAILED` for another length.
   */
  decapsulate(key: KemKey, ciphertext: Uint8Array): Uint8Array
}
