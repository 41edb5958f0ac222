/**
 * Whether a member of Fabric's, in the form in which blocks name it, signed something.
 *
 * @module
 */
import { msp } from '@hyperledger/fabric-protos'
import {
  type Crypto,
  CryptoError,
  decodePem,
  parseCertificate,
  signatureFromDer,
} from '../../../../shared/crypto/src/index.ts'
import { LedgerError, type MemberCache, type Organization } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'

/** Whose signature counts. */
export interface Signers {
  readonly crypto: Crypto
  readonly cache: MemberCache
  readonly configuration: { readonly organizations: readonly Organization[] }
  /** Organisational unit that the certificate must name. */
  readonly unit?: string
  /** When it was signed; absent: blocks have no time, so the period of the certificate says nothing. */
  readonly atMs?: number
}

/** @param identity SerializedIdentity. @param signature DER. */
export function isSignedBy(
  { crypto, cache, configuration, unit, atMs }: Signers,
  identity: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const serialized = msp.SerializedIdentity.deserializeBinary(identity)
  try {
    const pem = new TextDecoder().decode(serialized.getIdBytes_asU8())
    const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', pem)
    const mspId = serialized.getMspid() as MspId
    const { certificate, key } = cache.check(configuration, mspId, cert, atMs ?? parseCertificate(cert).notAfterMs)
    if (unit !== undefined && !certificate.subject.organizationalUnits.includes(unit)) return false
    return crypto.verify(key, message, signatureFromDer(signature))
  } catch (error) {
    if (error instanceof LedgerError || error instanceof CryptoError) return false
    throw error
  }
}
