/**
 * An organisation's TLS authority, apart from the one that issues identities: who may open a connection and who may act
 * on the ledger are two questions. Certificates are good for ten years, because those of orderers stand in the channel's
 * configuration; docs/fabric.md says how operators exchange them.
 *
 * @module
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded before itself
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { decodePem, encodePem } from '../../../shared/crypto/src/index.ts'
import { writeOwnFile } from './folder.ts'
import { LOOPBACK } from './plan.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const MS_PER_DAY = 86_400_000
const BACKDATED_MS = 300_000
const DAYS = 3_650

export interface TlsPair {
  readonly certificatePem: string
  readonly keyPem: string
}

export interface TlsAuthority {
  /** PEM, with its final newline. */
  readonly rootPem: string
  /** Certificate and key for a node, as client and as server. @param host its address; default: loopback. */
  issue(name: string, host?: string): Promise<TlsPair>
}

/** Opens the authority in `folder`, or makes it. */
export async function openTlsAuthority(folder: string, mspId: string): Promise<TlsAuthority> {
  const paths = { root: join(folder, 'tls-root.pem'), key: join(folder, 'tls-root.key') }
  if (!existsSync(paths.key)) await createAuthority(paths, mspId)
  const rootPem = readFileSync(paths.root, 'utf8')
  const root = new X509Certificate(rootPem)
  const signingKey = await importKey(readFileSync(paths.key, 'utf8'))
  return {
    rootPem,
    async issue(name, host = LOOPBACK) {
      const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const certificate = await X509CertificateGenerator.create({
        serialNumber: newSerial(),
        subject: `CN=${name}, O=${mspId}`,
        issuer: root.subject,
        notBefore: new Date(Date.now() - BACKDATED_MS),
        notAfter: root.notAfter,
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          await AuthorityKeyIdentifierExtension.create(root.publicKey),
          new SubjectAlternativeNameExtension([
            { type: 'dns', value: name },
            { type: 'dns', value: 'localhost' },
            { type: 'ip', value: host },
          ]),
        ],
      })
      return { certificatePem: pemOf(certificate), keyPem: await exportKey(keys.privateKey) }
    },
  }
}

/** The key last: a folder with a key is whole. */
async function createAuthority(paths: { readonly root: string; readonly key: string }, mspId: string): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const name = `CN=${mspId} TLS root, O=${mspId}`
  const from = Date.now() - BACKDATED_MS
  const root = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: name,
    issuer: name,
    notBefore: new Date(from),
    notAfter: new Date(from + DAYS * MS_PER_DAY),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  writeOwnFile(paths.root, pemOf(root))
  writeOwnFile(paths.key, await exportKey(keys.privateKey))
}

function pemOf(certificate: X509Certificate): string {
  return encodePem('CERTIFICATE', new Uint8Array(certificate.rawData))
}

/** Positive, and never with a zero first byte (RFC 5280 §4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return encodePem('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', key)))
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der = new Uint8Array()] = decodePem('PRIVATE KEY', pem)
  return await webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), ALGORITHM, false, ['sign'])
}
