/** Identities and TLS certificates as Fabric's nodes use them. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { createCertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { checkCertificateChain, decodePem } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { ensureIdentity, writeMspDefinition } from './msp.ts'
import { openTlsAuthority } from './tls-authority.ts'

const crypto = createNodeCrypto()
const root = mkdtempSync(join(tmpdir(), 'certificates-'))
after(() => rmSync(root, { recursive: true, force: true }))
const authority = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs: Date.now })
const YEAR_MS = 366 * 86_400_000

test('an identity’s key and certificate belong together and lead to the organisation’s root', async () => {
  const folder = join(root, 'identity')
  await ensureIdentity(folder, authority, { role: 'peer', name: 'peer0.hospitala', nowMs: Date.now() })
  const pem = readFileSync(join(folder, 'signcerts/cert.pem'), 'utf8')
  assert.ok(new X509Certificate(pem).checkPrivateKey(createPrivateKey(readFileSync(join(folder, 'keystore/key.pem')))))
  const { subject } = checkCertificateChain(crypto, decodePem('CERTIFICATE', pem), [authority.root], Date.now())
  assert.deepEqual([subject.commonName, subject.organizationalUnits], ['peer0.hospitala', ['peer']])
  assert.equal(statSync(join(folder, 'keystore/key.pem')).mode & 0o077, 0)
})

test('an identity stays while its certificate is good, and gets a new one for the same key when it is about to end', async () => {
  const folder = join(root, 'renewed')
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const files = () => [read('keystore/key.pem'), read('signcerts/cert.pem')] as const
  const ensure = (nowMs: number) => ensureIdentity(folder, authority, { role: 'orderer', name: 'orderer1', nowMs })
  await ensure(Date.now())
  const [key, certificate] = files()
  await ensure(Date.now())
  assert.deepEqual(files(), [key, certificate])
  await ensure(Date.now() + YEAR_MS)
  assert.equal(files()[0], key)
  assert.notEqual(files()[1], certificate)
  assert.ok(new X509Certificate(files()[1]).checkPrivateKey(createPrivateKey(key)))
})

test('a definition holds no key', () => {
  const folder = join(root, 'definition')
  writeMspDefinition(folder, { rootPem: 'a', tlsRootPem: 'b' })
  assert.ok(existsSync(join(folder, 'config.yaml')))
  assert.ok(!existsSync(join(folder, 'keystore')))
})

/** What the client gets: `welcome` if both took each other's certificate. */
async function handshake(serverOf: string, clientOf: string): Promise<string> {
  const server = await openTlsAuthority(join(root, serverOf), serverOf)
  const client = await openTlsAuthority(join(root, clientOf), clientOf)
  const mine = await server.issue('node')
  const theirs = await client.issue('client')
  const listener = createServer(
    { cert: mine.certificatePem, key: mine.keyPem, ca: server.rootPem, requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end('welcome'),
  )
  listener.on('tlsClientError', () => undefined)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: server.rootPem,
    cert: theirs.certificatePem,
    key: theirs.keyPem,
  })
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString()))
    socket.once('error', () => resolve('refused'))
    socket.once('close', () => resolve('refused'))
  })
  socket.destroy()
  listener.close()
  return answer
}

test('nodes of one TLS authority take each other’s certificates on loopback', async () => {
  assert.equal(await handshake('one', 'one'), 'welcome')
})

test('a client of another TLS authority is turned away', async () => {
  assert.equal(await handshake('one', 'two'), 'refused')
})

test('a TLS authority that is opened again issues under the same root', async () => {
  const first = await openTlsAuthority(join(root, 'again'), 'HospitalA')
  const again = await openTlsAuthority(join(root, 'again'), 'HospitalA')
  assert.equal(again.rootPem, first.rootPem)
  const leaf = new X509Certificate((await again.issue('node')).certificatePem)
  assert.ok(leaf.verify(new X509Certificate(first.rootPem).publicKey))
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1')
})
