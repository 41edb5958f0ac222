import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { encodeBase64url } from '../../crypto/src/bytes.ts'
import { newId } from './ids.ts'
import { signStatement } from './jws.ts'
import {
  type AddKeyStatement,
  issueKeyStatement,
  type KeyStatement,
  parseKeyStatement,
  prepareKeyStatement,
  type RemoveKeyStatement,
  verifyKeyStatement,
} from './key-statement.ts'

const { crypto, patient, otherPatient, doctor } = makeProtocolParties()
const signer = { patient: patient.ref, patientKeys: patient.keys }
const add: AddKeyStatement = {
  jti: newId(crypto, 'k'),
  iss: patient.ref,
  kid: doctor.kid,
  iat: 100,
  action: 'add',
  publicKey: encodeBase64url(doctor.key.publicKey),
  sealKey: encodeBase64url(doctor.sealKey.publicKey),
  label: 'Telephone 2',
  kind: 'device',
}
const remove: RemoveKeyStatement = {
  jti: newId(crypto, 'k'),
  iss: patient.ref,
  kid: doctor.kid,
  iat: 100,
  action: 'remove',
}
const INVALID = { name: 'ProtocolError', code: 'KEY_STATEMENT_INVALID' }
const refuses = (text: string, by = signer): void => {
  assert.throws(() => verifyKeyStatement(crypto, text, by), INVALID)
}

test('a statement that adds or removes a key is taken when an active key signed it', () => {
  for (const statement of [add, { ...add, kind: 'recovery' as const }, remove]) {
    const jws = issueKeyStatement(crypto, patient.key, statement)
    assert.deepEqual(verifyKeyStatement(crypto, jws, signer), statement)
    assert.deepEqual(parseKeyStatement(jws).payload, statement)
    const unsigned = prepareKeyStatement(patient.kid, statement)
    const text = unsigned.withSignature(crypto.sign(patient.key, unsigned.signingInput))
    assert.deepEqual(verifyKeyStatement(crypto, text, signer), statement)
  }
})

test('a new key cannot add itself, nor another patient one of theirs', () => {
  refuses(issueKeyStatement(crypto, doctor.key, add))
  const jws = issueKeyStatement(crypto, patient.key, add)
  refuses(jws, { ...signer, patientKeys: new Map() })
  refuses(jws, { ...signer, patientKeys: otherPatient.keys })
  refuses(jws, { ...signer, patient: otherPatient.ref })
  refuses(issueKeyStatement(crypto, otherPatient.key, add), { ...signer, patientKeys: patient.keys })
  const forged = prepareKeyStatement(patient.kid, add)
  refuses(forged.withSignature(crypto.sign(doctor.key, forged.signingInput)))
})

test('a key that is none, or has another id, is refused', () => {
  const offCurve = doctor.key.publicKey
  offCurve[64] = (offCurve[64] as number) ^ 1
  refuses(issueKeyStatement(crypto, patient.key, { ...add, publicKey: encodeBase64url(offCurve) }))
  refuses(issueKeyStatement(crypto, patient.key, { ...add, kid: patient.kid }))
})

test('other forms are neither issued nor read', () => {
  const { publicKey: _publicKey, ...withoutKey } = add
  const { kid: _kid, ...withoutKid } = remove
  for (const bad of [
    withoutKey,
    withoutKid,
    { ...remove, publicKey: add.publicKey },
    { ...remove, action: 'replace' },
    { ...add, more: 1 },
    { ...add, kind: 'tablet' },
    { ...add, label: '' },
    { ...add, label: 'x'.repeat(41) },
    { ...add, label: ' x' },
    { ...add, label: 'Émile' },
    { ...add, sealKey: add.publicKey },
    { ...add, publicKey: add.sealKey },
    { ...add, jti: newId(crypto, 'v') },
    { ...add, iss: doctor.ref },
  ]) {
    assert.throws(() => issueKeyStatement(crypto, patient.key, bad as KeyStatement), { code: 'MESSAGE_MALFORMED' })
    assert.throws(() => prepareKeyStatement(patient.kid, bad as KeyStatement), { code: 'MESSAGE_MALFORMED' })
    const text = signStatement(crypto, patient.key, 'trusthealth-key+jwt', bad)
    assert.throws(() => parseKeyStatement(text), { code: 'STATEMENT_MALFORMED' })
    refuses(text)
  }
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(issueKeyStatement(crypto, patient.key, remove), (flipped) => refuses(flipped))
})
