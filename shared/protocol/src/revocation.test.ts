import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { newId } from './ids.ts'
import { signStatement } from './jws.ts'
import { issueRevocation, parseRevocation, prepareRevocation, type Revocation, verifyRevocation } from './revocation.ts'

const { crypto, patient, otherPatient, doctor } = makeProtocolParties()
const signer = { patient: patient.ref, patientKeys: patient.keys }
const revocation: Revocation = { jti: newId(crypto, 'v'), iss: patient.ref, target: newId(crypto, 'w'), iat: 100 }
const jws = issueRevocation(crypto, patient.key, revocation)
const INVALID = { name: 'ProtocolError', code: 'REVOCATION_INVALID' }

test('a revocation of a warrant or grant that an active key signed is taken', () => {
  assert.deepEqual(verifyRevocation(crypto, jws, signer), revocation)
  assert.deepEqual(parseRevocation(jws).payload, revocation)
  const ofGrant = { ...revocation, target: newId(crypto, 'g') }
  const unsigned = prepareRevocation(patient.kid, ofGrant)
  const text = unsigned.withSignature(crypto.sign(patient.key, unsigned.signingInput))
  assert.deepEqual(verifyRevocation(crypto, text, signer), ofGrant)
})

test('a revocation of a key that is not active, or in the name of another patient, is refused', () => {
  const refuses = (text: string, by = signer): void => assert.throws(() => verifyRevocation(crypto, text, by), INVALID)
  refuses(jws, { ...signer, patientKeys: new Map() })
  refuses(jws, { ...signer, patientKeys: otherPatient.keys })
  refuses(jws, { ...signer, patient: otherPatient.ref })
  refuses(issueRevocation(crypto, doctor.key, revocation))
  const forged = prepareRevocation(patient.kid, revocation)
  refuses(forged.withSignature(crypto.sign(doctor.key, forged.signingInput)))
})

test('other forms are neither issued nor read', () => {
  const { iat: _iat, ...without } = revocation
  for (const bad of [
    { ...revocation, target: newId(crypto, 'v') },
    { ...revocation, target: patient.ref },
    { ...revocation, jti: newId(crypto, 'w') },
    { ...revocation, iss: doctor.ref },
    { ...revocation, more: 1 },
    without,
  ]) {
    assert.throws(() => issueRevocation(crypto, patient.key, bad as Revocation), { code: 'MESSAGE_MALFORMED' })
    assert.throws(() => prepareRevocation(patient.kid, bad as Revocation), { code: 'MESSAGE_MALFORMED' })
    const text = signStatement(crypto, patient.key, 'trusthealth-revocation+jwt', bad)
    assert.throws(() => parseRevocation(text), { code: 'STATEMENT_MALFORMED' })
    assert.throws(() => verifyRevocation(crypto, text, signer), INVALID)
  }
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(jws, (flipped) => assert.throws(() => verifyRevocation(crypto, flipped, signer), INVALID))
})
