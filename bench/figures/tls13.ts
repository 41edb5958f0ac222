/**
 * What the attested handshake is compared with: full mutual TLS 1.3 handshakes of Node's own tls module, P-256
 * certificates on both sides, each checked against a root, no resumption, each on a new loopback connection.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createSecureContext, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { encodeBase64url, encodePem, type Crypto, type SigningKey } from '../../shared/crypto/src/index.ts'
import { buildTestCertificate } from '../../testkit/src/certificates.ts'

export interface Tls13 {
  /** Key agreement that both sides used. */
  readonly group: string
  /** One handshake: resolves when both sides have finished. */
  handshake(): Promise<void>
  close(): Promise<void>
}

/** Hybrid like ours where this OpenSSL has it, else classical. */
const GROUPS = ['X25519MLKEM768', 'X25519'] as const

export async function openTls13(crypto: Crypto): Promise<Tls13> {
  for (const group of GROUPS) {
    const tls = await open(crypto, group)
    try {
      await tls.handshake()
      return tls
    } catch {
      await tls.close()
    }
  }
  throw new Error('no key agreement in common')
}

async function open(crypto: Crypto, group: string): Promise<Tls13> {
  const rootKey = crypto.generateSigningKey()
  const root = encodePem('CERTIFICATE', buildTestCertificate(crypto, { issuerKey: rootKey, subject: 'root', ca: {} }))
  const [forServer, forClient] = [1, 2].map((serial) => ({
    ...credentialsOf(crypto, rootKey, root, serial),
    ecdhCurve: group,
    minVersion: 'TLSv1.3' as const,
  }))
  // Read once, as the server's is.
  const secureContext = createSecureContext(forClient)

  const finished: (() => void)[] = []
  const server = createServer({ ...forServer, requestCert: true, rejectUnauthorized: true })
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    finished.shift()?.()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    group,
    async handshake() {
      const accepted = new Promise<void>((resolve) => finished.push(resolve))
      const socket = connect({
        port,
        host: '127.0.0.1',
        secureContext,
        // The name is not part of the comparison: our server is named by its reference.
        checkServerIdentity: () => undefined,
      })
      await once(socket, 'secureConnect')
      await accepted
      checkFull(socket)
      socket.destroy()
    },
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

function checkFull(socket: TLSSocket): void {
  if (!socket.authorized || socket.isSessionReused() || socket.getProtocol() !== 'TLSv1.3') {
    throw new Error('not a full mutual TLS 1.3 handshake')
  }
}

function credentialsOf(crypto: Crypto, rootKey: SigningKey, root: string, serial: number): SecureContextOptions {
  const key = crypto.generateSigningKey()
  const certificate = buildTestCertificate(crypto, {
    issuerKey: rootKey,
    issuer: 'root',
    subject: `leaf ${serial}`,
    publicKey: key.publicKey,
    serial: Uint8Array.of(1, serial),
  })
  return { ca: root, cert: encodePem('CERTIFICATE', certificate), key: privatePem(crypto, key) }
}

function privatePem(crypto: Crypto, key: SigningKey): string {
  const { publicKey } = key
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: encodeBase64url(crypto.exportSigningKey(key)),
    x: encodeBase64url(publicKey.subarray(1, 33)),
    y: encodeBase64url(publicKey.subarray(33)),
  }
  return createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' }) as string
}
