import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCertificateChain } from '../../shared/crypto/src/index.ts'
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

test('another authority’s root does not vouch for it, nor does its own outside the period', async () => {
  const ca = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const other = await createCertificateAuthority({ crypto, mspId: 'HospitalA', nowMs })
  const { chain } = await ca.issue({ role: 'admin', publicKey: key.publicKey, notAfterMs: nowMs() + 1_000 })
  assert.throws(() => checkCertificateChain(crypto, chain, [other.root], nowMs()), { reason: 'BAD_SIGNATURE' })
  assert.throws(() => checkCertificateChain(crypto, chain, [ca.root], nowMs() + 2_000), { reason: 'EXPIRED' })
})
