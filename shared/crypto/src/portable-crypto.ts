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
import { createPortableKem } from './portable-kem.ts'
import type { AeadKey, AgreementKey, Crypto, HmacKey, SigningKey, VerifyingKey } from './port.ts'
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
      return new PortableHmacKey(raw)
    },
    hmac(key, ...parts) {
      const state = hmac.create(sha256, PortableHmacKey.secretOf(key))
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
      return new PortableAeadKey(raw)
    },
    encrypt(key, nonce, aad, plaintext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      return gcm(PortableAeadKey.secretOf(key), nonce, aad).encrypt(plaintext)
    },
    decrypt(key, nonce, aad, ciphertext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      const cipher = gcm(PortableAeadKey.secretOf(key), nonce, aad)
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
    exportSigningKey: (key) => PortableSigningKey.secretOf(key).slice(),
    sign(key, message) {
      // Hedged: RFC 6979 with 32 random bytes as additional input (its §3.6).
      const options = { lowS: false, prehash: true, format: 'compact', extraEntropy: randomBytes(32) } as const
      return curve.sign(message, PortableSigningKey.secretOf(key), options)
    },
    importVerifyingKey(point) {
      requireUncompressedPoint(point)
      try {
        curve.Point.fromBytes(point)
      } catch {
        throw badKey()
      }
      return new PortableVerifyingKey(point)
    },
    verify(key, message, signature) {
      const point = PortableVerifyingKey.pointOf(key)
      if (signature.length !== P256_SIGNATURE_BYTES) return false
      // High s is as valid as low s (FIPS 186-5): every implementation accepts the same set.
      return curve.verify(signature, message, point, { lowS: false, prehash: true, format: 'compact' })
    },

    generateAgreementKey: () => agreementKeyOf(randomBytes(X25519_BYTES)),
    importAgreementKey(raw) {
      requireLength('raw', raw, X25519_BYTES)
      return agreementKeyOf(raw)
    },
    exportAgreementKey: (key) => PortableAgreementKey.secretOf(key).slice(),
    agree(key, publicKey) {
      const secret = PortableAgreementKey.secretOf(key)
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

/**
 * A handle's secret, copied, and out of reach of anything that prints or copies the handle.
 * A handle of another implementation is the caller's bug: a TypeError.
 */
class PortableAeadKey implements AeadKey {
  readonly use = 'aead'
  readonly #secret: Uint8Array
  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
  }
  static secretOf(handle: AeadKey): Uint8Array {
    return (handle as PortableAeadKey).#secret
  }
}

class PortableHmacKey implements HmacKey {
  readonly use = 'hmac'
  readonly #secret: Uint8Array
  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
  }
  static secretOf(handle: HmacKey): Uint8Array {
    return (handle as PortableHmacKey).#secret
  }
}

class PortableVerifyingKey implements VerifyingKey {
  readonly use = 'verify'
  readonly #point: Uint8Array
  constructor(point: Uint8Array) {
    this.#point = new Uint8Array(point)
  }
  get publicKey(): Uint8Array {
    return this.#point.slice()
  }
  static pointOf(handle: VerifyingKey): Uint8Array {
    return (handle as PortableVerifyingKey).#point
  }
}

/** A private key; `publicKey` is a fresh copy each time. */
abstract class PortablePrivateKey {
  readonly #secret: Uint8Array
  readonly #publicKey: Uint8Array
  constructor(secret: Uint8Array, publicKey: Uint8Array) {
    this.#secret = new Uint8Array(secret)
    this.#publicKey = publicKey
  }
  get publicKey(): Uint8Array {
    return this.#publicKey.slice()
  }
  protected static checkedSecretOf(handle: object, type: new (...args: never) => object): Uint8Array {
    if (!(handle instanceof type)) throw new TypeError('not a key of this implementation')
    return (handle as PortablePrivateKey).#secret
  }
}

class PortableSigningKey extends PortablePrivateKey implements SigningKey {
  readonly use = 'sign'
  static secretOf(handle: SigningKey): Uint8Array {
    return this.checkedSecretOf(handle, PortableSigningKey)
  }
}

class PortableAgreementKey extends PortablePrivateKey implements AgreementKey {
  readonly use = 'agree'
  static secretOf(handle: AgreementKey): Uint8Array {
    return this.checkedSecretOf(handle, PortableAgreementKey)
  }
}

function signingKeyOf(curve: ECDSA, scalar: Uint8Array): SigningKey {
  return new PortableSigningKey(scalar, curve.getPublicKey(scalar, false))
}

function agreementKeyOf(secret: Uint8Array): AgreementKey {
  return new PortableAgreementKey(secret, x25519.getPublicKey(secret))
}
