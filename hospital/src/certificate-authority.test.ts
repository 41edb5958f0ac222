// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded before itself
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { test } from 'node:test'
import { SubjectKeyIdentifierExtension, X509Certificate } from '@peculiar/x509'
import { checkCertificateChain, parseCertificate } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { createCertificateAuthority, openCertificateAuthority } from './certificate-authority.ts'

const crypto = createNodeCrypto()
const nowMs = () => 1_780_000_000_000
const key = crypto.generateSigningKey()

test('a certificate leads to its root and says role, reference and emergency', async () => {
  const ca = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const { chain, serialHex } = await ca.issue({
    role: 'doctor',
    ref: 'd-00112233445566778899aabbccddeeff',
    publicKey: key.publicKey,
    emergency: true,
  })
  const leaf = checkCertificateChain(crypto, chain, [ca.root], nowMs())
  assert.deepEqual(leaf.publicKey, key.publicKey)
  assert.equal(leaf.serialHex, serialHex)
  assert.deepEqual(
    { ...leaf.attributes },
    {
      'trusthealth.role': 'doctor',
      'trusthealth.ref': 'd-00112233445566778899aabbccddeeff',
      'trusthealth.emergency': 'true',
    },
  )
})

test('an authority opened again issues under the same root', async () => {
  const first = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const again = openCertificateAuthority({
    crypto,
    mspId: 'HospitalA',
    nowMs,
    root: first.root,
    signingKey: crypto.importSigningKey(crypto.exportSigningKey(first.signingKey)),
  })
  const { chain } = await again.issue({ role: 'admin', publicKey: key.publicKey })
  const leaf = checkCertificateChain(crypto, chain, [first.root], nowMs())
  assert.deepEqual({ ...leaf.attributes }, { 'trusthealth.role': 'admin' })
})

test('Fabric’s word for each role is an organisational unit, exactly once', async () => {
  const ca = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const expected = {
    doctor: 'client',
    hospital: 'client',
    auditor: 'client',
    server: 'client',
    admin: 'admin',
    peer: 'peer',
    orderer: 'orderer',
  } as const
  for (const [role, unit] of Object.entries(expected)) {
    const { chain } = await ca.issue({ role: role as keyof typeof expected, publicKey: key.publicKey })
    const { organizationalUnits } = parseCertificate(chain[0]).subject
    const words = organizationalUnits.filter((word) => ['client', 'admin', 'peer', 'orderer'].includes(word))
    assert.deepEqual(words, [unit], role)
  }
})

test('a node of the network has no role on the ledger', async () => {
  const ca = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const { chain } = await ca.issue({ role: 'peer', ref: 'peer0.hospitala', publicKey: key.publicKey })
  assert.deepEqual({ ...parseCertificate(chain[0]).attributes }, {})
})

test('a root has the subject key identifier that Fabric asks for', async () => {
  const { root } = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const { subtle } = webcrypto
  const point = await subtle.digest('SHA-1', new Uint8Array(parseCertificate(root).publicKey))
  const extension = new X509Certificate(new Uint8Array(root)).getExtension(SubjectKeyIdentifierExtension)
  assert.equal(extension?.keyId, Buffer.from(point).toString('hex'))
})

test('another authority’s root does not vouch for it, nor does its own outside the period', async () => {
  const ca = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const other = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const { chain } = await ca.issue({ role: 'admin', publicKey: key.publicKey, notAfterMs: nowMs() + 1_000 })
  assert.throws(() => checkCertificateChain(crypto, chain, [other.root], nowMs()), { reason: 'BAD_SIGNATURE' })
  assert.throws(() => checkCertificateChain(crypto, chain, [ca.root], nowMs() + 2_000), { reason: 'EXPIRED' })
})

test('a certificate does not begin before its root, which another program may date later', async () => {
  const later = () => nowMs() + 3_600_000
  const first = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs: later })
  const ca = openCertificateAuthority({ ...first, crypto, nowMs })
  const [certificate] = (await ca.issue({ role: 'admin', publicKey: key.publicKey })).chain
  const begins = (der: Uint8Array) => new X509Certificate(new Uint8Array(der)).notBefore.getTime()
  assert.equal(begins(certificate), begins(ca.root))
})
