/**
 * P-256 public keys between the forms that other systems speak: SEC 1 point (65 bytes, ours), SubjectPublicKeyInfo
 * (RFC 5480 §2, 91 bytes) and JWK (RFC 7518 §6.2.1) with its thumbprint (RFC 7638). One form for one key; whether
 * the point is on the curve is checked by `importVerifyingKey`.
 *
 * @module
 */
import { concat, decodeBase64url, decodeHex, encodeBase64url, encodeUtf8, equalBytes } from './bytes.ts'
import type { Crypto } from './port.ts'
import { badKey, requireUncompressedPoint } from './sizes.ts'

const P256_SPKI_PREFIX = decodeHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')

/** The members of RFC 7518 §6.2.1; x and y are 32 bytes each, base64url. */
export interface P256Jwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** @param point 65 bytes. @returns 91 bytes of DER. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function pointToSpki(point: Uint8Array): Uint8Array {
  requireUncompressedPoint(point)
  return concat(P256_SPKI_PREFIX, point)
}

/** Whether these bytes are the SubjectPublicKeyInfo of an uncompressed point of P-256. */
export function isP256Spki(spki: Uint8Array): boolean {
  const at = P256_SPKI_PREFIX.length
  return spki.length === at + 65 && equalBytes(spki.subarray(0, at), P256_SPKI_PREFIX) && spki[at] === 0x04
}

/** @returns 65 bytes. @throws {CryptoError} `CRYPTO_BAD_KEY` for another algorithm, curve, form or encoding. */
export function spkiToPoint(spki: Uint8Array): Uint8Array {
  if (!isP256Spki(spki)) throw badKey()
  return spki.slice(P256_SPKI_PREFIX.length)
}

/** @param point 65 bytes. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function pointToJwk(point: Uint8Array): P256Jwk {
  requireUncompressedPoint(point)
  return {
    kty: 'EC',
    crv: 'P-256',
    x: encodeBase64url(point.subarray(1, 33)),
    y: encodeBase64url(point.subarray(33)),
  }
}

/**
 * Reads the four members of a public key; others (kid, alg, use) are the caller's to check, a private part is refused.
 *
 * @returns 65 bytes.
 * @throws {CryptoError} `CRYPTO_BAD_KEY`
 */
export function jwkToPoint(jwk: unknown): Uint8Array {
  if (typeof jwk !== 'object' || jwk === null) throw badKey()
  const { kty, crv, x, y } = jwk as Record<string, unknown>
  if (kty !== 'EC' || crv !== 'P-256' || Object.hasOwn(jwk, 'd')) throw badKey()
  return concat(Uint8Array.of(0x04), coordinate(x), coordinate(y))
}

/** RFC 7638 §3 with SHA-256. @param point 65 bytes. @returns 43 characters, base64url. */
export function jwkThumbprint(crypto: Crypto, point: Uint8Array): string {
  const { x, y } = pointToJwk(point)
  // RFC 7638 §3.2: the required members only, in lexicographic order, without white space.
  return encodeBase64url(crypto.sha256(encodeUtf8(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`)))
}

/** RFC 7518 §6.2.1.2: full size, 32 bytes. */
function coordinate(text: unknown): Uint8Array {
  if (typeof text !== 'string' || text.length !== 43) throw badKey()
  try {
    return decodeBase64url(text)
  } catch {
    throw badKey()
  }
}
