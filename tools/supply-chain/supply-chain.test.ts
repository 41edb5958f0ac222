/**
 * Planted faults of the supply chain: each gate must see them. What looks like a secret is put together here, so that this
 * file is none.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { findLicenceFaults, isAllowed } from './licences.ts'
import { makeSbom, type Sbom } from './sbom.ts'
import { findSchemaFaults } from './sbom-schema.ts'
import { findSecrets } from './secrets.ts'

test('licences that do not go with ours are named, shipped or not', () => {
  const packages = {
    '': {},
    'node_modules/good': { license: 'MIT' },
    'node_modules/both': { license: '(MIT OR GPL-3.0-only)' },
    'node_modules/tool': { license: 'MPL-2.0', dev: true },
    'node_modules/shipped': { license: 'MPL-2.0' },
    'node_modules/viral': { license: 'AGPL-3.0-only', dev: true },
    'node_modules/a/node_modules/@b/half': { license: '(MIT AND GPL-2.0-only)' },
    'node_modules/nothing': {},
    'node_modules/words': { license: 'SEE LICENSE IN FILE' },
    'node_modules/stated': {},
  }
  const faults = findLicenceFaults(packages, { stated: 'ISC', gone: 'MIT' })
  assert.deepEqual(
    faults.map((fault) => fault.split(' ')[0]),
    ['shipped', 'viral', '@b/half', 'nothing', 'words', 'gone'],
  )
})

for (const expression of [
  'GPL-3.0',
  'MIT AND (GPL-2.0 OR MIT)',
  '(MIT OR Apache-2.0 AND GPL-2.0)',
  'mit',
  '',
  'UNLICENSED',
]) {
  test(`"${expression}" is no licence that is let in`, () => {
    assert.equal(isAllowed(expression, true), false)
  })
}

const planted: Readonly<Record<string, () => string>> = {
  'a private key': () =>
    generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    }).privateKey,
  'a token of GitHub': () => ['ghp', 'a1B2'.repeat(9)].join('_'),
  'a token of npm': () => `//registry.npmjs.org/:_authToken=${['npm', 'a1B2'.repeat(9)].join('_')}`,
  'a key of AWS': () =>
    `AWS_SECRET_ACCESS_KEY = ${['wJalrXUtnFEMI', 'K7MDENG', 'bPxRfiCYZk3wT9qLx0aB'].join('/').slice(0, 40)}`,
  'a password in an address': () => `https://${['user', 'hunter2hunter2'].join(':')}@example.com/`,
}
for (const [name, make] of Object.entries(planted)) {
  test(`${name} is found, and its line`, async () => {
    const found = await findSecrets('planted.txt', `first line\n${make()}\n`)
    assert.deepEqual([...new Set(found.map(({ line }) => line))], [2])
  })
}

test('what is public is not taken for a secret', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = `${publicKey.export({ type: 'spki', format: 'pem' }).toString()}\nsha256 ${'0123456789abcdef'.repeat(4)}\n`
  assert.deepEqual(await findSecrets('public.txt', text), [])
})

const OF_NPM: Sbom = {
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  serialNumber: 'urn:uuid:28b7c5e3-4d90-4a5a-bcf1-b400f8e36ebc',
  version: 1,
  metadata: {
    timestamp: '2026-11-23T03:50:47.231Z',
    component: { 'bom-ref': 'trusthealth@0.1.0', type: 'library', name: 'some-folder', version: '0.1.0' },
  },
  components: [
    { 'bom-ref': '@noble/curves@2.4.0', type: 'library', name: '@noble/curves', version: '2.4.0' },
    { 'bom-ref': 'other@1.0.0', type: 'library', name: 'other', version: '1.0.0' },
  ],
  dependencies: [{ ref: 'trusthealth@0.1.0', dependsOn: ['@noble/curves@2.4.0'] }],
}
const MEASURED = {
  name: 'trusted-application.mjs',
  sha256: 'ab'.repeat(32),
  parts: ['node_modules/@noble/curves/nist.js', 'secure/core/src/application.ts'],
}

test('a bill has no time, no folder and no random number in it, and is CycloneDX’s', async () => {
  const bill = makeSbom(OF_NPM, MEASURED)
  const later = { ...OF_NPM, serialNumber: 'urn:uuid:00000000-0000-4000-8000-000000000000' }
  const { component } = OF_NPM.metadata
  const elsewhere = { ...later, metadata: { timestamp: '2030', component: { ...component, name: 'elsewhere' } } }
  assert.equal(makeSbom(elsewhere, MEASURED), bill)
  assert.deepEqual(await findSchemaFaults(bill), [])
  const made = JSON.parse(bill) as Sbom
  assert.deepEqual(made.dependencies.at(-1), {
    ref: `trusted-application.mjs@sha256:${MEASURED.sha256}`,
    dependsOn: ['@noble/curves@2.4.0'],
  })
  assert.notEqual(makeSbom(OF_NPM, { ...MEASURED, sha256: 'ac'.repeat(32) }), bill)
})

test('a bill that is none is refused by the schema', async () => {
  const bill = JSON.parse(makeSbom(OF_NPM, MEASURED)) as Sbom & Record<string, unknown>
  const without = (component: Sbom['components'][number]) => ({ ...component, name: undefined })
  for (const wrong of [
    { ...bill, components: bill.components.map(without) },
    { ...bill, bomFormat: 'SPDX' },
    { ...bill, serialNumber: 'urn:uuid:1' },
    { ...bill, notes: 'a member of ours' },
  ]) {
    assert.notDeepEqual(await findSchemaFaults(JSON.stringify(wrong)), [])
  }
})
