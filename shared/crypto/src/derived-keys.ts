/**
 * What implementations of the Crypto port and platforms have in common when they derive keys.
 *
 * @module
 */
import { concat, encodeUtf8 } from './bytes.ts'
import { CryptoError } from './errors.ts'
import type { Crypto, SigningKey } from './port.ts'
import { MAX_HKDF_BYTES, requireBetween, SHA256_BYTES } from './sizes.ts'

const PURPOSE_KEY_BYTES = 32
const MAX_CANDIDATES = 16

/** Keys of one application on one device, each purpose a key of its own. */
export interface DerivedKeys {
  /** 32 bytes, the same for the same purpose. */
  derive(purpose: string): Uint8Array
}

/** HKDF-Expand (RFC 5869 §2.3) over an implementation's HMAC. @param mac HMAC-SHA-256 of all parts under one key. */
export function expandWith(
  mac: (...parts: readonly Uint8Array[]) => Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  requireBetween('length', length, 1, MAX_HKDF_BYTES)
  const out = new Uint8Array(length)
  let block: Uint8Array = new Uint8Array(0)
  for (let at = 0, counter = 1; at < length; at += SHA256_BYTES, counter++) {
    block = mac(block, info, Uint8Array.of(counter))
    out.set(block.subarray(0, Math.min(SHA256_BYTES, length - at)), at)
  }
  return out
}

/** @param pseudoRandomKey of the device. @param taId identity of the application; stays the same over upgrades. */
export function deriveKeys(crypto: Pick<Crypto, 'hkdfExpand'>, pseudoRandomKey: Uint8Array, taId: string): DerivedKeys {
  const context = encodeUtf8(taId)
  return {
    derive: (purpose) =>
      crypto.hkdfExpand(pseudoRandomKey, concat(context, Uint8Array.of(0), encodeUtf8(purpose)), PURPOSE_KEY_BYTES),
  }
}

/** A P-256 key for a purpose: the first candidate that is a scalar (the first, but for 1 in 2^32). */
export function deriveSigningKey(
  crypto: Pick<Crypto, 'importSigningKey'>,
  keys: DerivedKeys,
  purpose: string,
): SigningKey {
  for (let i = 0; i < MAX_CANDIDATES; i++) {
    const scalar = keys.derive(`${purpose}-${i}`)
    try {
      return crypto.importSigningKey(scalar)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    } finally {
      scalar.fill(0)
    }
  }
  throw new Error(`no key among ${MAX_CANDIDATES} candidates`)
}
