import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkCertificateChain, equalBytes, parseCertificate } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'
import { openOrganization } from './organization.ts'
import { openServiceIdentity, registrationOf } from './service-identity.ts'

const crypto = createNodeCrypto()
const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22)
const newFolder = () => mkdtempSync(join(tmpdir(), 'trusthealth-organization-'))
const options = (nowMs: number, mspId = 'HospitalA') => ({ crypto, mspId: mspId as MspId, nowMs: () => nowMs })

test('an organisation is made once and opened afterwards', async () => {
  const folder = newFolder()
  const made = await openOrganization(folder, options(NOW))
  const opened = await openOrganization(folder, options(NOW + DAY_MS))
  assert.deepEqual(opened.authority.root, made.authority.root)
  assert.deepEqual(opened.admin.cert, made.admin.cert)
  const admin = checkCertificateChain(crypto, [opened.admin.cert], [opened.authority.root], NOW)
  assert.equal(admin.attributes['trusthealth.role'], 'admin')
  assert.ok(equalBytes(admin.publicKey, opened.admin.signingKey.publicKey))
  assert.equal(statSync(join(folder, 'organization.json')).mode & 0o777, 0o600)
})

test('the administrator and the service get new certificates before theirs end, for the same keys', async () => {
  const folder = newFolder()
  const first = await openOrganization(folder, options(NOW))
  const service = await openServiceIdentity(folder, 'Hospital A', first, crypto, () => NOW)
  const later = NOW + 350 * DAY_MS
  const renewed = await openOrganization(folder, options(later))
  const renewedService = await openServiceIdentity(folder, 'Hospital A', renewed, crypto, () => later)
  assert.ok(parseCertificate(renewed.admin.cert).notAfterMs > parseCertificate(first.admin.cert).notAfterMs)
  assert.deepEqual(renewed.admin.signingKey.publicKey, first.admin.signingKey.publicKey)
  assert.equal(renewedService.ref, service.ref)
  assert.equal(registrationOf(renewedService).publicKey, registrationOf(service).publicKey)
  assert.notEqual(registrationOf(renewedService).certSerial, registrationOf(service).certSerial)
})

test('a folder of another organisation is refused', async () => {
  const folder = newFolder()
  await openOrganization(folder, options(NOW))
  await assert.rejects(openOrganization(folder, options(NOW, 'HospitalB')), { code: 'STORE_DAMAGED' })
})

test('keys that were cut off are refused, not replaced', async () => {
  const folder = newFolder()
  await openOrganization(folder, options(NOW))
  const path = join(folder, 'organization.json')
  const whole = readFileSync(path, 'utf8')
  writeFileSync(path, whole.slice(0, -40))
  await assert.rejects(openOrganization(folder, options(NOW)), { code: 'STORE_DAMAGED' })
  assert.equal(readFileSync(path, 'utf8'), whole.slice(0, -40))
})

test('the service of a hospital is certified in its role, with its reference', async () => {
  const folder = newFolder()
  const organization = await openOrganization(folder, options(NOW))
  const service = await openServiceIdentity(folder, 'Hospital A', organization, crypto, () => NOW)
  const [leaf] = service.chain
  const certificate = parseCertificate(leaf as Uint8Array)
  assert.equal(certificate.attributes['trusthealth.role'], 'hospital')
  assert.equal(certificate.attributes['trusthealth.ref'], service.ref)
  const again = await openServiceIdentity(folder, 'Hospital A', organization, crypto, () => NOW)
  assert.equal(again.ref, service.ref)
  assert.deepEqual(again.chain, service.chain)
})
