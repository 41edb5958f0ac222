/**
 * The Crypto port on the C functions of OP-TEE's engine host (GlobalPlatform and mbedTLS); ML-KEM is JavaScript.
 * Not promised: that copies of keys inside the JavaScript engine are overwritten. We rely on the TEE for this.
 *
 * @module
 */
import type { AeadKey, AgreementKey, Crypto, SigningKey } from '../../../../shared/crypto/src/index.ts'
import { useTextCodec } from '../../../../shared/crypto/src/bytes.ts'
import { deriveKeys, expandWith, type DerivedKeys } from '../../../../shared/crypto/src/derived-keys.ts'
import { decryptionFailed } from '../../../../shared/crypto/src/errors.ts'
import { createKeyHandles } from '../../../../shared/crypto/src/portable-keys.ts'
import { createPortableKem } from '../../../../shared/crypto/src/portable-kem.ts'
import {
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  badKey,
  MAX_RANDOM_BYTES,
  P256_SCALAR_BYTES,
  P256_SIGNATURE_BYTES,
  requireBetween,
  requireLength,
  requirePublicKeyLength,
  requireScalar,
  requireUncompressedPoint,
  SHA256_BYTES,
  weakSharedSecret,
  X25519_BYTES,
} from '../../../../shared/crypto/src/sizes.ts'
import type { Native, NativeAead } from './native.ts'

/** RFC 7748 §6.1: the public key is the scalar times 9. */
const X25519_BASE = new Uint8Array(X25519_BYTES)
X25519_BASE[0] = 9

const HANDLES = createKeyHandles()
const EMPTY_SALT = new Uint8Array(SHA256_BYTES)

/** Makes the port, and gives the engine's text codec to the program. */
export function createOpteeCrypto(native: Native): Crypto {
  useTextCodec({
    encode: (text) => (text.isWellFormed() ? native.encodeUtf8(text) : undefined),
    decode: (bytes) => native.decodeUtf8(bytes),
  })
  const agreementKeyOf = (scalar: Uint8Array): AgreementKey => {
    const publicKey = native.x25519(scalar, X25519_BASE)
    // The base point has a prime order that no clamped scalar is a multiple of.
    if (publicKey === undefined) throw badKey()
    return HANDLES.pair('agree', scalar, publicKey)
  }
  const signingKeyOf = (scalar: Uint8Array): SigningKey => HANDLES.pair('sign', scalar, native.p256PublicKey(scalar))

  return {
    name: 'optee',

    randomBytes(length) {
      requireBetween('length', length, 0, MAX_RANDOM_BYTES)
      return native.randomBytes(length)
    },

    sha256: (...parts) => native.sha256(parts),

    importHmacKey(raw) {
      requireBetween('raw.length', raw.length, 1, Number.MAX_SAFE_INTEGER)
      return HANDLES.secret('hmac', raw)
    },
    hmac: (key, ...parts) => native.hmacSha256(HANDLES.bytesOf('hmac', key), parts),

    hkdfExtract: (salt, inputKeyMaterial) =>
      native.hmacSha256(salt.length === 0 ? EMPTY_SALT : salt, [inputKeyMaterial]),
    hkdfExpand(pseudoRandomKey, info, length) {
      requireBetween('pseudoRandomKey.length', pseudoRandomKey.length, SHA256_BYTES, Number.MAX_SAFE_INTEGER)
      return expandWith((...parts) => native.hmacSha256(pseudoRandomKey, parts), info, length)
    },

    importAeadKey(raw) {
      requireLength('raw', raw, AEAD_KEY_BYTES)
      return new OpteeAeadKey(native.openAead(raw))
    },
    encrypt(key, nonce, aad, plaintext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      return native.encrypt(OpteeAeadKey.handleOf(key), nonce, aad, plaintext)
    },
    decrypt(key, nonce, aad, ciphertext) {
      requireLength('nonce', nonce, AEAD_NONCE_BYTES)
      const handle = OpteeAeadKey.handleOf(key)
      if (ciphertext.length < AEAD_TAG_BYTES) throw decryptionFailed()
      const plaintext = native.decrypt(handle, nonce, aad, ciphertext)
      if (plaintext === undefined) throw decryptionFailed()
      return plaintext
    },

    // FIPS 186-5 A.2.2: candidates out of range are thrown away, of which there is one in 2^32.
    generateSigningKey() {
      for (;;) {
        const scalar = native.randomBytes(P256_SCALAR_BYTES)
        try {
          requireScalar(scalar)
        } catch {
          continue
        }
        return signingKeyOf(scalar)
      }
    },
    importSigningKey(scalar) {
      requireScalar(scalar)
      return signingKeyOf(scalar)
    },
    exportSigningKey: (key) => HANDLES.bytesOf('sign', key).slice(),
    sign: (key, message) => native.p256Sign(HANDLES.bytesOf('sign', key), native.sha256([message])),
    importVerifyingKey(point) {
      requireUncompressedPoint(point)
      if (!native.isP256Point(point)) throw badKey()
      return HANDLES.pair('verify', point, point)
    },
    verify(key, message, signature) {
      const point = HANDLES.bytesOf('verify', key)
      if (signature.length !== P256_SIGNATURE_BYTES) return false
      return native.p256Verify(point, native.sha256([message]), signature)
    },

    generateAgreementKey: () => agreementKeyOf(native.randomBytes(X25519_BYTES)),
    importAgreementKey(raw) {
      requireLength('raw', raw, X25519_BYTES)
      return agreementKeyOf(raw)
    },
    exportAgreementKey: (key) => HANDLES.bytesOf('agree', key).slice(),
    agree(key, publicKey) {
      const secret = HANDLES.bytesOf('agree', key)
      requirePublicKeyLength(publicKey, X25519_BYTES)
      const shared = native.x25519(secret, publicKey)
      if (shared === undefined) throw weakSharedSecret()
      return shared
    },

    ...createPortableKem((length) => native.randomBytes(length)),
  }
}

/** As the process's device key: the same application on the same device, each purpose a key of its own. */
export function createOpteeDeviceKey(crypto: Crypto, native: Native, taId: string): DerivedKeys {
  return deriveKeys(crypto, native.deriveKey('device'), taId)
}

/**
 * What is behind a handle, out of reach of anything that prints or copies the handle. A handle of another
 * implementation is the caller's bug: a TypeError.
 */
class OpteeAeadKey implements AeadKey {
  readonly use = 'aead'
  readonly #handle: NativeAead
  constructor(handle: NativeAead) {
    this.#handle = handle
  }
  static handleOf(key: AeadKey): NativeAead {
    return (key as OpteeAeadKey).#handle
  }
}
