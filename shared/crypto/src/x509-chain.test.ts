import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildTestCertificate, type TestCertificateOptions } from '../../../testkit/src/certificates.ts'
import type { CertificateRefusal } from './errors.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { checkCertificateChain, checkCertificatePath } from './x509-chain.ts'
import { type Certificate, parseCertificate } from './x509.ts'

const crypto = createNodeCrypto()
const FROM_MS = Date.UTC(2025, 0, 1)
const TO_MS = Date.UTC(2035, 0, 1)
const NOW_MS = Date.UTC(2030, 0, 1)
const [rootKey, caKey, leafKey, otherKey] = [1, 2, 3, 4].map(() => crypto.generateSigningKey()) as [K, K, K, K]
type K = ReturnType<typeof crypto.generateSigningKey>

const period = { notBeforeMs: FROM_MS, notAfterMs: TO_MS }
const makeRoot = (options: Partial<TestCertificateOptions> = {}): Uint8Array =>
  buildTestCertificate(crypto, {
    issuerKey: rootKey,
    subject: 'root',
    ca: {},
    serial: Uint8Array.of(1),
    ...period,
    ...options,
  })
const makeCa = (options: Partial<TestCertificateOptions> = {}): Uint8Array =>
  buildTestCertificate(crypto, {
    issuerKey: rootKey, publicKey: caKey.publicKey, issuer: 'root', subject: 'ca', ca: {}, serial: Uint8Array.of(2), ...period, ...options,
  }) // prettier-ignore
const makeLeaf = (options: Partial<TestCertificateOptions> = {}): Uint8Array =>
  buildTestCertificate(crypto, {
    issuerKey: caKey, publicKey: leafKey.publicKey, issuer: 'ca', subject: 'leaf', serial: Uint8Array.of(3), ...period, ...options,
  }) // prettier-ignore

const root = makeRoot()
const ca = makeCa()
const leaf = makeLeaf()
const directLeaf = makeLeaf({ issuerKey: rootKey, issuer: 'root' })

function refuses(reason: CertificateRefusal, ...args: Check): void {
  assert.throws(() => check(...args), { code: 'CRYPTO_BAD_CERTIFICATE', reason })
}
type Check = [chain: Uint8Array[], roots?: Uint8Array[], nowMs?: number, revoked?: string[]]
function check(...[chain, roots = [root], nowMs = NOW_MS, revoked = []]: Check): string | undefined {
  return checkCertificateChain(crypto, chain, roots, nowMs, new Set(revoked)).subject.commonName
}

test('a leaf is accepted with and without the root, and directly under the root', () => {
  assert.equal(check([leaf, ca]), 'leaf')
  assert.equal(check([leaf, ca, root]), 'leaf')
  assert.equal(check([directLeaf]), 'leaf')
  assert.equal(check([leaf], [ca]), 'leaf')
  assert.equal(check([leaf, ca], [makeRoot({ subject: 'elsewhere' }), root]), 'leaf')
})

test('EXPIRED: one millisecond after the last moment, for each certificate of the path', () => {
  assert.equal(check([leaf, ca], [root], TO_MS), 'leaf')
  refuses('EXPIRED', [leaf, ca], [root], TO_MS + 1)
  const short = { notAfterMs: NOW_MS - 1_000 }
  refuses('EXPIRED', [makeLeaf(short), ca])
  refuses('EXPIRED', [leaf, makeCa(short)])
  refuses('EXPIRED', [leaf, ca], [makeRoot(short)])
})

test('NOT_YET_VALID: one millisecond before the first moment, and for a time that is not a number', () => {
  assert.equal(check([leaf, ca], [root], FROM_MS), 'leaf')
  refuses('NOT_YET_VALID', [leaf, ca], [root], FROM_MS - 1)
  refuses('NOT_YET_VALID', [leaf, makeCa({ notBeforeMs: NOW_MS + 1_000 })])
  refuses('NOT_YET_VALID', [leaf, ca], [root], Number.NaN)
})

test('UNTRUSTED_ROOT: no root, another root, a missing link, a wrong order, a root of the sender', () => {
  refuses('UNTRUSTED_ROOT', [leaf, ca], [])
  refuses('UNTRUSTED_ROOT', [leaf, ca], [makeRoot({ subject: 'elsewhere' })])
  refuses('UNTRUSTED_ROOT', [leaf])
  refuses('UNTRUSTED_ROOT', [leaf, makeCa({ subject: 'another ca' })])
  const foreignRoot = buildTestCertificate(crypto, { issuerKey: otherKey, subject: 'foreign', ca: {}, ...period })
  const foreignLeaf = makeLeaf({ issuerKey: otherKey, issuer: 'foreign' })
  refuses('UNTRUSTED_ROOT', [foreignLeaf, foreignRoot])
  refuses('UNTRUSTED_ROOT', [foreignLeaf, root])
})

test('BAD_SIGNATURE: another key under the right names, at each place', () => {
  refuses('BAD_SIGNATURE', [makeLeaf({ issuerKey: otherKey }), ca])
  refuses('BAD_SIGNATURE', [leaf, makeCa({ issuerKey: otherKey })])
  refuses('BAD_SIGNATURE', [leaf, ca], [makeRoot({ issuerKey: otherKey })])
  refuses('BAD_SIGNATURE', [leaf, makeCa({ publicKey: otherKey.publicKey })])
})

test('REVOKED: leaf or intermediate, by serial number', () => {
  assert.equal(check([leaf, ca], [root], NOW_MS, ['04', '3', '0003']), 'leaf')
  refuses('REVOKED', [leaf, ca], [root], NOW_MS, ['03'])
  refuses('REVOKED', [leaf, ca, root], [root], NOW_MS, ['02'])
})

test('MALFORMED: no certificate, four of them, garbage, a key that is not on the curve', () => {
  refuses('MALFORMED', [])
  refuses('MALFORMED', [leaf, ca, root, root])
  refuses('MALFORMED', [leaf, new Uint8Array(10)])
  refuses('MALFORMED', [leaf, ca], [new Uint8Array(10)])
  const offCurve = leafKey.publicKey
  offCurve[64] = (offCurve[64] as number) ^ 1
  refuses('MALFORMED', [makeLeaf({ publicKey: offCurve }), ca])
  refuses('MALFORMED', [leaf, makeCa({ publicKey: offCurve })])
})

test('NOT_A_CA: an issuer without cA, without keyCertSign, or past a path length', () => {
  const { ca: _, ...notCa } = { ca: undefined, keyUsage: 0x84 }
  const endEntity = buildTestCertificate(crypto, {
    issuerKey: rootKey, publicKey: caKey.publicKey, issuer: 'root', subject: 'ca', ...period, ...notCa,
  }) // prettier-ignore
  refuses('NOT_A_CA', [leaf, endEntity])
  refuses('NOT_A_CA', [leaf, makeCa({ keyUsage: 0x80 })])
  refuses('NOT_A_CA', [leaf, makeCa({ keyUsage: null })])
  refuses('NOT_A_CA', [leaf, ca], [makeRoot({ keyUsage: 0x80 })])
  refuses('NOT_A_CA', [leaf, ca], [makeRoot({ ca: { pathLength: 0 } })])
  assert.equal(check([leaf, ca], [makeRoot({ ca: { pathLength: 1 } })]), 'leaf')
  const secondCa = makeCa({ issuerKey: caKey, issuer: 'ca', subject: 'ca 2', publicKey: otherKey.publicKey })
  const deepLeaf = makeLeaf({ issuerKey: otherKey, issuer: 'ca 2' })
  assert.equal(check([deepLeaf, secondCa, ca]), 'leaf')
  refuses('NOT_A_CA', [deepLeaf, secondCa, makeCa({ ca: { pathLength: 0 } })])
  refuses('NOT_A_CA', [deepLeaf, secondCa, ca], [makeRoot({ ca: { pathLength: 1 } })])
})

test('UNSUPPORTED: a CA, the root itself or a key that may not sign in the place of the leaf', () => {
  refuses('UNSUPPORTED', [ca])
  refuses('UNSUPPORTED', [root])
  refuses('UNSUPPORTED', [makeLeaf({ keyUsage: 0x20 }), ca])
  refuses('UNSUPPORTED', [makeLeaf({ keyUsage: null }), ca])
})

test('while a root is renewed, the one that signed and is valid counts', () => {
  const newKeyRoot = makeRoot({ issuerKey: otherKey })
  assert.equal(check([leaf, ca], [newKeyRoot, root]), 'leaf')
  const expired = makeRoot({ notAfterMs: NOW_MS - 1_000 })
  assert.equal(check([leaf, ca], [expired, root]), 'leaf')
  assert.equal(check([leaf, ca, expired], [expired, root]), 'leaf')
  refuses('EXPIRED', [leaf, ca], [expired, newKeyRoot])
})

for (const [what, position] of [
  ['leaf', 0],
  ['intermediate', 1],
] as const) {
  test(`every flipped bit of the ${what} is refused as a bad certificate`, () => {
    const original = position === 0 ? leaf : ca
    for (let bit = 0; bit < original.length * 8; bit++) {
      const changed = original.slice()
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const chain = position === 0 ? [changed, ca] : [leaf, changed]
      assert.throws(() => check(chain), { code: 'CRYPTO_BAD_CERTIFICATE' }, `bit ${bit}`)
    }
  })
}

test('every truncation is malformed', () => {
  for (let length = 0; length < leaf.length; length++) {
    assert.throws(() => parseCertificate(leaf.subarray(0, length)), { reason: 'MALFORMED' })
  }
})

test('MALFORMED: a path of parsed certificates that is empty or too long', () => {
  const [anchor, issuer, first] = [root, ca, leaf].map(parseCertificate) as [Certificate, Certificate, Certificate]
  const checkPath = (...path: readonly Certificate[]) => checkCertificatePath(crypto, path, [anchor], NOW_MS)
  assert.equal(checkPath(first, issuer, anchor).subject.commonName, 'leaf')
  const malformed = { code: 'CRYPTO_BAD_CERTIFICATE', reason: 'MALFORMED' }
  assert.throws(() => checkPath(), malformed)
  assert.throws(() => checkPath(first, issuer, anchor, anchor), malformed)
})
