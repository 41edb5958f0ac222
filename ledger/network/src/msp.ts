/**
 * MSP folders as Fabric reads them: the definition of an organisation (its roots, and the organisational units that tell
 * clients, administrators, peers and orderers apart), and the identity of one node or administrator.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { CertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { decodeBase64url, decodePem, encodePem, parseCertificate } from '../../../shared/crypto/src/index.ts'
import { writeOwnFile } from './folder.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

export interface MspDefinition {
  /** PEM of the authority that issues identities. */
  readonly rootPem: string
  readonly tlsRootPem: string
}

/** `msp/config.yaml`: NodeOUs, on. */
export function nodeUnits(): string {
  const unit = (name: string) => ({ OrganizationalUnitIdentifier: name })
  return stringify({
    NodeOUs: {
      Enable: true,
      ClientOUIdentifier: unit('client'),
      PeerOUIdentifier: unit('peer'),
      AdminOUIdentifier: unit('admin'),
      OrdererOUIdentifier: unit('orderer'),
    },
  })
}

/** The public part: what the channel's configuration takes in of an organisation. */
export function writeMspDefinition(folder: string, { rootPem, tlsRootPem }: MspDefinition): void {
  writeOwnFile(join(folder, 'cacerts/ca.pem'), rootPem)
  writeOwnFile(join(folder, 'tlscacerts/tls.pem'), tlsRootPem)
  writeOwnFile(join(folder, 'config.yaml'), nodeUnits())
}

/** An identity: key and certificate, made when they are missing, the certificate again when it is about to end. */
export async function ensureIdentity(
  folder: string,
  authority: CertificateAuthority,
  subject: { readonly role: 'admin' | 'peer' | 'orderer'; readonly name: string; readonly nowMs: number },
): Promise<void> {
  const paths = { key: join(folder, 'keystore/key.pem'), certificate: join(folder, 'signcerts/cert.pem') }
  const publicPath = join(folder, 'public.key')
  if (!existsSync(paths.key)) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    writeOwnFile(publicPath, Buffer.concat([Buffer.of(4), decodeBase64url(x), decodeBase64url(y)]))
    writeOwnFile(paths.key, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
  }
  if (existsSync(paths.certificate) && !isEnding(paths.certificate, subject.nowMs)) return
  const { chain } = await authority.issue({
    role: subject.role,
    ...(subject.role === 'admin' ? {} : { ref: subject.name }),
    publicKey: new Uint8Array(readFileSync(publicPath)),
  })
  writeOwnFile(paths.certificate, encodePem('CERTIFICATE', chain[0]))
}

function isEnding(path: string, nowMs: number): boolean {
  const [der] = decodePem('CERTIFICATE', readFileSync(path, 'utf8'))
  return der === undefined || parseCertificate(der).notAfterMs - nowMs < RENEW_BEFORE_MS
}
