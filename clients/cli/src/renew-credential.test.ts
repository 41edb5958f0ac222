import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { issueCredential, newRef, type MspId } from '../../../shared/protocol/src/index.ts'
import { quietContext } from '../../../testkit/src/quiet-context.ts'
import { ClientError } from '../../sdk/src/errors.ts'
import type { HospitalApi } from '../../sdk/src/hospital-api.ts'
import { createKeys, signerOf, type NewKeys } from '../../sdk/src/identity.ts'
import { findIdentity, keepIdentity } from './identities.ts'
import { renewCredential } from './renew-credential.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-renew-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const NOW = Date.UTC(2026, 10, 22)
const DAY_MS = 86_400_000
const mspId = 'HospitalA' as MspId
const context = quietContext(folder, () => NOW)

const patient = newRef(crypto, 'p')
const hospital = newRef(crypto, 'h')

async function credentialFor(keys: NewKeys, days: number): Promise<string> {
  const authority = await createCertificateAuthority({ crypto, mspId, nowMs: () => NOW })
  const service = crypto.generateSigningKey()
  const { chain } = await authority.issue({ role: 'hospital', ref: hospital, publicKey: service.publicKey })
  return issueCredential(crypto, service, chain, {
    iss: hospital,
    sub: patient,
    publicKey: encodeBase64url(keys.signingKey.publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    iat: (NOW - 40 * DAY_MS) / 1000,
    exp: (NOW + days * DAY_MS) / 1000,
  })
}

/** A patient whose credential ends after so many days. */
async function keep(days: number) {
  const keys = createKeys(crypto)
  const jws = await credentialFor(keys, days)
  const signer = signerOf(crypto, keys.signingKey)
  const identity = {
    kind: 'patient',
    ref: patient,
    mspId,
    signer,
    sealKey: keys.sealKey,
    credential: { kind: 'patient', jws },
  } as const
  const slug = keepIdentity(context.state, crypto, keys, { identity, name: 'Bob' })
  return { who: findIdentity(context.state, crypto, slug), next: await credentialFor(keys, 366) }
}

function hospitalThat(answer: () => Promise<string>): { api: HospitalApi; asked: () => number } {
  let asked = 0
  const api = {
    renewCredential: () => {
      asked++
      return answer()
    },
  } as unknown as HospitalApi
  return { api, asked: () => asked }
}

test('a credential that lasts is left alone', async () => {
  const { who } = await keep(31)
  const { api, asked } = hospitalThat(() => Promise.reject(new Error('not asked')))
  assert.equal(await renewCredential(context, who, api), who)
  assert.equal(asked(), 0)
})

test('one that is about to end, or has ended, is renewed and kept', async () => {
  for (const days of [29, -1]) {
    const { who, next } = await keep(days)
    const { api } = hospitalThat(() => Promise.resolve(next))
    const renewed = await renewCredential(context, who, api)
    assert.deepEqual(renewed.identity.credential, { kind: 'patient', jws: next })
    assert.deepEqual(findIdentity(context.state, crypto, who.slug).identity.credential, { kind: 'patient', jws: next })
  }
})

test('while the hospital is away the old one serves; a refusal is told', async () => {
  const { who } = await keep(5)
  const away = hospitalThat(() => Promise.reject(new ClientError('SERVER_UNAVAILABLE')))
  assert.equal(await renewCredential(context, who, away.api), who)
  const refuses = hospitalThat(() => Promise.reject(new ClientError('REQUEST_REJECTED')))
  await assert.rejects(renewCredential(context, who, refuses.api), { code: 'REQUEST_REJECTED' })
})
