/**
 * RSASSA-PSS verification of the one form in which OP-TEE's attestation service signs: 3072 bits, exponent 65537,
 * SHA-256, MGF1 with SHA-256, salt of 32 bytes (RFC 8017 §8.1.2, §9.1.2). Public values only, so its time may depend
 * on them. No signing and no other sizes: nothing of ours makes such signatures.
 *
 * @module
 */
import { concat, encodeBase64url, encodeUtf8, equalBytes } from './bytes.ts'
import type { Crypto } from './port.ts'
import { badKey } from './sizes.ts'

/** Of the modulus, and of each signature. */
export const RSA_3072_BYTES = 384

const HASH_BYTES = 32
const SALT_BYTES = 32
const MASKED_BYTES = RSA_3072_BYTES - HASH_BYTES - 1
/** Zeros before the 0x01 that precedes the salt. */
const PADDING_BYTES = MASKED_BYTES - SALT_BYTES - 1
const EXPONENT_SQUARINGS = 16

/**
 * False for every signature that is not of this message and key, whatever its length; never throws on `signature`.
 *
 * @param modulus 384 bytes, big-endian.
 * @throws {CryptoError} `CRYPTO_BAD_KEY` for another length, a leading zero bit or an even number.
 */
export function verifyRsaPss(
  { sha256 }: Pick<Crypto, 'sha256'>,
  modulus: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  requireModulus(modulus)
  if (signature.length !== RSA_3072_BYTES) return false
  const n = toBigInt(modulus)
  const s = toBigInt(signature)
  // RFC 8017 §5.2.2: the representative is below the modulus.
  if (s >= n) return false
  let power = s
  for (let i = 0; i < EXPONENT_SQUARINGS; i++) power = (power * power) % n
  return isPssEncoding(sha256, sha256(message), fromBigInt((power * s) % n))
}

/** RFC 7638 §3 with SHA-256, exponent 65537. @returns 43 characters, base64url. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function rsaThumbprint({ sha256 }: Pick<Crypto, 'sha256'>, modulus: Uint8Array): string {
  requireModulus(modulus)
  return encodeBase64url(sha256(encodeUtf8(`{"e":"AQAB","kty":"RSA","n":"${encodeBase64url(modulus)}"}`)))
}

/** RFC 8017 §9.1.2 with emBits = 3071. */
function isPssEncoding(sha256: Crypto['sha256'], messageHash: Uint8Array, encoded: Uint8Array): boolean {
  const masked = encoded.subarray(0, MASKED_BYTES)
  const hash = encoded.subarray(MASKED_BYTES, MASKED_BYTES + HASH_BYTES)
  if (encoded[RSA_3072_BYTES - 1] !== 0xbc || ((masked[0] ?? 0xff) & 0x80) !== 0) return false
  const mask = mgf1(sha256, hash, MASKED_BYTES)
  const block = masked.map((byte, i) => byte ^ (mask[i] ?? 0))
  block[0] = (block[0] ?? 0) & 0x7f
  if (block.subarray(0, PADDING_BYTES).some((byte) => byte !== 0) || block[PADDING_BYTES] !== 1) return false
  return equalBytes(hash, sha256(new Uint8Array(8), messageHash, block.subarray(PADDING_BYTES + 1)))
}

/** RFC 8017 §B.2.1. */
function mgf1(sha256: Crypto['sha256'], seed: Uint8Array, length: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 0; i * HASH_BYTES < length; i++) parts.push(sha256(seed, Uint8Array.of(0, 0, 0, i)))
  return concat(...parts).subarray(0, length)
}

function requireModulus(modulus: Uint8Array): void {
  const first = modulus[0] ?? 0
  const last = modulus[RSA_3072_BYTES - 1] ?? 0
  if (modulus.length !== RSA_3072_BYTES || (first & 0x80) === 0 || (last & 1) === 0) throw badKey()
}

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function fromBigInt(value: bigint): Uint8Array {
  const bytes = new Uint8Array(RSA_3072_BYTES)
  let rest = value
  for (let i = RSA_3072_BYTES - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}
