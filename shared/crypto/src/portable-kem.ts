/**
 * ML-KEM-768 (FIPS 203) in plain ES2023: of the portable port, and of platforms that have the other primitives
 * themselves but not this one. Not promised: constant time, and that copies of keys are overwritten.
 *
 * @module
 */
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { createKeyHandles } from './portable-keys.ts'
import type { Crypto, KemKey } from './port.ts'
import {
  badKey,
  ML_KEM_768_PUBLIC_KEY_BYTES,
  ML_KEM_768_SEED_BYTES,
  requireKemCiphertext,
  requireLength,
  requirePublicKeyLength,
} from './sizes.ts'

const HANDLES = createKeyHandles()

/** The part of the port that is a KEM. @param randomBytes as the port's. */
export function createPortableKem(
  randomBytes: (length: number) => Uint8Array,
): Pick<Crypto, 'generateKemKey' | 'importKemKey' | 'encapsulate' | 'decapsulate'> {
  return {
    generateKemKey: () => kemKeyOf(randomBytes(ML_KEM_768_SEED_BYTES)),
    importKemKey(seed) {
      requireLength('seed', seed, ML_KEM_768_SEED_BYTES)
      return kemKeyOf(seed)
    },
    encapsulate(publicKey) {
      requirePublicKeyLength(publicKey, ML_KEM_768_PUBLIC_KEY_BYTES)
      const message = randomBytes(32)
      try {
        const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, message)
        return { ciphertext: cipherText, sharedSecret: sharedSecret.slice() }
      } catch {
        throw badKey()
      } finally {
        message.fill(0)
      }
    },
    decapsulate(key, ciphertext) {
      const secret = HANDLES.bytesOf('kem', key)
      requireKemCiphertext(ciphertext)
      return ml_kem768.decapsulate(ciphertext, secret).slice()
    },
  }
}

function kemKeyOf(seed: Uint8Array): KemKey {
  const { secretKey, publicKey } = ml_kem768.keygen(seed)
  return HANDLES.pair('kem', secretKey, publicKey)
}
