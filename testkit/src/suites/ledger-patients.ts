/**
 * Patients: Algorithm 1's record, registration and keys.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  MAX_PATIENT_KEYS,
  parseResult,
  patientHistoryShape,
  type PatientKeyInput,
  patientKeysShape,
  patientRecordShape,
} from '../../../shared/ledger-model/src/index.ts'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { kidOf, newRef } from '../../../shared/protocol/src/index.ts'
import { createPatient, createPatientKey, issueCertificate, patientRegistrationOf } from '../consortium.ts'
import { addKeyStatement, crypto, HASH, type LedgerWorld, refused, removeKeyStatement } from './ledger-world.ts'

const OTHER_HASH = 'cd'.repeat(32)

export function describePatients(world: () => LedgerWorld): void {
  const query = async (ref: string) =>
    parseResult(await world().ledger.query({ fn: 'query', args: [ref] }), patientRecordShape)
  const keysOf = async (ref: string) =>
    parseResult(await world().ledger.query({ fn: 'keysOf', args: [ref] }), patientKeysShape).keys

  describe('create, query, update, history', () => {
    test('a record is created, read, updated by a hospital on it, and keeps its history', async () => {
      const { call, a, b, ledger } = world()
      const ref = newRef(crypto, 'p')
      await call(a.hospital, 'create', ref, '1000', 'active', 'lab', HASH, [a.hospital.ref])
      const created = await query(ref)
      assert.deepEqual(created, {
        patientRef: ref,
        createTime: 1000,
        updateTime: 1000,
        status: 'active',
        ehrType: 'lab',
        ehrHash: HASH,
        hospitals: [a.hospital.ref],
        by: a.hospital.ref,
      })
      const both = [a.hospital.ref, b.hospital.ref]
      await call(a.hospital, 'update', ref, '2000', 'active', 'imaging', OTHER_HASH, both)
      await call(b.hospital, 'update', ref, '3000', 'closed', 'imaging', HASH, both)
      assert.deepEqual(await query(ref), {
        ...created,
        updateTime: 3000,
        status: 'closed',
        ehrType: 'imaging',
        hospitals: both,
        by: b.hospital.ref,
      })
      const versions = parseResult(await ledger.query({ fn: 'history', args: [ref] }), patientHistoryShape)
      assert.deepEqual(
        versions.map(({ record }) => [record.updateTime, record.ehrHash]),
        [
          [1000, HASH],
          [2000, OTHER_HASH],
          [3000, HASH],
        ],
      )
      assert.equal((await ledger.transaction(versions[1]?.txId as never))?.fn, 'update')
    })

    test('a doctor of a listed hospital may write', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const ref = newRef(crypto, 'p')
      await call(doctor, 'create', ref, '1', 'active', 'lab', HASH, [a.hospital.ref])
      await call(doctor, 'update', ref, '2', 'active', 'lab', OTHER_HASH, [a.hospital.ref])
      assert.equal((await query(ref)).by, doctor.ref)
    })

    test('refused: create twice', async () => {
      const { call, a } = world()
      const create = [newRef(crypto, 'p'), '1', 'active', 'lab', HASH, [a.hospital.ref]] as const
      await call(a.hospital, 'create', ...create)
      await refused('PATIENT_EXISTS', call(a.hospital, 'create', ...create))
    })

    test('refused: query, update and history of a record that is not there', async () => {
      const { call, ask, a } = world()
      const ref = newRef(crypto, 'p')
      await refused('PATIENT_NOT_FOUND', ask('query', ref))
      await refused('PATIENT_NOT_FOUND', ask('history', ref))
      await refused('PATIENT_NOT_FOUND', call(a.hospital, 'update', ref, '1', 'active', 'lab', HASH, [a.hospital.ref]))
    })

    test('refused: hospitals not on the record, doctors of others, other roles, callers that are not registered', async () => {
      const { call, a, b, register } = world()
      const ref = newRef(crypto, 'p')
      const create = (caller: typeof a.admin, hospitals: readonly string[]) =>
        call(caller, 'create', ref, '1', 'active', 'lab', HASH, hospitals)
      const update = (caller: typeof a.admin, hospitals: readonly string[]) =>
        call(caller, 'update', ref, '2', 'active', 'lab', HASH, hospitals)
      const doctorOfB = await register(b, 'doctor')
      const auditor = await register(a, 'auditor')
      await refused('LEDGER_FORBIDDEN', create(a.hospital, [b.hospital.ref]))
      await refused('LEDGER_FORBIDDEN', create(doctorOfB, [a.hospital.ref]))
      await refused('LEDGER_FORBIDDEN', create(auditor, [a.hospital.ref]))
      await refused('LEDGER_FORBIDDEN', create(a.admin, [a.hospital.ref]))
      const newcomer = await issueCertificate(a.authority, 'doctor')
      await refused('PARTICIPANT_UNKNOWN', create(newcomer, [a.hospital.ref]))
      await create(a.hospital, [a.hospital.ref])
      await refused('LEDGER_FORBIDDEN', update(b.hospital, [a.hospital.ref, b.hospital.ref]))
      await refused('LEDGER_FORBIDDEN', update(doctorOfB, [a.hospital.ref, b.hospital.ref]))
      await refused('LEDGER_FORBIDDEN', update(a.hospital, [b.hospital.ref]))
    })

    test('refused: the record of a patient whom another hospital registered', async () => {
      const { call, a, b, registerPatient } = world()
      const { ref } = await registerPatient(a)
      const create = (caller: typeof a.hospital) =>
        call(caller, 'create', ref, '1', 'active', 'lab', HASH, [caller.ref])
      await refused('LEDGER_FORBIDDEN', create(b.hospital))
      await create(a.hospital)
    })

    test('refused: a certificate with the reference of someone of another organisation', async () => {
      const { call, a, b } = world()
      const impostor = await issueCertificate(b.authority, 'hospital', { ref: a.hospital.ref })
      const create = [newRef(crypto, 'p'), '1', 'active', 'lab', HASH, [a.hospital.ref]] as const
      await refused('LEDGER_FORBIDDEN', call(impostor, 'create', ...create))
    })

    test('refused: malformed arguments', async () => {
      const { call, ask, a } = world()
      const good = [newRef(crypto, 'p'), '1', 'active', 'lab', HASH, JSON.stringify([a.hospital.ref])]
      const wrong: [number, string][] = [
        [0, 'p-1'],
        [0, newRef(crypto, 'd')],
        [1, '01'],
        [1, '-1'],
        [1, '99999999999999999'],
        [2, ''],
        [2, 'not a code'],
        [3, 'radiology'],
        [4, HASH.toUpperCase()],
        [4, 'ab'],
        [5, '[]'],
        [5, '{}'],
        [5, '["h-1"]'],
        [5, JSON.stringify([a.hospital.ref, a.hospital.ref])],
        [5, JSON.stringify(Array.from({ length: 33 }, () => newRef(crypto, 'h')))],
      ]
      for (const [at, text] of wrong) {
        const args = good.with(at, text)
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'create', ...args), `create ${at} ${text}`)
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'update', ...args), `update ${at} ${text}`)
      }
      await refused('LEDGER_BAD_ARGUMENT', ask('query', 'p-1'))
      await refused('LEDGER_BAD_ARGUMENT', ask('history', 'p-1'))
    })
  })

  describe('registration of patients', () => {
    test('a patient has the keys that the hospital registered; repeating it changes nothing', async () => {
      const { call, a } = world()
      const patient = createPatient()
      const first = await call(a.hospital, 'registerParticipant', patientRegistrationOf(patient))
      const [key] = await keysOf(patient.ref)
      const { addedMs, ...rest } = key as NonNullable<typeof key>
      assert.deepEqual(rest, { ...patient.key, removedMs: null, by: { how: 'registration', ref: a.hospital.ref } })
      assert.ok(addedMs > 0)
      assert.deepEqual(await call(a.hospital, 'registerParticipant', patientRegistrationOf(patient)), first)
    })

    test('refused: a reference that has other keys or another hospital', async () => {
      const { call, a, b, registerPatient } = world()
      const patient = await registerPatient(a)
      const other = patientRegistrationOf(createPatient(patient.ref))
      await refused('PARTICIPANT_EXISTS', call(a.hospital, 'registerParticipant', other))
      await refused('PARTICIPANT_EXISTS', call(b.hospital, 'registerParticipant', patientRegistrationOf(patient)))
    })

    test('refused: keys that are malformed, a hospital that is not registered', async () => {
      const { call, a } = world()
      const patient = createPatient()
      const { key } = patient
      const other = createPatientKey('tablet').key
      const offCurve = new Uint8Array(65).fill(1).with(0, 4)
      const many = Array.from({ length: 17 }, () => createPatientKey('phone').key)
      const wrong: Record<string, readonly unknown[]> = {
        none: [],
        'too many': many,
        'the same twice': [key, key],
        'an id of another key': [{ ...key, kid: other.kid }],
        'a key off the curve': [{ ...key, publicKey: encodeBase64url(offCurve), kid: kidOf(crypto, offCurve) }],
        'a name that is a sentence with signs': [{ ...key, label: 'Bob’s phone!' }],
        'another kind': [{ ...key, kind: 'badge' }],
      }
      for (const [what, keys] of Object.entries(wrong)) {
        const registration = { ...patientRegistrationOf(patient), keys }
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'registerParticipant', registration), what)
      }
      const newcomer = await issueCertificate(a.authority, 'hospital')
      await refused('PARTICIPANT_UNKNOWN', call(newcomer, 'registerParticipant', patientRegistrationOf(patient)))
    })
  })

  describe('addKey, removeKey, keysOf', () => {
    test('a key is added and removed by statements of active keys, whoever brings them', async () => {
      const { call, a, b, registerPatient } = world()
      const patient = await registerPatient(a)
      const tablet = createPatientKey('tablet')
      await call(b.hospital, 'addKey', addKeyStatement(patient, tablet.key))
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, patient.key.kid, tablet.signingKey))
      const keys = await keysOf(patient.ref)
      assert.deepEqual(
        keys.map(({ kid, removedMs, by }) => [kid, removedMs === null, by.how]),
        [
          [patient.key.kid, false, 'registration'],
          [tablet.key.kid, true, 'statement'],
        ],
      )
      assert.equal(keys[1]?.by.ref, patient.ref)
    })

    test('a statement cannot be used again after its key was removed', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const statement = addKeyStatement(patient, createPatientKey('tablet').key)
      await call(a.hospital, 'addKey', statement)
      await refused('KEY_EXISTS', call(a.hospital, 'addKey', statement))
      const [, added] = await keysOf(patient.ref)
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, (added as NonNullable<typeof added>).kid))
      await refused('KEY_EXISTS', call(a.hospital, 'addKey', statement))
    })

    test('refused: statements of removed keys, of other patients, of nobody, and malformed ones', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const other = await registerPatient(a)
      const tablet = createPatientKey('tablet')
      const laptop = createPatientKey('laptop').key
      await call(a.hospital, 'addKey', addKeyStatement(patient, tablet.key))
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.key.kid))
      const bad: Record<string, string> = {
        'a removed key': addKeyStatement(patient, laptop, tablet.signingKey),
        'another patient’s key': addKeyStatement(patient, laptop, other.signingKey),
        'a patient who is not registered': addKeyStatement(createPatient(), laptop),
        'a key with another’s id': addKeyStatement(patient, { ...laptop, kid: other.key.kid }),
        'a removal': removeKeyStatement(patient, patient.key.kid),
        'no statement': 'x.y.z',
        nothing: '',
      }
      for (const [what, statement] of Object.entries(bad)) {
        await refused('KEY_STATEMENT_INVALID', call(a.hospital, 'addKey', statement), what)
      }
      for (const statement of [
        addKeyStatement(patient, laptop),
        removeKeyStatement(patient, patient.key.kid, other.signingKey),
        'x.y.z',
      ]) {
        await refused('KEY_STATEMENT_INVALID', call(a.hospital, 'removeKey', statement))
      }
    })

    test('refused: the last key, a key that is not there, one that was removed', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const tablet = createPatientKey('tablet').key
      await refused('KEY_LAST', call(a.hospital, 'removeKey', removeKeyStatement(patient, patient.key.kid)))
      await refused('KEY_UNKNOWN', call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.kid)))
      await call(a.hospital, 'addKey', addKeyStatement(patient, tablet))
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.kid))
      await refused('KEY_UNKNOWN', call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.kid)))
    })

    test('a suspended patient may remove keys, not add any', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const tablet = createPatientKey('tablet').key
      await call(a.hospital, 'addKey', addKeyStatement(patient, tablet))
      await call(a.admin, 'suspendParticipant', patient.ref, 'code')
      const more = addKeyStatement(patient, createPatientKey('laptop').key)
      await refused('PARTICIPANT_SUSPENDED', call(a.hospital, 'addKey', more))
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.kid))
    })

    test('refused: more keys than a patient may ever have', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      for (let i = 1; i < MAX_PATIENT_KEYS; i++) {
        await call(a.hospital, 'addKey', addKeyStatement(patient, createPatientKey('phone').key))
      }
      const one = addKeyStatement(patient, createPatientKey('phone').key)
      await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'addKey', one))
    })

    test('refused: keys of a patient who is not registered', async () => {
      const { ask } = world()
      await refused('PATIENT_NOT_FOUND', ask('keysOf', newRef(crypto, 'p')))
      await refused('LEDGER_BAD_ARGUMENT', ask('keysOf', newRef(crypto, 'd')))
    })
  })

  describe('rekeyPatient', () => {
    const rekey = (key: PatientKeyInput, remove: readonly string[] = []) => ({ ...key, remove })

    test('a hospital of the patient adds a key, ends others, and it is seen who checked the identity', async () => {
      const { call, a, register, registerPatient } = world()
      const patient = await registerPatient(a)
      const staff = await register(a, 'doctor')
      const tablet = createPatientKey('tablet').key
      await call(a.hospital, 'rekeyPatient', patient.ref, rekey(tablet, [patient.key.kid]), staff.ref)
      assert.deepEqual(
        (await keysOf(patient.ref)).map(({ kid, removedMs, by }) => [kid, removedMs === null, by]),
        [
          [patient.key.kid, false, { how: 'registration', ref: a.hospital.ref }],
          [tablet.kid, true, { how: 'identity-check', ref: staff.ref }],
        ],
      )
    })

    test('refused: unknown patients, other hospitals, other callers, staff of others, wrong keys', async () => {
      const { call, a, b, register, registerPatient } = world()
      const patient = await registerPatient(a)
      const staff = await register(a, 'doctor')
      const stranger = await register(b, 'doctor')
      const { key } = createPatientKey('tablet')
      const attempt = (caller: typeof a.admin, ref: string, json: unknown, by: string) =>
        call(caller, 'rekeyPatient', ref, json, by)
      await refused('PATIENT_NOT_FOUND', attempt(a.hospital, newRef(crypto, 'p'), rekey(key), staff.ref))
      await refused('LEDGER_FORBIDDEN', attempt(b.hospital, patient.ref, rekey(key), stranger.ref))
      await refused('LEDGER_FORBIDDEN', attempt(a.admin, patient.ref, rekey(key), staff.ref))
      await refused('LEDGER_FORBIDDEN', attempt(staff, patient.ref, rekey(key), staff.ref))
      await refused('LEDGER_FORBIDDEN', attempt(a.hospital, patient.ref, rekey(key), stranger.ref))
      await refused('PARTICIPANT_UNKNOWN', attempt(a.hospital, patient.ref, rekey(key), newRef(crypto, 'd')))
      await refused('KEY_EXISTS', attempt(a.hospital, patient.ref, rekey(patient.key), staff.ref))
      const unknown = rekey(key, [createPatientKey('x').key.kid])
      await refused('KEY_UNKNOWN', attempt(a.hospital, patient.ref, unknown, staff.ref))
      for (const wrong of [key, rekey(key, [key.kid]), rekey({ ...key, kid: patient.key.kid }), '[]']) {
        await refused('LEDGER_BAD_ARGUMENT', attempt(a.hospital, patient.ref, wrong, staff.ref))
      }
      await refused('LEDGER_BAD_ARGUMENT', attempt(a.hospital, patient.ref, rekey(key), patient.ref))
    })
  })
}
