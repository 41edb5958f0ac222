import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import {
  appointmentIdShape,
  auditorRefShape,
  authorRefShape,
  batchIdShape,
  chainIdShape,
  emergencyIdShape,
  grantIdShape,
  hospitalRefShape,
  isHospitalRef,
  isPatientRef,
  isPractitionerRef,
  keyStatementIdShape,
  kidShape,
  mspIdShape,
  newId,
  newRecordId,
  newRef,
  participantRefShape,
  patientRefShape,
  practitionerRefShape,
  recordIdShape,
  recordIdTimeMs,
  revocableIdShape,
  revocationIdShape,
  serverRefShape,
  sha256HexShape,
  txIdShape,
  warrantIdShape,
} from './ids.ts'
import type { Shape } from './shape.ts'

const crypto = createNodeCrypto()
const digits = '0123456789abcdef'.repeat(2)

const LETTERS: readonly (readonly [Shape<string>, string])[] = [
  [patientRefShape, 'p'],
  [practitionerRefShape, 'd'],
  [hospitalRefShape, 'h'],
  [auditorRefShape, 'a'],
  [serverRefShape, 's'],
  [participantRefShape, 'pdhas'],
  [authorRefShape, 'dh'],
  [recordIdShape, 'r'],
  [warrantIdShape, 'w'],
  [grantIdShape, 'g'],
  [revocationIdShape, 'v'],
  [keyStatementIdShape, 'k'],
  [batchIdShape, 'b'],
  [emergencyIdShape, 'e'],
  [chainIdShape, 'c'],
  [appointmentIdShape, 't'],
  [revocableIdShape, 'wg'],
]

test('an identifier has its letter and 32 lower-case digits, nothing else', () => {
  for (const [shape, letters] of LETTERS) {
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
      const id = `${letter}-${digits}`
      if (letters.includes(letter)) assert.equal(shape(id, 'id'), id)
      else assert.throws(() => shape(id, 'id'), { code: 'MESSAGE_MALFORMED' })
    }
    const letter = letters[0] as string
    for (const bad of [
      `${letter}-${digits.slice(1)}`,
      `${letter}-${digits}0`,
      `${letter}-${digits.toUpperCase()}`,
      `${letter}_${digits}`,
      `${letter.toUpperCase()}-${digits}`,
      ` ${letter}-${digits.slice(1)}`,
      `${letter}-${digits.slice(1)}\n`,
      '',
      7,
    ]) {
      assert.throws(() => shape(bad, 'id'), { code: 'MESSAGE_MALFORMED' })
    }
  }
})

test('new references and ids have their form and do not repeat', () => {
  const made = new Set<string>()
  for (const letter of ['p', 'd', 'h', 'a', 's'] as const) made.add(participantRefShape(newRef(crypto, letter), 'ref'))
  const rows = {
    w: warrantIdShape,
    g: grantIdShape,
    v: revocationIdShape,
    k: keyStatementIdShape,
    b: batchIdShape,
  } as const
  for (const [letter, shape] of Object.entries(rows)) {
    made.add((shape as Shape<string>)(newId(crypto, letter as keyof typeof rows), 'id'))
  }
  made.add(emergencyIdShape(newId(crypto, 'e'), 'id'))
  made.add(chainIdShape(newId(crypto, 'c'), 'id'))
  made.add(appointmentIdShape(newId(crypto, 't'), 'id'))
  for (let i = 0; i < 100; i++) made.add(patientRefShape(newRef(crypto, 'p'), 'ref'))
  assert.equal(made.size, 113)
})

test('record ids carry their time and sort by it', () => {
  const early = newRecordId(crypto, 1_700_000_000_000)
  const late = newRecordId(crypto, 1_700_000_000_001)
  assert.equal(recordIdTimeMs(recordIdShape(early, 'id')), 1_700_000_000_000)
  assert.ok(early < late)
  assert.equal(recordIdTimeMs(newRecordId(crypto, 0)), 0)
  for (const bad of [-1, 2 ** 48, 1.5, Number.NaN]) assert.throws(() => newRecordId(crypto, bad), RangeError)
})

test('kinds of references are told apart', () => {
  assert.ok(isPatientRef(newRef(crypto, 'p')) && !isPatientRef(newRef(crypto, 'd')))
  assert.ok(isPractitionerRef(newRef(crypto, 'd')) && !isPractitionerRef(newRef(crypto, 'h')))
  assert.ok(isHospitalRef(newRef(crypto, 'h')) && !isHospitalRef(newRef(crypto, 's')))
})

test('other identifiers have their forms', () => {
  assert.equal(mspIdShape('HospitalA', 'mspId'), 'HospitalA')
  for (const bad of ['', 'A', '1A', 'A-B', 'A'.repeat(33), 'Ä1']) {
    assert.throws(() => mspIdShape(bad, 'mspId'), { code: 'MESSAGE_MALFORMED' })
  }
  const kid = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
  assert.equal(kidShape(kid, 'kid'), kid)
  for (const bad of [kid.slice(1), `${kid}A`, `${kid.slice(0, 42)}t`, `${kid.slice(0, 42)}=`, kid.replace('_', '/')]) {
    assert.throws(() => kidShape(bad, 'kid'), { code: 'MESSAGE_MALFORMED' })
  }
  for (const shape of [sha256HexShape, txIdShape]) {
    assert.equal(shape('ab'.repeat(32), 'digest'), 'ab'.repeat(32))
    for (const bad of ['AB'.repeat(32), 'ab'.repeat(31), 'ab'.repeat(33)]) {
      assert.throws(() => shape(bad, 'digest'), { code: 'MESSAGE_MALFORMED' })
    }
  }
})
