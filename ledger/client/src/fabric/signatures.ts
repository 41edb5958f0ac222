/**
 * Signatures as Fabric wants them: DER, with the smaller of the two values of s that verify (low-S), because a signature
 * with the other one is the same statement under another hash.
 *
 * @see core/common/ccprovider and bccsp/utils/ecdsa.go of Hyperledger Fabric
 * @module
 */
import {
  type Crypto,
  decodeHex,
  encodeHex,
  signatureToDer,
  type SigningKey,
} from '../../../../shared/crypto/src/index.ts'

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** @returns 64 bytes, r ‖ s, low-S. */
export function signForFabric(crypto: Crypto, key: SigningKey, message: Uint8Array): Uint8Array {
  return withLowS(crypto.sign(key, message))
}

/** @param signature 64 bytes, r ‖ s. @returns DER. */
export function toFabricSignature(signature: Uint8Array): Uint8Array {
  return signatureToDer(withLowS(signature))
}

function withLowS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${encodeHex(signature.subarray(32))}`)
  if (s <= ORDER / 2n) return signature
  const low = signature.slice()
  low.set(decodeHex((ORDER - s).toString(16).padStart(64, '0')), 32)
  return low
}
