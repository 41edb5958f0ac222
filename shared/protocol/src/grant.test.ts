import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import {
  checkGrantTerms,
  type Grant,
  grantTerms,
  type GrantUse,
  issueGrant,
  parseGrant,
  prepareGrant,
  PURPOSES,
  verifyGrant,
} from './grant.ts'
import { newId, newRecordId, newRef } from './ids.ts'
import { signStatement } from './jws.ts'

const { crypto, patient, otherPatient, doctor, hospital } = makeProtocolParties()
const signer = { patient: patient.ref, patientKeys: patient.keys }
const recordId = newRecordId(crypto, 1_700_000_000_000)
const grant: Grant = {
  jti: newId(crypto, 'g'),
  iss: patient.ref,
  grantee: hospital.ref,
  scope: ['lab', 'document'],
  records: [recordId],
  fromMs: 1_000,
  toMs: 2_000,
  purpose: 'HRESCH',
  nbf: 100,
  exp: 200,
}
const jws = issueGrant(crypto, patient.key, grant)
const INVALID = { name: 'ProtocolError', code: 'GRANT_INVALID' }

test('a grant that an active key of the patient signed is taken', () => {
  assert.deepEqual(verifyGrant(crypto, jws, signer), grant)
  assert.deepEqual(parseGrant(jws).payload, grant)
  const unsigned = prepareGrant(patient.kid, grant)
  const text = unsigned.withSignature(crypto.sign(patient.key, unsigned.signingInput))
  assert.deepEqual(verifyGrant(crypto, text, signer), grant)
})

test('every purpose and every kind of grantee is taken', () => {
  for (const purpose of PURPOSES) {
    for (const letter of ['p', 'd', 'h', 'a', 's'] as const) {
      const other = { ...grant, purpose, grantee: newRef(crypto, letter) }
      assert.deepEqual(verifyGrant(crypto, issueGrant(crypto, patient.key, other), signer), other)
    }
  }
})

test('a grant of a key that is not active, or in the name of another patient, is refused', () => {
  const refuses = (text: string, by = signer): void => assert.throws(() => verifyGrant(crypto, text, by), INVALID)
  refuses(jws, { ...signer, patientKeys: new Map() })
  refuses(jws, { ...signer, patientKeys: otherPatient.keys })
  refuses(jws, { ...signer, patient: otherPatient.ref })
  refuses(issueGrant(crypto, doctor.key, grant))
  refuses(issueGrant(crypto, patient.key, { ...grant, iss: otherPatient.ref }))
  const forged = prepareGrant(patient.kid, grant)
  refuses(forged.withSignature(crypto.sign(doctor.key, forged.signingInput)))
  refuses('')
  refuses(`${jws}A`)
})

test('terms that contradict each other or the limits are neither issued nor read', () => {
  const { purpose: _purpose, ...without } = grant
  for (const bad of [
    { ...grant, exp: grant.nbf },
    { ...grant, fromMs: 2_001 },
    { ...grant, grantee: patient.ref },
    { ...grant, grantee: 'x-00000000000000000000000000000000' },
    { ...grant, jti: newId(crypto, 'w') },
    { ...grant, iss: doctor.ref },
    { ...grant, scope: [] },
    { ...grant, scope: ['*', 'lab'] },
    { ...grant, scope: ['none'] },
    { ...grant, records: [recordId, recordId] },
    { ...grant, records: Array.from({ length: 257 }, () => newRecordId(crypto, 1)) },
    { ...grant, except: [newRecordId(crypto, 1)] },
    { ...grant, records: [], except: [] },
    { ...grant, records: [], except: [recordId, recordId] },
    { ...grant, records: [], except: ['r-1'] },
    { ...grant, records: [], except: Array.from({ length: 257 }, () => newRecordId(crypto, 1)) },
    { ...grant, purpose: 'MARKETING' },
    { ...grant, fromMs: '0' },
    { ...grant, more: 1 },
    without,
  ]) {
    assert.throws(() => issueGrant(crypto, patient.key, bad as Grant), { code: 'MESSAGE_MALFORMED' })
    assert.throws(() => prepareGrant(patient.kid, bad as Grant), { code: 'MESSAGE_MALFORMED' })
    const text = signStatement(crypto, patient.key, 'trusthealth-grant+jwt', bad)
    assert.throws(() => parseGrant(text), { code: 'STATEMENT_MALFORMED' })
    assert.throws(() => verifyGrant(crypto, text, signer), INVALID)
  }
})

test('a grant may be for one moment', () => {
  const moment = { ...grant, fromMs: 1_000, toMs: 1_000 }
  assert.deepEqual(verifyGrant(crypto, issueGrant(crypto, patient.key, moment), signer), moment)
})

test('256 records fit into one grant', () => {
  const most = { ...grant, records: Array.from({ length: 256 }, () => newRecordId(crypto, 1)) }
  assert.deepEqual(verifyGrant(crypto, issueGrant(crypto, patient.key, most), signer), most)
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(jws, (flipped) => assert.throws(() => verifyGrant(crypto, flipped, signer), INVALID))
})

// ---- terms

const use: GrantUse = {
  reader: hospital.ref,
  recordId,
  ehrType: 'lab',
  dateMs: 1_500,
  purpose: 'HRESCH',
  nowMs: 100_000,
}
const refusesUse = (code: string, change: Partial<GrantUse>, terms: Partial<Grant> = {}): void => {
  assert.throws(() => checkGrantTerms(grantTerms({ ...grant, ...terms }), { ...use, ...change }), { code })
}
const takesUse = (change: Partial<GrantUse>, terms: Partial<Grant> = {}): void => {
  assert.doesNotThrow(() => checkGrantTerms(grantTerms({ ...grant, ...terms }), { ...use, ...change }))
}

test('a grant covers its grantee, kinds, records, dates, purpose and period', () => {
  takesUse({})
  takesUse({ dateMs: 1_000 })
  takesUse({ dateMs: 2_000 })
  takesUse({ nowMs: 199_999 })
})

test('another reader is refused', () => refusesUse('ACCESS_DENIED', { reader: doctor.ref }))

test('a grant holds from nbf on and no more at exp', () => {
  refusesUse('GRANT_NOT_YET_VALID', { nowMs: 99_999 })
  refusesUse('GRANT_EXPIRED', { nowMs: 200_000 })
  refusesUse('GRANT_NOT_YET_VALID', { nowMs: Number.NaN })
})

test('another kind is refused, the star covers every kind', () => {
  refusesUse('GRANT_SCOPE_EXCEEDED', { ehrType: 'imaging' })
  takesUse({ ehrType: 'imaging' }, { scope: ['*'] })
})

test('another record is refused, an empty list covers every record', () => {
  const other = newRecordId(crypto, 2)
  refusesUse('GRANT_SCOPE_EXCEEDED', { recordId: other })
  takesUse({ recordId: other }, { records: [] })
})

test('what is kept back is refused, whatever else the grant allows', () => {
  const other = newRecordId(crypto, 2)
  const terms: Partial<Grant> = { scope: ['*'], records: [], except: [recordId] }
  const signed = { ...grant, ...terms }
  assert.deepEqual(verifyGrant(crypto, issueGrant(crypto, patient.key, signed), signer), signed)
  refusesUse('GRANT_SCOPE_EXCEEDED', {}, terms)
  takesUse({ recordId: other }, terms)
})

test('a date outside is refused, zero is open', () => {
  refusesUse('GRANT_SCOPE_EXCEEDED', { dateMs: 999 })
  refusesUse('GRANT_SCOPE_EXCEEDED', { dateMs: 2_001 })
  takesUse({ dateMs: 0 }, { fromMs: 0 })
  takesUse({ dateMs: 9_999 }, { toMs: 0 })
})

test('another purpose is refused', () => refusesUse('GRANT_SCOPE_EXCEEDED', { purpose: 'TREAT' }))
