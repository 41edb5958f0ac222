/**
 * The Crypto port in plain ES2023, for browsers and other engines: nothing of Node, no WebCrypto, no TextEncoder.
 * Algorithms come from the noble packages; randomness comes from the caller and from nowhere else.
 *
 * Not promised: constant time (bigints and a just-in-time compiler allow none) and that copies of keys are
 * overwritten. On an engine without `globalThis.crypto` the X25519 base multiplication is not blinded. Where other
 * code can measure the time of the process, use node:crypto or the platform's own.
 *
 * @module
 */
import { gcm } from '@noble/ciphers/aes.js'
import { ecdsa, weierstrass, type ECDSA } from '@noble/curves/abstract/weierstrass.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { decryptionFailed } from './errors.ts'
import { createKeyHandles } from './portable-keys.ts'
import { createPortableKem } from './portable-kem.ts'
import type { AgreementKey, Crypto, SigningKey } from './port.ts'
import {
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  badKey,
  MAX_HKDF_BYTES,
  MAX_RANDOM_BYTES,
  P256_SIGNATURE_BYTES,
  requireBetween,
  requireLength,
  requirePublicKeyLength,
  requireScalar,
  requireUncompressedPoint,
  SHA256_BYTES,
  weakSharedSecret,
  X25519_BYTES,
} from './sizes.ts'

const HANDLES = createKeyHandles()

/**
 * Makes the portable port.
 *
 * @param random returns `length` fresh bytes (up to 65,536) of a cryptographic generator, for example
 * `(length) => globalThis.crypto.getRandomValues(new Uint8Array(length))`. Its result is used as is.
 */
export function createPortableCrypto(random: (length: number) => Uint8Array): Crypto {
  const randomBytes = (length = SHA256_BYTES): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(random(length))
    if (bytes.length !== length) throw new RangeError(`random must return ${length} bytes`)
    return bytes
  }
  // The curve again, with the caller's generator for its blinding instead of the platform's.
  const curve = ecdsa(weierstrass(p256.Point.CURVE(), { randomBytes }), sha256, { randomBytes })

  return {
    name: 'portable',

    randomBytes(length) {
      requireBetween('length', length, 0, MAX_RANDOM_BYTES)
      return randomBytes(length)
    },

    sha256(...parts) {
      const state = sha256.create()
      for (const part of parts) state.update(part)
      return state.digest()
    },

    importHmacKey(raw) {
      requireBetween('raw.length', raw.length, 1, Number.MAX_SAFE_INTEGER)
      return HANDLES.secret('hmac', raw)
    },
    hmac(key, ...parts) {
      const state = hmac.create(sha256, HANDLES.bytesOf('hmac', key))
      for (const part of parts) state.update(part)
      return state.digest()
    },

    hkdfExtract: (salt, inputKeyMaterial) => extract(sha256, inputKeyMaterial, salt),
    hkdfExpand(pseudoRandomKey, info, length) {
      requireBetween('pseudoRandomKey.length', pseudoRandomKey.length, SHA256_BYTES, Number.MAX_SAFE_INTEGER)
      requireBetween('length', length, 1, MAX_HKDF_BYTES)
      return expand(sha256, pseudoRandomKey, info, length)
    },

    importAeadKey(raw) {
      requireLength('raw', raw, AEAD_KEY_BYTES)
      return HANDLES.secret('aead', raw)
    },
    encrypt(key, nonce, aad, plaintext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      return gcm(HANDLES.bytesOf('aead', key), nonce, aad).encrypt(plaintext)
    },
    decrypt(key, nonce, aad, ciphertext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      const cipher = gcm(HANDLES.bytesOf('aead', key), nonce, aad)
      if (ciphertext.length < AEAD_TAG_BYTES) throw decryptionFailed()
      try {
        return cipher.decrypt(ciphertext)
      } catch {
        throw decryptionFailed()
      }
    },

    // FIPS 186-5 A.2.1: 48 random bytes reduced into [1, n-1] leave no measurable bias.
    generateSigningKey: () => signingKeyOf(curve, curve.utils.randomSecretKey(randomBytes(48))),
    importSigningKey(scalar) {
      requireScalar(scalar)
      return signingKeyOf(curve, scalar)
    },
    exportSigningKey: (key) => HANDLES.bytesOf('sign', key).slice(),
    sign(key, message) {
      // Hedged: RFC 6979 with 32 random bytes as additional input (its §3.6).
      const options = { lowS: false, prehash: true, format: 'compact', extraEntropy: randomBytes(32) } as const
      return curve.sign(message, HANDLES.bytesOf('sign', key), options)
    },
    importVerifyingKey(point) {
      requireUncompressedPoint(point)
      try {
        curve.Point.fromBytes(point)
      } catch {
        throw badKey()
      }
      return HANDLES.pair('verify', point, point)
    },
    verify(key, message, signature) {
      const point = HANDLES.bytesOf('verify', key)
      if (signature.length !== P256_SIGNATURE_BYTES) return false
      // High s is as valid as low s (FIPS 186-5): every implementation accepts the same set.
      return curve.verify(signature, message, point, { lowS: false, prehash: true, format: 'compact' })
    },

    generateAgreementKey: () => agreementKeyOf(randomBytes(X25519_BYTES)),
    importAgreementKey(raw) {
      requireLength('raw', raw, X25519_BYTES)
      return agreementKeyOf(raw)
    },
    exportAgreementKey: (key) => HANDLES.bytesOf('agree', key).slice(),
    agree(key, publicKey) {
      const secret = HANDLES.bytesOf('agree', key)
      requirePublicKeyLength(publicKey, X25519_BYTES)
      try {
        return x25519.getSharedSecret(secret, publicKey)
      } catch {
        // With two arguments of 32 bytes, a result of zero is the only way to fail.
        throw weakSharedSecret()
      }
    },

    ...createPortableKem(randomBytes),
  }
}

function signingKeyOf(curve: ECDSA, scalar: Uint8Array): SigningKey {
  return HANDLES.pair('sign', scalar, curve.getPublicKey(scalar, false))
}

function agreementKeyOf(secret: Uint8Array): AgreementKey {
  return HANDLES.pair('agree', secret, x25519.getPublicKey(secret))
}
