import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildTestCertificate, der } from '../../../testkit/src/certificates.ts'
import { CertificateError } from './errors.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { parseCertificate } from './x509.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const good = buildTestCertificate(crypto, { issuerKey: key, ca: { pathLength: 1 }, attributes: { role: 'doctor' } })

/** Parsing ends in a certificate that owns exactly these bytes, or in the one error; never in another exception. */
function parsesOrRefuses(bytes: Uint8Array): void {
  try {
    assert.deepEqual(parseCertificate(bytes).der, bytes)
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
  }
}

test('any bytes parse or are refused with the one error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), parsesOrRefuses), { numRuns: 1_000 })
  const nested = fc.letrec<{ node: Uint8Array }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc
        .tuple(fc.constantFrom(2, 3, 4, 5, 6, 12, 19, 23, 24), fc.uint8Array({ maxLength: 20 }))
        .map(([t, c]) => der(t, c)),
      fc
        .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('node'), { maxLength: 8 }))
        .map(([t, c]) => der(t, ...c)),
    ),
  }))
  fc.assert(fc.property(nested.node, parsesOrRefuses), { numRuns: 1_000 })
})

test('a certificate with bytes overwritten, inserted or removed parses or is refused with the one error', () => {
  const change = fc.record({ at: fc.nat(good.length), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 4 }) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = [...good]
      for (const { at, remove, insert } of changes) bytes.splice(at, remove, ...insert)
      parsesOrRefuses(Uint8Array.from(bytes))
    }),
    { numRuns: 3_000 },
  )
})

test('what was put into a certificate is read out of it', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
    .filter((s) => s.isWellFormed() && !/\p{Cc}/u.test(s))
  const seconds = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 0, 1) / 1000 })
  const serial = fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((bytes) => bytes[0] !== 0)
  const attributes = fc.dictionary(
    fc.string(),
    fc.string().filter((s) => s.isWellFormed()),
    { maxKeys: 5 },
  )
  fc.assert(
    fc.property(name, seconds, seconds, serial, attributes, (subject, from, to, serialBytes, attrs) => {
      const bytes = buildTestCertificate(crypto, {
        issuerKey: key, issuer: 'ca', subject, serial: serialBytes, notBeforeMs: from * 1000, notAfterMs: to * 1000, attributes: attrs,
      }) // prettier-ignore
      const certificate = parseCertificate(bytes)
      assert.equal(certificate.subject.commonName, subject)
      assert.equal(certificate.serialHex, Buffer.from(serialBytes).toString('hex'))
      assert.equal(certificate.notBeforeMs, from * 1000)
      assert.equal(certificate.notAfterMs, to * 1000)
      assert.deepEqual(
        Object.entries(certificate.attributes),
        Object.entries(JSON.parse(JSON.stringify(attrs)) as object),
      )
      assert.ok(crypto.verify(crypto.importVerifyingKey(key.publicKey), certificate.tbs, certificate.signature))
    }),
    { numRuns: 200 },
  )
})
