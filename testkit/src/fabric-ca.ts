/**
 * A Fabric CA of an organisation for tests: its real server on loopback with TLS, driven by its real client. Its programs
 * must be there (`ledger/network/src/authority-programs.ts`).
 *
 * @module
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  decodeBase64url,
  decodePem,
  encodeHex,
  parseCertificate,
  type SigningKey,
} from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'

const crypto = createNodeCrypto()
const run = promisify(execFile)
/** A port that was free may be taken a moment later. */
const ATTEMPTS = 5
const REGISTRAR = 'registrar'

/** Somebody who was registered and has enrolled. */
export interface Enrolled {
  readonly cert: Uint8Array
  readonly signingKey: SigningKey
  /** As the ledger lists it. */
  readonly certSerial: string
}

export interface FabricCa {
  /** DER, and its key: for what a network needs before anybody can enrol. */
  readonly root: Uint8Array
  readonly signingKey: SigningKey
  /** @param type becomes the organisational unit. @param attributes as `--id.attrs` takes them. */
  enroll(name: string, type: 'client' | 'admin', attributes: string): Promise<Enrolled>
  /** All certificates of this name. @returns the revocation list, PEM */
  revoke(name: string): Promise<string>
  close(): Promise<void>
}

/** @param bin folder of Fabric CA's programs. */
export async function startFabricCa(bin: string, commonName: string): Promise<FabricCa> {
  const folder = mkdtempSync(join(tmpdir(), 'fabric-ca-'))
  const secret = encodeHex(crypto.randomBytes(16))
  const { server, port } = await started(bin, folder, commonName, secret)
  const rootPath = join(folder, 'server/ca-cert.pem')
  const url = `https://127.0.0.1:${port}`
  const client = (home: string, ...args: string[]) =>
    run(join(bin, 'fabric-ca-client'), [...args, '--home', join(folder, home), '--tls.certfiles', rootPath], {
      env: { PATH: process.env['PATH'], HOME: folder },
    })
  // Which host a person enrolled from is nobody's business.
  const enrollAs = (name: string, password: string) =>
    client(name, 'enroll', '-u', url.replace('//', `//${name}:${password}@`), '--csr.hosts', name)
  await enrollAs(REGISTRAR, secret)
  const [root = new Uint8Array(0)] = decodePem('CERTIFICATE', readFileSync(rootPath, 'utf8'))
  return {
    root,
    signingKey: keyOf(join(folder, 'server/msp/keystore'), root),
    async enroll(name, type, attributes) {
      const password = encodeHex(crypto.randomBytes(16))
      const identity = ['--id.name', name, '--id.type', type, '--id.secret', password]
      await client(REGISTRAR, 'register', '-u', url, ...identity, ...(attributes ? ['--id.attrs', attributes] : []))
      await enrollAs(name, password)
      const msp = join(folder, name, 'msp')
      const pem = readFileSync(join(msp, 'signcerts/cert.pem'), 'utf8')
      const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', pem)
      const { serialHex } = parseCertificate(cert)
      return { cert, signingKey: keyOf(join(msp, 'keystore'), cert), certSerial: serialHex }
    },
    async revoke(name) {
      await client(REGISTRAR, 'revoke', '-u', url, '-e', name, '--gencrl')
      return readFileSync(join(folder, REGISTRAR, 'msp/crls/crl.pem'), 'utf8')
    },
    async close() {
      await ended(server)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function started(bin: string, folder: string, commonName: string, secret: string) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const home = join(folder, 'server')
    const address = ['--address', '127.0.0.1', '--port', String(port), '--operations.listenaddress', '127.0.0.1:0']
    const names = ['--csr.cn', commonName, '--csr.hosts', '127.0.0.1', '--tls.enabled']
    const args = ['start', '-b', `${REGISTRAR}:${secret}`, '--home', home, ...address, ...names]
    const server = spawn(join(bin, 'fabric-ca-server'), args, {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = await saysOrEnds(server, `Listening on https://127.0.0.1:${port}`)
    if (said === undefined) return { server, port }
    if (attempt === ATTEMPTS) throw new Error(`fabric-ca-server does not start: ${said.slice(-1_000)}`)
  }
}

/** Undefined once it has said `line`; what it said before if it ended. */
function saysOrEnds(server: ChildProcess, line: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-20_000)
      if (said.includes(line)) resolve(undefined)
    })
    server.once('error', ({ message }) => resolve(message))
    server.once('close', () => resolve(said))
  })
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const over = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  server.kill('SIGKILL')
  await over
}

/** The one key in the folder that belongs to the certificate. */
function keyOf(keystore: string, cert: Uint8Array): SigningKey {
  const certificate = new X509Certificate(cert)
  for (const file of readdirSync(keystore).filter((name) => name.endsWith('_sk'))) {
    const key = createPrivateKey(readFileSync(join(keystore, file)))
    if (certificate.checkPrivateKey(key)) {
      return crypto.importSigningKey(decodeBase64url(key.export({ format: 'jwk' }).d ?? ''))
    }
  }
  throw new Error('no key for the certificate')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
