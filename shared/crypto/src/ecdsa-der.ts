/**
 * ECDSA signatures of P-256 between IEEE P1363 (r ‖ s, 64 bytes: what our formats carry) and DER
 * `SEQUENCE { r INTEGER, s INTEGER }` (what X.509 carries and OpenSSL is fast with).
 * Only the one DER encoding of X.690 §8.3 is read; ranges of r and s are the verifier's check.
 *
 * @module
 */
import { CryptoError } from './errors.ts'
import { P256_SIGNATURE_BYTES, requireLength } from './sizes.ts'

/** @param signature 64 bytes, r ‖ s. @returns 8 to 72 bytes. @throws {RangeError} for another length. */
export function signatureToDer(signature: Uint8Array): Uint8Array {
  requireLength('signature', signature, P256_SIGNATURE_BYTES)
  const rStart = significantFrom(signature, 0)
  const sStart = significantFrom(signature, 32)
  const rLength = 32 - rStart + sign(signature[rStart] as number)
  const sLength = 64 - sStart + sign(signature[sStart] as number)
  const der = new Uint8Array(6 + rLength + sLength)
  der[0] = 0x30
  der[1] = 4 + rLength + sLength
  der[2] = 0x02
  der[3] = rLength
  der.set(signature.subarray(rStart, 32), 4 + rLength - (32 - rStart))
  der[4 + rLength] = 0x02
  der[5 + rLength] = sLength
  der.set(signature.subarray(sStart, 64), 6 + rLength + sLength - (64 - sStart))
  return der
}

/** @returns 64 bytes. @throws {CryptoError} `CRYPTO_BAD_ENCODING` for anything but the minimal DER form. */
export function signatureFromDer(der: Uint8Array): Uint8Array {
  if (der.length < 8 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) throw badSignature()
  const out = new Uint8Array(P256_SIGNATURE_BYTES)
  const middle = readInteger(der, 2, out.subarray(0, 32))
  if (readInteger(der, middle, out.subarray(32)) !== der.length) throw badSignature()
  return out
}

/** Index of the first byte that counts in the number of 32 bytes at `from`; its last byte if the number is zero. */
function significantFrom(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < from + 31 && bytes[at] === 0) at++
  return at
}

/** 1 if a leading zero byte is needed so that the integer is not negative. */
function sign(firstByte: number): number {
  return firstByte >> 7
}

/** Reads a non-negative INTEGER of at most 32 significant bytes, right-aligned into `out`; returns where it ends. */
function readInteger(der: Uint8Array, at: number, out: Uint8Array): number {
  const length = der[at + 1] ?? 0
  const start = at + 2
  const end = start + length
  if (der[at] !== 0x02 || length === 0 || length > 33 || end > der.length) throw badSignature()
  const first = der[start] as number
  if (first >= 0x80) throw badSignature()
  // X.690 §8.3.2: the first nine bits are not all zero.
  if (first === 0 && length > 1 && (der[start + 1] as number) < 0x80) throw badSignature()
  const skip = first === 0 ? 1 : 0
  if (length - skip > 32) throw badSignature()
  out.set(der.subarray(start + skip, end), 32 - (length - skip))
  return end
}

function badSignature(): CryptoError {
  return new CryptoError('CRYPTO_BAD_ENCODING', 'not a DER signature of P-256')
}
