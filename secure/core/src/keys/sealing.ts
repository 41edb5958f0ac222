/**
 * Keys of the store, all from one root that the device derives for this trusted application and no other.
 *
 *   root = deviceKey.derive('root'); prk = HKDF-Extract(L(ta-root), root)
 *   HKDF-Expand(prk, L(ta-database | ta-seal), 32)
 *
 * Not promised: that copies inside the engine are overwritten. We rely on the TEE for this.
 *
 * @module
 */
import { concat, label, type AeadKey, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { encodeCbor, type CborValue } from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { DeviceKeyPort } from '../ports.ts'

const NONCE_BYTES = 12

export interface StoreKeys {
  /** 32 bytes, SQLCipher's raw key. */
  readonly database: Uint8Array
  /** Wraps treatment keys, the identity key and the configuration. */
  readonly seal: AeadKey
}

export function deriveStoreKeys(crypto: Crypto, deviceKey: DeviceKeyPort): StoreKeys {
  return storeKeysOf(crypto, deviceKey.derive('root'))
}

/** @param root 32 bytes: of this device, or of the one whose store this is. */
export function storeKeysOf(crypto: Crypto, root: Uint8Array): StoreKeys {
  const pseudoRandomKey = crypto.hkdfExtract(label('ta-root'), root)
  const expand = (what: string): Uint8Array => crypto.hkdfExpand(pseudoRandomKey, label(what), 32)
  return {
    database: expand('ta-database'),
    seal: crypto.importAeadKey(expand('ta-seal')),
  }
}

/** nonce(12) ‖ AES-256-GCM. `context` names what it is and whose; it opens under the same context only. */
export function seal(crypto: Crypto, key: AeadKey, context: readonly CborValue[], plaintext: Uint8Array): Uint8Array {
  const nonce = crypto.randomBytes(NONCE_BYTES)
  return concat(nonce, crypto.encrypt(key, nonce, sealAad(context), plaintext))
}

/** @throws {StorageError} `STORE_DAMAGED`: the database gave back what we did not write. */
export function unseal(crypto: Crypto, key: AeadKey, context: readonly CborValue[], sealed: Uint8Array): Uint8Array {
  try {
    return crypto.decrypt(key, sealed.slice(0, NONCE_BYTES), sealAad(context), sealed.slice(NONCE_BYTES))
  } catch (cause) {
    throw new StorageError('STORE_DAMAGED', 'a sealed value does not open', { cause })
  }
}

function sealAad(context: readonly CborValue[]): Uint8Array {
  return concat(label('ta-sealed'), encodeCbor(context))
}
