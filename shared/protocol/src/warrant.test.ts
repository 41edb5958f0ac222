import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeParty, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { encodeUtf8 } from '../../crypto/src/bytes.ts'
import { EHR_TYPES } from './ehr-types.ts'
import { newId } from './ids.ts'
import { prepareStatement, signStatement } from './jws.ts'
import type { PatientSigner } from './patient-signer.ts'
import {
  checkWarrant,
  checkWarrantTerms,
  issueWarrant,
  parseWarrant,
  prepareWarrant,
  verifyWarrant,
  type Warrant,
  warrantHash,
  type WarrantUse,
} from './warrant.ts'
import {
  isRecordingOf,
  makeWarrantRecord,
  parseWarrantRecord,
  prepareWarrantRecord,
  verifyWarrantRecord,
} from './warrant-record.ts'

const { crypto, patient, otherPatient, doctor, otherDoctor, hospital, otherHospital } = makeProtocolParties()
const FROM = 1_700_000_000
const TO = FROM + 7 * 86_400
const warrant: Warrant = {
  jti: newId(crypto, 'w'),
  iss: patient.ref,
  doctors: [doctor.ref, hospital.ref],
  hospital: hospital.ref,
  nbf: FROM,
  exp: TO,
  scope: ['lab', 'imaging'],
  aux: 'knee',
}
const jws = issueWarrant(crypto, patient.key, warrant)
const use: WarrantUse & PatientSigner = {
  patient: patient.ref,
  patientKeys: patient.keys,
  author: doctor.ref,
  hospital: hospital.ref,
  ehrType: 'lab',
  nowMs: FROM * 1_000,
}
const refuses = (code: string, change: Partial<WarrantUse & PatientSigner> = {}, text = jws): void => {
  assert.throws(() => checkWarrant(crypto, text, { ...use, ...change }), { name: 'ProtocolError', code })
}

test('a warrant is taken for its patient, party, hospital, kind and period', () => {
  assert.deepEqual(checkWarrant(crypto, jws, use), warrant)
  assert.deepEqual(checkWarrant(crypto, jws, { ...use, author: hospital.ref }), warrant)
  assert.deepEqual(parseWarrant(jws).payload, warrant)
  const { hospital: _hospital, ...unknownHospital } = use
  assert.deepEqual(checkWarrant(crypto, jws, unknownHospital), warrant)
})

test('a signer elsewhere signs in two steps', () => {
  const unsigned = prepareWarrant(patient.kid, warrant)
  const text = unsigned.withSignature(crypto.sign(patient.key, unsigned.signingInput))
  assert.deepEqual(checkWarrant(crypto, text, use), warrant)
})

test('a warrant signed by a key that is not active for the patient is refused', () => {
  refuses('WARRANT_SIGNATURE_INVALID', { patientKeys: new Map() })
  refuses('WARRANT_SIGNATURE_INVALID', { patientKeys: otherPatient.keys })
  refuses('WARRANT_SIGNATURE_INVALID', {}, issueWarrant(crypto, doctor.key, warrant))
  const forged = prepareWarrant(patient.kid, warrant)
  refuses('WARRANT_SIGNATURE_INVALID', {}, forged.withSignature(crypto.sign(doctor.key, forged.signingInput)))
})

test('a warrant of another patient is refused, also when one of the right keys signed it', () => {
  refuses('WARRANT_PARTY_MISMATCH', {}, issueWarrant(crypto, patient.key, { ...warrant, iss: otherPatient.ref }))
  refuses('WARRANT_PARTY_MISMATCH', { patient: otherPatient.ref })
})

test('verifying alone refuses a warrant in the name of another patient', () => {
  assert.deepEqual(verifyWarrant(crypto, jws, use), warrant)
  assert.throws(() => verifyWarrant(crypto, jws, { ...use, patient: otherPatient.ref }), {
    code: 'WARRANT_PARTY_MISMATCH',
  })
})

test('an author who is no party is refused', () => {
  refuses('WARRANT_PARTY_MISMATCH', { author: otherDoctor.ref })
  refuses('WARRANT_PARTY_MISMATCH', {}, issueWarrant(crypto, patient.key, { ...warrant, doctors: [otherDoctor.ref] }))
})

test('the hospital is no party unless the warrant names it among the doctors', () => {
  const text = issueWarrant(crypto, patient.key, { ...warrant, doctors: [doctor.ref] })
  refuses('WARRANT_PARTY_MISMATCH', { author: hospital.ref }, text)
})

test('no other hospital than its own is a party of a warrant, whoever stands beside it', () => {
  for (const doctors of [[otherHospital.ref], [doctor.ref, otherHospital.ref], [hospital.ref, otherHospital.ref]]) {
    const terms = { ...warrant, doctors }
    assert.throws(() => issueWarrant(crypto, patient.key, terms), { code: 'MESSAGE_MALFORMED' })
    const forged = signStatement(crypto, patient.key, 'trusthealth-warrant+jwt', terms)
    assert.throws(() => parseWarrant(forged), { code: 'STATEMENT_MALFORMED' })
  }
})

test('an author of another hospital is refused', () => {
  refuses('WARRANT_PARTY_MISMATCH', { hospital: otherHospital.ref })
})

test('a warrant holds from nbf on and no more at exp', () => {
  refuses('WARRANT_NOT_YET_VALID', { nowMs: FROM * 1_000 - 1 })
  assert.doesNotThrow(() => checkWarrant(crypto, jws, { ...use, nowMs: TO * 1_000 - 1 }))
  refuses('WARRANT_EXPIRED', { nowMs: TO * 1_000 })
  refuses('WARRANT_NOT_YET_VALID', { nowMs: Number.NaN })
})

test('a kind outside the scope is refused; the star covers every kind', () => {
  refuses('WARRANT_SCOPE_EXCEEDED', { ehrType: 'medicine' })
  refuses('WARRANT_SCOPE_EXCEEDED', { ehrType: '*' })
  refuses('WARRANT_SCOPE_EXCEEDED', { ehrType: '' })
  const every = issueWarrant(crypto, patient.key, { ...warrant, scope: ['*'] })
  for (const ehrType of EHR_TYPES) assert.doesNotThrow(() => checkWarrant(crypto, every, { ...use, ehrType }))
})

test('the first thing that is wrong, in the order of the section, is the refusal', () => {
  const wrong = {
    patient: patient.ref,
    author: otherDoctor.ref,
    hospital: otherHospital.ref,
    ehrType: 'consent',
    nowMs: 0,
  }
  refuses('STATEMENT_MALFORMED', { ...wrong, patientKeys: new Map() }, `${jws}x`)
  refuses('WARRANT_SIGNATURE_INVALID', { ...wrong, patientKeys: new Map() })
  refuses('WARRANT_PARTY_MISMATCH', wrong)
  refuses('WARRANT_PARTY_MISMATCH', { ...wrong, author: doctor.ref })
  refuses('WARRANT_NOT_YET_VALID', { ehrType: 'consent', nowMs: 0 })
  refuses('WARRANT_EXPIRED', { ehrType: 'consent', nowMs: 2 ** 45 })
  refuses('WARRANT_SCOPE_EXCEEDED', { ehrType: 'consent' })
})

test('terms can be checked again without the signature', () => {
  assert.doesNotThrow(() => checkWarrantTerms(warrant, use))
  assert.throws(() => checkWarrantTerms(warrant, { ...use, nowMs: TO * 1_000 }), { code: 'WARRANT_EXPIRED' })
  assert.throws(() => checkWarrantTerms(warrant, { ...use, patient: otherPatient.ref }), {
    code: 'WARRANT_PARTY_MISMATCH',
  })
})

test('terms that contradict each other or the limits are neither issued nor read', () => {
  const seventeen = Array.from({ length: 17 }, () => makeRef())
  const { aux: _aux, ...withoutAux } = warrant
  for (const bad of [
    { ...warrant, nbf: TO, exp: TO },
    { ...warrant, nbf: TO, exp: FROM },
    { ...warrant, exp: FROM + 366 * 86_400 + 1 },
    { ...warrant, nbf: -1 },
    { ...warrant, exp: 253_402_300_800 },
    { ...warrant, exp: FROM + 0.5 },
    { ...warrant, doctors: [] },
    { ...warrant, doctors: seventeen },
    { ...warrant, doctors: [doctor.ref, doctor.ref] },
    { ...warrant, doctors: [otherHospital.ref] },
    { ...warrant, doctors: [patient.ref] },
    { ...warrant, hospital: doctor.ref },
    { ...warrant, iss: doctor.ref },
    { ...warrant, jti: newId(crypto, 'g') },
    { ...warrant, scope: [] },
    { ...warrant, scope: ['*', 'lab'] },
    { ...warrant, scope: ['lab', 'lab'] },
    { ...warrant, scope: ['laboratory'] },
    { ...warrant, aux: 'x'.repeat(2_049) },
    { ...warrant, aux: 1 },
    { ...warrant, more: true },
    withoutAux,
  ]) {
    assert.throws(() => issueWarrant(crypto, patient.key, bad as Warrant), { code: 'MESSAGE_MALFORMED' })
    assert.throws(() => prepareWarrant(patient.kid, bad as Warrant), { code: 'MESSAGE_MALFORMED' })
    try {
      refuses('STATEMENT_MALFORMED', {}, signStatement(crypto, patient.key, 'trusthealth-warrant+jwt', bad))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // numbers that cannot even be written
    }
  }
})

test('366 days and 16 parties are allowed', () => {
  const doctors = [doctor.ref, ...Array.from({ length: 15 }, () => makeRef())]
  const longest = { ...warrant, doctors, exp: FROM + 366 * 86_400, aux: 'x'.repeat(2_048) }
  assert.deepEqual(checkWarrant(crypto, issueWarrant(crypto, patient.key, longest), use), longest)
})

test('other kinds of statements are no warrants', () => {
  refuses('STATEMENT_MALFORMED', {}, makeWarrantRecord(crypto, patient.key, jws))
  refuses('STATEMENT_MALFORMED', {}, signStatement(crypto, patient.key, 'trusthealth-grant+jwt', warrant))
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(jws, (flipped) => {
    assert.throws(() => verifyWarrant(crypto, flipped, use), { name: 'ProtocolError' })
  })
})

test('the hash is over the label and the whole text, signature included', () => {
  assert.deepEqual(warrantHash(crypto, jws), crypto.sha256(encodeUtf8(`trusthealth/1/warrant\0${jws}`)))
  assert.notDeepEqual(warrantHash(crypto, issueWarrant(crypto, patient.key, warrant)), warrantHash(crypto, jws))
  assert.equal(warrantHash(crypto, 'x'.repeat(16_384)).length, 32)
  assert.throws(() => warrantHash(crypto, 'x'.repeat(16_385)), RangeError)
})

// ---- the recording

const recording = makeWarrantRecord(crypto, patient.key, jws)
const signer = { patient: patient.ref, patientKeys: patient.keys }

test('a recording has the parties, the period and the hash, not the scope nor aux', () => {
  const payload = verifyWarrantRecord(crypto, recording, signer)
  const { scope: _scope, aux: _aux, ...terms } = warrant
  assert.deepEqual(payload, { ...terms, warrantHash: Buffer.from(warrantHash(crypto, jws)).toString('hex') })
  assert.deepEqual(parseWarrantRecord(recording).payload, payload)
  const unsigned = prepareWarrantRecord(crypto, patient.kid, jws)
  const text = unsigned.withSignature(crypto.sign(patient.key, unsigned.signingInput))
  assert.deepEqual(verifyWarrantRecord(crypto, text, signer), payload)
})

test('a recording that no active key of its patient signed is refused', () => {
  const rejects = (text: string, by = signer): void => {
    assert.throws(() => verifyWarrantRecord(crypto, text, by), { code: 'WARRANT_SIGNATURE_INVALID' })
  }
  rejects(recording, { ...signer, patientKeys: new Map() })
  rejects(recording, { ...signer, patientKeys: otherPatient.keys })
  rejects(recording, { ...signer, patient: otherPatient.ref })
  rejects(makeWarrantRecord(crypto, doctor.key, jws))
  const forged = prepareWarrantRecord(crypto, patient.kid, jws)
  rejects(forged.withSignature(new Uint8Array(64)))
})

test('a malformed recording is refused', () => {
  const payload = parseWarrantRecord(recording).payload
  const typ = 'trusthealth-warrant-record+jwt'
  for (const bad of [
    { ...payload, exp: payload.nbf },
    { ...payload, scope: ['*'] },
    { ...payload, warrantHash: 'AB'.repeat(32) },
    { ...payload, doctors: [otherHospital.ref] },
  ]) {
    const text = signStatement(crypto, patient.key, typ, bad)
    assert.throws(() => verifyWarrantRecord(crypto, text, signer), { code: 'STATEMENT_MALFORMED' })
  }
  assert.throws(() => verifyWarrantRecord(crypto, jws, signer), { code: 'STATEMENT_MALFORMED' })
  const unsigned = prepareStatement(patient.kid, typ, payload).withSignature(new Uint8Array(64))
  assert.throws(() => verifyWarrantRecord(crypto, unsigned, signer), { code: 'WARRANT_SIGNATURE_INVALID' })
})

test('every flipped bit of a recording is refused', () => {
  forEachFlippedCharacterBit(recording, (flipped) => {
    assert.throws(() => verifyWarrantRecord(crypto, flipped, signer), { name: 'ProtocolError' })
  })
})

test('a recording is told from that of another warrant', () => {
  const payload = parseWarrantRecord(recording).payload
  assert.ok(isRecordingOf(crypto, payload, jws))
  assert.ok(!isRecordingOf(crypto, { ...payload, exp: payload.exp + 1 }, jws))
  assert.ok(!isRecordingOf(crypto, { ...payload, doctors: [otherDoctor.ref] }, jws))
  assert.ok(!isRecordingOf(crypto, payload, issueWarrant(crypto, patient.key, warrant)))
})

function makeRef() {
  return makeParty(crypto, 'd').ref
}
