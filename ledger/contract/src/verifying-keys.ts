/**
 * Verifying keys by their text. Importing a key costs as much as checking a signature with it, and the same authors sign
 * again and again. The cache changes no result.
 *
 * @module
 */
import { type Crypto, decodeBase64url, type VerifyingKey } from '../../../shared/crypto/src/index.ts'

const MAX_KEYS = 4_096

/** Keys are handles of one implementation, so each has its own. */
const caches = new WeakMap<Crypto, Map<string, VerifyingKey>>()

/** @param publicKey b64u, 65 bytes, as registered. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function verifyingKey(crypto: Crypto, publicKey: string): VerifyingKey {
  let cache = caches.get(crypto)
  if (cache === undefined) {
    cache = new Map()
    caches.set(crypto, cache)
  }
  const known = cache.get(publicKey)
  if (known !== undefined) return known
  const key = crypto.importVerifyingKey(decodeBase64url(publicKey))
  if (cache.size >= MAX_KEYS) cache.clear()
  cache.set(publicKey, key)
  return key
}
