/**
 * Standard base64 with padding (RFC 4648 §4), the form C2SP uses; one text for one value. The alphabet differs from
 * base64url in two characters, so the decoder of shared/crypto does the work.
 *
 * @module
 */
import { CryptoError, decodeBase64url, encodeBase64url } from '../../crypto/src/index.ts'

export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** The bytes, or `undefined` for every text that `encodeBase64` does not produce. */
export function findBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  try {
    const bytes = decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
    return encodeBase64(bytes) === text ? bytes : undefined
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}
