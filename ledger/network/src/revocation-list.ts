/**
 * An organisation's revocation list (CRL, RFC 5280 §5) in the form that Fabric takes into the organisation's MSP: peers and
 * orderers then refuse the certificates on it themselves, besides the contract, which has a list of its own.
 *
 * @module
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded before itself
import 'reflect-metadata'
import { createPrivateKey, webcrypto } from 'node:crypto'
import { AuthorityKeyIdentifierExtension, X509Certificate, X509CrlGenerator } from '@peculiar/x509'
import type { CertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { type Crypto, encodeBase64url, encodePem, type SigningKey } from '../../../shared/crypto/src/index.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const MS_PER_DAY = 86_400_000
/** Fabric does not look at it; others may. */
const NEXT_DAYS = 30

/** @param serials hex, as the ledger lists them. @returns PEM */
export async function revocationList(
  crypto: Crypto,
  { root, signingKey }: Pick<CertificateAuthority, 'root' | 'signingKey'>,
  serials: readonly string[],
  nowMs: number,
): Promise<string> {
  const certificate = new X509Certificate(new Uint8Array(root))
  const list = await X509CrlGenerator.create({
    issuer: certificate.subject,
    thisUpdate: new Date(nowMs),
    nextUpdate: new Date(nowMs + NEXT_DAYS * MS_PER_DAY),
    entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date(nowMs) })),
    // By it Fabric finds the list that belongs to a root.
    extensions: [await AuthorityKeyIdentifierExtension.create(certificate.publicKey)],
    signingAlgorithm: ALGORITHM,
    signingKey: await webKey(crypto, signingKey),
  })
  return encodePem('X509 CRL', new Uint8Array(list.rawData))
}

async function webKey(crypto: Crypto, key: SigningKey): Promise<webcrypto.CryptoKey> {
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: encodeBase64url(key.publicKey.subarray(1, 33)),
    y: encodeBase64url(key.publicKey.subarray(33)),
    d: encodeBase64url(crypto.exportSigningKey(key)),
  }
  const der = createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'pkcs8' })
  return await webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), ALGORITHM, false, ['sign'])
}
