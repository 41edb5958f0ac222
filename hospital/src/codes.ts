/**
 * Codes that people read out and type.
 *
 * @module
 */
import type { Crypto } from '../../shared/crypto/src/index.ts'

/** No letters or digits that look alike. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'
const CODE_LENGTH = 12

/** 12 of 31 characters, some 59 bits. */
export function randomCode(crypto: Crypto): string {
  let code = ''
  while (code.length < CODE_LENGTH) {
    const [byte] = crypto.randomBytes(1)
    if ((byte as number) < 248) code += CODE_ALPHABET[(byte as number) % 31]
  }
  return code
}
