/**
 * The key by which one trusted application on one device is known: who holds a store names it. It depends on the device
 * and the application and on nothing in the store, so a copy of the store elsewhere does not bring it along.
 * Spec: docs/protocol/10-tee-abi.md §10.9.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../../../shared/crypto/src/index.ts'
import { deriveSigningKey } from '../../../../shared/crypto/src/derived-keys.ts'
import { instanceDigest } from '../../../../shared/protocol/src/index.ts'
import type { DeviceKeyPort } from '../ports.ts'

export interface Instance {
  readonly key: SigningKey
  /** 32 bytes, SHA-256(L(ta-instance) ‖ public key of 65 bytes). */
  readonly digest: Uint8Array
}

/** The same at each start of the same application on the same device. */
export function deriveInstance(crypto: Crypto, deviceKey: DeviceKeyPort): Instance {
  const key = deriveSigningKey(crypto, deviceKey, 'instance')
  return { key, digest: instanceDigest(crypto, key.publicKey) }
}
