/**
 * HPKE (RFC 9180), base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. One suite, one
 * message for each encapsulated key, so that no nonce can repeat. The sender is not authenticated: what needs a
 * sender carries a signature inside. Used to hand treatment keys to patients and doctors.
 *
 * @module
 */
import { concat, encodeUtf8 } from './bytes.ts'
import { CryptoError, decryptionFailed } from './errors.ts'
import type { AeadKey, AgreementKey, Crypto } from './port.ts'
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, X25519_BYTES } from './sizes.ts'

/** What a sealed message is longer than its plaintext. */
export const HPKE_OVERHEAD_BYTES = X25519_BYTES + AEAD_TAG_BYTES

// RFC 9180 §7: 0x0020 DHKEM(X25519, HKDF-SHA256), 0x0001 HKDF-SHA256, 0x0002 AES-256-GCM.
const KEM_SUITE = concat(encodeUtf8('KEM'), Uint8Array.of(0x00, 0x20))
const HPKE_SUITE = concat(encodeUtf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02))
const VERSION = encodeUtf8('HPKE-v1')
const EMPTY = new Uint8Array(0)
const MODE_BASE = Uint8Array.of(0x00)

/**
 * Encrypts to a public key. @param publicKey 32 bytes, X25519. @returns enc(32) ‖ ciphertext ‖ tag(16).
 *
 * @throws {CryptoError} `CRYPTO_BAD_KEY` or `CRYPTO_WEAK_SHARED_SECRET` for a public key that is none.
 * @see RFC 9180 §6.1
 */
export function hpkeSeal(
  crypto: Crypto,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return hpkeSealWithEphemeral(crypto, crypto.generateAgreementKey(), publicKey, info, aad, plaintext)
}

/** `hpkeSeal` with a given ephemeral key, for test vectors. Two messages under one such key lose their secrecy. */
export function hpkeSealWithEphemeral(
  crypto: Crypto,
  ephemeral: AgreementKey,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const enc = ephemeral.publicKey
  const { key, nonce } = keySchedule(crypto, crypto.agree(ephemeral, publicKey), enc, publicKey, info)
  return concat(enc, crypto.encrypt(key, nonce, aad, plaintext))
}

/**
 * Decrypts what `hpkeSeal` made for this key, info and aad.
 *
 * @param sealed enc(32) ‖ ciphertext ‖ tag(16).
 * @throws {CryptoError} `CRYPTO_DECRYPTION_FAILED` for everything that can be wrong with `sealed`.
 * @see RFC 9180 §6.1
 */
export function hpkeOpen(
  crypto: Crypto,
  recipient: AgreementKey,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (sealed.length < HPKE_OVERHEAD_BYTES) throw decryptionFailed()
  const enc = sealed.subarray(0, X25519_BYTES)
  const { key, nonce } = keySchedule(crypto, agreeOrFail(crypto, recipient, enc), enc, recipient.publicKey, info)
  return crypto.decrypt(key, nonce, aad, sealed.subarray(X25519_BYTES))
}

/** An `enc` of low order is one more way in which decryption fails. */
function agreeOrFail(crypto: Crypto, recipient: AgreementKey, enc: Uint8Array): Uint8Array {
  try {
    return crypto.agree(recipient, enc)
  } catch (error) {
    if (error instanceof CryptoError) throw decryptionFailed()
    throw error
  }
}

/** RFC 9180 §4.1 (ExtractAndExpand) and §5.1 (KeySchedule) with an empty PSK; the nonce is that of sequence number 0. */
function keySchedule(
  crypto: Crypto,
  dh: Uint8Array,
  enc: Uint8Array,
  publicKey: Uint8Array,
  info: Uint8Array,
): { readonly key: AeadKey; readonly nonce: Uint8Array } {
  const eaePrk = labeledExtract(crypto, KEM_SUITE, EMPTY, 'eae_prk', dh)
  const sharedSecret = labeledExpand(crypto, KEM_SUITE, eaePrk, 'shared_secret', concat(enc, publicKey), 32)
  const context = concat(
    MODE_BASE,
    labeledExtract(crypto, HPKE_SUITE, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(crypto, HPKE_SUITE, EMPTY, 'info_hash', info),
  )
  const secret = labeledExtract(crypto, HPKE_SUITE, sharedSecret, 'secret', EMPTY)
  return {
    key: crypto.importAeadKey(labeledExpand(crypto, HPKE_SUITE, secret, 'key', context, AEAD_KEY_BYTES)),
    nonce: labeledExpand(crypto, HPKE_SUITE, secret, 'base_nonce', context, AEAD_NONCE_BYTES),
  }
}

/** RFC 9180 §4. */
function labeledExtract(
  crypto: Crypto,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  inputKeyMaterial: Uint8Array,
): Uint8Array {
  return crypto.hkdfExtract(salt, concat(VERSION, suite, encodeUtf8(label), inputKeyMaterial))
}

/** RFC 9180 §4. @param length less than 65,536. */
function labeledExpand(
  crypto: Crypto,
  suite: Uint8Array,
  pseudoRandomKey: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const lengthBytes = Uint8Array.of(length >> 8, length & 0xff)
  const labeledInfo = concat(lengthBytes, VERSION, suite, encodeUtf8(label), info)
  return crypto.hkdfExpand(pseudoRandomKey, labeledInfo, length)
}
