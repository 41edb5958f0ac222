import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildTestCertificate } from '../../../testkit/src/certificates.ts'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { encodeBase64url } from '../../crypto/src/bytes.ts'
import { checkCredential, issueCredential, parseCredential, type PatientCredentialClaims } from './credential.ts'
import { signStatement } from './jws.ts'

const { crypto, patient, doctor, hospital, otherHospital } = makeProtocolParties()
const ca = crypto.generateSigningKey()
const chain = [buildTestCertificate(crypto, { issuerKey: ca, publicKey: hospital.key.publicKey })]
const claims: PatientCredentialClaims = {
  iss: hospital.ref,
  sub: patient.ref,
  publicKey: encodeBase64url(patient.key.publicKey),
  sealKey: encodeBase64url(patient.sealKey.publicKey),
  iat: 100,
  exp: 200,
}
const jws = issueCredential(crypto, hospital.key, chain, claims)
const issuer = { hospital: hospital.ref, publicKey: hospital.key.publicKey }
const REJECTED = { name: 'ProtocolError', code: 'CREDENTIAL_REJECTED' }

test('a credential gives patient, keys and chain', () => {
  const statement = parseCredential(jws)
  assert.deepEqual(statement.header.x5c, chain)
  const checked = checkCredential(crypto, statement, issuer, 199_999)
  assert.equal(checked.patient, patient.ref)
  assert.equal(checked.hospital, hospital.ref)
  assert.deepEqual(checked.key.publicKey, patient.key.publicKey)
  assert.deepEqual(checked.sealKey, patient.sealKey.publicKey)
  assert.equal(checked.expiresMs, 200_000)
})

test('a credential that another key signed is rejected', () => {
  const other = { ...issuer, publicKey: doctor.key.publicKey }
  assert.throws(() => checkCredential(crypto, parseCredential(jws), other, 0), REJECTED)
  const forged = signStatement(crypto, patient.key, 'trusthealth-credential+jwt', claims, chain)
  assert.throws(() => checkCredential(crypto, parseCredential(forged), issuer, 0), REJECTED)
})

test('a credential in the name of another hospital is rejected', () => {
  const other = { ...issuer, hospital: otherHospital.ref }
  assert.throws(() => checkCredential(crypto, parseCredential(jws), other, 0), REJECTED)
})

test('a credential that has ended is rejected', () => {
  assert.throws(() => checkCredential(crypto, parseCredential(jws), issuer, 200_000), REJECTED)
  assert.throws(() => checkCredential(crypto, parseCredential(jws), issuer, Number.NaN), REJECTED)
})

test('a credential of a key that is none is rejected', () => {
  const point = patient.key.publicKey
  point[64] = (point[64] as number) ^ 1
  const text = issueCredential(crypto, hospital.key, chain, { ...claims, publicKey: encodeBase64url(point) })
  assert.throws(() => checkCredential(crypto, parseCredential(text), issuer, 0), REJECTED)
})

test('other forms are neither issued nor read', () => {
  const { sealKey: _sealKey, ...without } = claims
  for (const bad of [
    without,
    { ...claims, more: 1 },
    { ...claims, iss: doctor.ref },
    { ...claims, sub: doctor.ref },
    { ...claims, exp: 100 },
    { ...claims, publicKey: claims.sealKey },
  ]) {
    assert.throws(() => issueCredential(crypto, hospital.key, chain, bad as PatientCredentialClaims), {
      code: 'MESSAGE_MALFORMED',
    })
    const text = signStatement(crypto, hospital.key, 'trusthealth-credential+jwt', bad, chain)
    assert.throws(() => parseCredential(text), REJECTED)
  }
  assert.throws(() => parseCredential(''), REJECTED)
})

test('a chain that does not begin with the certificate of the key is a mistake of the caller', () => {
  assert.throws(() => issueCredential(crypto, doctor.key, chain, claims), TypeError)
  assert.throws(() => issueCredential(crypto, hospital.key, [], claims), TypeError)
})

test('every flipped bit is rejected, the chain included', () => {
  forEachFlippedCharacterBit(jws, (flipped) => {
    assert.throws(() => checkCredential(crypto, parseCredential(flipped), issuer, 0), REJECTED)
  })
})
