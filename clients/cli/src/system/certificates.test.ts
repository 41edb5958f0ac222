import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCertificateAuthority } from '../../../../hospital/src/certificate-authority.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { newRef } from '../../../../shared/protocol/src/index.ts'
import { quietContext } from '../../../../testkit/src/quiet-context.ts'
import { endWords, readCertificates, warningsOf } from './certificates.ts'
import { openMember } from './members.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-certificates-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const NOW = Date.UTC(2026, 10, 22, 12)
const DAY_MS = 86_400_000
const serverRef = newRef(crypto, 's')
const context = quietContext(folder, () => NOW)

/** A ledger that has one record server, whose certificate ends so many days from now. */
async function ledgerWith(days: number) {
  const authority = await createCertificateAuthority({ crypto, mspId: 'Operator', nowMs: () => NOW })
  const { publicKey } = crypto.generateSigningKey()
  const notAfterMs = NOW + days * DAY_MS
  const { chain, serialHex } = await authority.issue({ role: 'server', ref: serverRef, publicKey, notAfterMs })
  const record = {
    ref: serverRef,
    kind: 'server',
    mspId: 'Operator',
    status: 'active',
    flagged: false,
    publicKey: encodeBase64url(publicKey),
    certSerial: serialHex,
    attributes: {},
    server: {
      certificate: encodeBase64url(chain[0]),
      teeKind: 'process',
      measurements: [],
      configDigest: '00'.repeat(32),
      attestationKeys: [],
    },
    registeredMs: NOW,
    changedMs: NOW,
    earlierKeys: [],
  }
  return { query: () => Promise.resolve(JSON.stringify(record)) }
}

test('the end of a certificate in words, before and after it', () => {
  assert.match(endWords(NOW + 355 * DAY_MS, NOW), /^ends 1[123] Nov 2027, in 355 days$/)
  assert.match(endWords(NOW + DAY_MS, NOW), /, in 1 day$/)
  assert.match(endWords(NOW - 11 * DAY_MS, NOW), /^ended 1[012] Nov 2026, 11 days ago$/)
})

test('what runs here is listed, soonest end first, and what ends within 30 days is warned of', async () => {
  const { slug, name, mspId, ref } = await openMember(context, 'Hospital A', 'hospital-a')
  const consortium = { serverRef, hospitals: [{ slug, name, mspId, ref }] }
  const soon = await readCertificates(context, consortium, await ledgerWith(29))
  assert.deepEqual(
    soon.map(({ who, kind }) => [who, kind]),
    [
      ['The record server', 'record server'],
      ...soon.slice(1, 3).map(({ who, kind }) => [who, kind]),
      ['Hospital A', 'root'],
    ],
  )
  assert.deepEqual(
    soon
      .slice(1, 3)
      .map(({ kind }) => kind)
      .toSorted(),
    ['administrator', 'hospital'],
  )
  const warnings = warningsOf(soon, NOW)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /record server.*in 29 days/)
  assert.deepEqual(warningsOf(await readCertificates(context, consortium, await ledgerWith(31)), NOW), [])
  // One that has ended is warned of, too.
  assert.equal(warningsOf(soon, NOW + 60 * DAY_MS).length, 1)
  assert.equal(warningsOf(soon, NOW + 4_000 * DAY_MS).length, 4)
})
