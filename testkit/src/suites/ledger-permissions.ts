/**
 * Warrants, grants, revocations, and the policy made of them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  grantsPageShape,
  MAX_ACTIVE_PERMISSIONS,
  PAGE_ITEMS,
  parseResult,
  patientPoliciesShape,
  type PatientPolicy,
  warrantRecordShape,
} from '../../../shared/ledger-model/src/index.ts'
import {
  type GrantId,
  newId,
  newRecordId,
  newRef,
  parseWarrantRecord,
  signStatement,
} from '../../../shared/protocol/src/index.ts'
import { createPatient, createPatientKey, type TestPatient } from '../consortium.ts'
import {
  addKeyStatement,
  crypto,
  DAY_S,
  grantOf,
  HASH,
  type LedgerWorld,
  nowSeconds,
  refused,
  removeKeyStatement,
  revocationOf,
  warrantOf,
} from './ledger-world.ts'

export function describePermissions(world: () => LedgerWorld): void {
  const policies = async (...refs: readonly string[]) =>
    parseResult(await world().ledger.query({ fn: 'patientPolicy', args: [JSON.stringify(refs)] }), patientPoliciesShape)
  const policyOf = async (ref: string) => (await policies(ref))[0] as PatientPolicy

  /** A patient of hospital A, a doctor there, and a warrant for the doctor. */
  async function withWarrant() {
    const { a, register, registerPatient } = world()
    const patient = await registerPatient(a)
    const doctor = await register(a, 'doctor')
    return { patient, doctor, ...warrantOf(patient, { doctors: [doctor.ref], hospital: a.hospital.ref }) }
  }

  describe('recordWarrant, revokeWarrant, warrant', () => {
    test('a recorded warrant is found by its id and in the policy, until it is revoked', async () => {
      const { call, a, b, ledger } = world()
      const { patient, doctor, warrant, record } = await withWarrant()
      await call(b.hospital, 'recordWarrant', record)
      const found = async () =>
        parseResult(await ledger.query({ fn: 'warrant', args: [warrant.jti] }), warrantRecordShape)
      const { patientRef, recordedMs, txId, ...entry } = await found()
      assert.equal(patientRef, patient.ref)
      assert.equal((await ledger.transaction(txId))?.timeMs, recordedMs)
      assert.deepEqual([entry.doctors, entry.hospital], [[doctor.ref], a.hospital.ref])
      assert.deepEqual([entry.nbfMs, entry.expMs, entry.revokedMs], [warrant.nbf * 1_000, warrant.exp * 1_000, null])
      assert.deepEqual((await policyOf(patient.ref)).warrants, [entry])

      await call(b.hospital, 'revokeWarrant', revocationOf(patient, warrant.jti))
      const revoked = await found()
      assert.ok(revoked.revokedMs !== null)
      assert.equal((await policyOf(patient.ref)).warrants[0]?.revokedMs, revoked.revokedMs)
      await call(b.hospital, 'revokeWarrant', revocationOf(patient, warrant.jti))
      assert.deepEqual(await found(), revoked)
    })

    test('recording it again changes nothing, also after it was revoked', async () => {
      const { call, a } = world()
      const { patient, warrant, record } = await withWarrant()
      const first = await call(a.hospital, 'recordWarrant', record)
      assert.deepEqual(await call(a.hospital, 'recordWarrant', record), first)
      await call(a.hospital, 'revokeWarrant', revocationOf(patient, warrant.jti))
      const again = (await call(a.hospital, 'recordWarrant', record)) as { revokedMs: number | null }
      assert.ok(again.revokedMs !== null)
      assert.equal((await policyOf(patient.ref)).warrants.length, 1)
    })

    test('refused: an id that was used with other content, by this patient or another', async () => {
      const { call, a, registerPatient } = world()
      const { patient, doctor, warrant, record } = await withWarrant()
      await call(a.hospital, 'recordWarrant', record)
      const terms = { doctors: [doctor.ref], hospital: a.hospital.ref, jti: warrant.jti }
      const longer = warrantOf(patient, { ...terms, exp: warrant.exp + 1 })
      await refused('WARRANT_EXISTS', call(a.hospital, 'recordWarrant', longer.record))
      const other = warrantOf(await registerPatient(a), terms)
      await refused('WARRANT_EXISTS', call(a.hospital, 'recordWarrant', other.record))
      const thief = await registerPatient(a)
      const { payload } = parseWarrantRecord(record)
      const typ = 'trusthealth-warrant-record+jwt'
      const stolen = signStatement(crypto, thief.signingKey, typ, { ...payload, iss: thief.ref })
      await refused('WARRANT_EXISTS', call(a.hospital, 'recordWarrant', stolen))
    })

    test('refused: recordings that no active key of the patient signed', async () => {
      const { call, a, registerPatient } = world()
      const { patient, doctor } = await withWarrant()
      const other = await registerPatient(a)
      const terms = { doctors: [doctor.ref], hospital: a.hospital.ref }
      const tablet = createPatientKey('tablet')
      await call(a.hospital, 'addKey', addKeyStatement(patient, tablet.key))
      await call(a.hospital, 'removeKey', removeKeyStatement(patient, tablet.key.kid))
      for (const [what, record] of Object.entries({
        'a removed key': warrantOf(patient, terms, tablet.signingKey).record,
        'another patient': warrantOf(patient, terms, other.signingKey).record,
        'a doctor': warrantOf(patient, terms, doctor.signingKey).record,
        'a patient who is not registered': warrantOf(createPatient(), terms).record,
        'a changed signature': altered(warrantOf(patient, terms).record),
      })) {
        await refused('WARRANT_SIGNATURE_INVALID', call(a.hospital, 'recordWarrant', record), what)
      }
    })

    test('refused: what is no recording, new warrants of a suspended patient', async () => {
      const { call, a } = world()
      const { patient, warrant, jws, record } = await withWarrant()
      for (const wrong of ['', 'x', jws, 'x'.repeat(20_000)]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'recordWarrant', wrong))
      }
      const { doctors, hospital } = warrant
      await call(a.hospital, 'recordWarrant', record)
      await call(a.admin, 'suspendParticipant', patient.ref, 'code')
      const next = warrantOf(patient, { doctors, hospital })
      await refused('PARTICIPANT_SUSPENDED', call(a.hospital, 'recordWarrant', next.record))
      // What takes a permission away is taken all the same.
      await call(a.hospital, 'revokeWarrant', revocationOf(patient, warrant.jti))
    })

    test('refused: revocations of unknown warrants, of others’, of grants, and ones that nobody signed', async () => {
      const { call, ask, a, registerPatient } = world()
      const { patient, warrant, record } = await withWarrant()
      await call(a.hospital, 'recordWarrant', record)
      const other = await registerPatient(a)
      const revoke = (statement: string) => call(a.hospital, 'revokeWarrant', statement)
      await refused('WARRANT_UNKNOWN', revoke(revocationOf(patient, newId(crypto, 'w'))))
      await refused('WARRANT_UNKNOWN', revoke(revocationOf(patient, newId(crypto, 'g'))))
      await refused('WARRANT_UNKNOWN', revoke(revocationOf(other, warrant.jti)))
      await refused('REVOCATION_INVALID', revoke(revocationOf(patient, warrant.jti, other.signingKey)))
      await refused('REVOCATION_INVALID', revoke(revocationOf(createPatient(), warrant.jti)))
      await refused('REVOCATION_INVALID', revoke('x.y.z'))
      await refused('WARRANT_UNKNOWN', ask('warrant', newId(crypto, 'w')))
      await refused('LEDGER_BAD_ARGUMENT', ask('warrant', 'w-1'))
    })

    test('warrants that ended long ago leave the policy when a new one comes, and are still found', async () => {
      const { call, ask, a } = world()
      const { patient, doctor } = await withWarrant()
      const terms = { doctors: [doctor.ref], hospital: a.hospital.ref }
      const long = warrantOf(patient, { ...terms, nbf: nowSeconds() - 200 * DAY_S, exp: nowSeconds() - 91 * DAY_S })
      const short = warrantOf(patient, { ...terms, nbf: nowSeconds() - 200 * DAY_S, exp: nowSeconds() - 89 * DAY_S })
      await call(a.hospital, 'recordWarrant', long.record)
      await call(a.hospital, 'recordWarrant', short.record)
      await call(a.hospital, 'recordWarrant', warrantOf(patient, terms).record)
      const listed = (await policyOf(patient.ref)).warrants.map(({ jti }) => jti)
      assert.ok(!listed.includes(long.warrant.jti) && listed.includes(short.warrant.jti) && listed.length === 2)
      assert.ok(await ask('warrant', long.warrant.jti))
      await call(a.hospital, 'revokeWarrant', revocationOf(patient, long.warrant.jti))
      assert.equal((await policyOf(patient.ref)).warrants.length, 2)
    })
  })

  describe('grant, revokeGrant, grantsOf', () => {
    const grantsOf = async (ref: string, bookmark = '') =>
      parseResult(await world().ledger.query({ fn: 'grantsOf', args: [ref, bookmark] }), grantsPageShape)

    test('a grant is in the policy with all its terms, until it is revoked', async () => {
      const { call, a, b, register, registerPatient } = world()
      const patient = await registerPatient(a)
      const grantee = await register(b, 'doctor')
      const { grant, jws } = grantOf(patient, { grantee: grantee.ref, scope: ['lab', 'imaging'], fromMs: 5, toMs: 9 })
      const first = await call(b.hospital, 'grant', jws)
      assert.deepEqual(await call(a.hospital, 'grant', jws), first)
      const { iss: _, nbf, exp, ...terms } = grant
      const entry = { ...terms, nbfMs: nbf * 1_000, expMs: exp * 1_000, revokedMs: null }
      assert.deepEqual((await policyOf(patient.ref)).grants, [{ ...entry, suspended: false }])
      await call(a.hospital, 'revokeGrant', revocationOf(patient, grant.jti))
      const { items } = await grantsOf(patient.ref)
      const [record] = items
      assert.ok(record !== undefined && record.revokedMs !== null)
      assert.equal((await policyOf(patient.ref)).grants[0]?.revokedMs, record.revokedMs)
      await call(a.hospital, 'revokeGrant', revocationOf(patient, grant.jti))
      assert.deepEqual((await grantsOf(patient.ref)).items, items)
    })

    test('what a grant keeps back stands in the policy and in the list, and is part of its content', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const grantee = newRef(crypto, 'd')
      const except = [newRecordId(crypto, 1), newRecordId(crypto, 2)]
      const { grant, jws } = grantOf(patient, { grantee, scope: ['*'], except })
      const first = await call(a.hospital, 'grant', jws)
      assert.deepEqual(await call(a.hospital, 'grant', jws), first)
      assert.deepEqual((await policyOf(patient.ref)).grants[0]?.except, except)
      assert.deepEqual((await grantsOf(patient.ref)).items[0]?.except, except)
      const { except: _, ...wider } = grant
      for (const other of [wider, { ...grant, except: except.slice(1) }]) {
        await refused('GRANT_EXISTS', call(a.hospital, 'grant', grantOf(patient, other).jws))
      }
      const malformed = { ...grant, jti: newId(crypto, 'g'), except: [] }
      const forced = signStatement(crypto, patient.signingKey, 'trusthealth-grant+jwt', malformed)
      await refused('GRANT_INVALID', call(a.hospital, 'grant', forced))
      await call(a.hospital, 'revokeGrant', revocationOf(patient, grant.jti))
      assert.deepEqual((await policyOf(patient.ref)).grants[0]?.except, except)
    })

    test('refused: an id with other content, grants that the patient did not sign, of a suspended patient', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const other = await registerPatient(a)
      const grantee = newRef(crypto, 'd')
      const { grant, jws } = grantOf(patient, { grantee })
      await call(a.hospital, 'grant', jws)
      const changed = grantOf(patient, { grantee, jti: grant.jti, scope: ['*'] })
      await refused('GRANT_EXISTS', call(a.hospital, 'grant', changed.jws))
      for (const wrong of [
        grantOf(patient, { grantee }, other.signingKey).jws,
        grantOf(createPatient(), { grantee }).jws,
        altered(jws),
        'x.y.z',
        '',
      ]) {
        await refused('GRANT_INVALID', call(a.hospital, 'grant', wrong))
      }
      await call(a.admin, 'suspendParticipant', patient.ref, 'code')
      await refused('PARTICIPANT_SUSPENDED', call(a.hospital, 'grant', grantOf(patient, { grantee }).jws))
      await call(a.hospital, 'revokeGrant', revocationOf(patient, grant.jti))
    })

    test('refused: revocations of unknown grants, of others’, of warrants, and ones that nobody signed', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const other = await registerPatient(a)
      const { grant, jws } = grantOf(patient, { grantee: newRef(crypto, 'd') })
      await call(a.hospital, 'grant', jws)
      const revoke = (statement: string) => call(a.hospital, 'revokeGrant', statement)
      await refused('GRANT_UNKNOWN', revoke(revocationOf(patient, newId(crypto, 'g'))))
      await refused('GRANT_UNKNOWN', revoke(revocationOf(patient, newId(crypto, 'w'))))
      await refused('GRANT_UNKNOWN', revoke(revocationOf(other, grant.jti)))
      await refused('REVOCATION_INVALID', revoke(revocationOf(patient, grant.jti, other.signingKey)))
      await refused('REVOCATION_INVALID', revoke(''))
    })

    test('so many in force and no more; pages show them all; a revoked one makes room', async () => {
      const { call, a, registerPatient } = world()
      const patient = await registerPatient(a)
      const grantee = newRef(crypto, 'd')
      const ids: GrantId[] = []
      for (let i = 0; i < MAX_ACTIVE_PERMISSIONS; i++) {
        const { grant, jws } = grantOf(patient, { grantee })
        ids.push(grant.jti)
        await call(a.hospital, 'grant', jws)
      }
      const { jws } = grantOf(patient, { grantee })
      await refused('PERMISSIONS_TOO_MANY', call(a.hospital, 'grant', jws))
      const first = await grantsOf(patient.ref)
      const second = await grantsOf(patient.ref, first.bookmark)
      assert.equal(first.items.length, PAGE_ITEMS)
      assert.equal(second.bookmark, '')
      const listed = [...first.items, ...second.items].map(({ jti }) => jti)
      assert.deepEqual(
        listed,
        ids.toSorted((x, y) => (x < y ? -1 : 1)),
      )
      await call(a.hospital, 'revokeGrant', revocationOf(patient, ids[0] as GrantId))
      await call(a.hospital, 'grant', jws)
    })

    test('nobody’s grants are an empty page; a bookmark that is none is refused', async () => {
      const { ask } = world()
      assert.deepEqual(await grantsOf(newRef(crypto, 'p')), { items: [], bookmark: '' })
      await refused('LEDGER_BAD_ARGUMENT', ask('grantsOf', 'p-1', ''))
      await refused('LEDGER_BAD_ARGUMENT', ask('grantsOf', newRef(crypto, 'p'), 'ä'))
    })
  })

  describe('patientPolicy', () => {
    test('many patients at once, in the order asked; an unknown one is unknown', async () => {
      const { a, b, registerPatient } = world()
      const patients: TestPatient[] = [await registerPatient(a), await registerPatient(b)]
      const unknown = newRef(crypto, 'p')
      const [first, second, third] = await policies(patients[0]?.ref ?? '', unknown, patients[1]?.ref ?? '')
      assert.deepEqual([first?.status, first?.hospitals], ['active', [a.hospital.ref]])
      assert.deepEqual(second, {
        patientRef: unknown,
        status: 'unknown',
        hospitals: [],
        keys: [],
        warrants: [],
        grants: [],
        suspended: [],
      })
      assert.deepEqual([third?.patientRef, third?.keys.length], [patients[1]?.ref, 1])
    })

    test('suspended participants among the parties are named, and suspended patients are', async () => {
      const { call, a } = world()
      const { patient, doctor, record } = await withWarrant()
      await call(a.hospital, 'recordWarrant', record)
      const before = await policyOf(patient.ref)
      assert.deepEqual([before.status, before.suspended], ['active', []])
      await call(a.admin, 'suspendParticipant', doctor.ref, 'code')
      await call(a.admin, 'suspendParticipant', patient.ref, 'code')
      const after = await policyOf(patient.ref)
      assert.deepEqual([after.status, after.suspended], ['suspended', [doctor.ref]])
      await call(a.admin, 'reinstateParticipant', doctor.ref, 'code')
      assert.deepEqual((await policyOf(patient.ref)).suspended, [])
    })

    test('a patient who has only a record of Algorithm 1 is unknown', async () => {
      const { call, a } = world()
      const ref = newRef(crypto, 'p')
      await call(a.hospital, 'create', ref, '1', 'active', 'lab', HASH, [a.hospital.ref])
      assert.equal((await policyOf(ref)).status, 'unknown')
    })

    test('refused: no patient, too many, what is no list of references', async () => {
      const { ask } = world()
      const many = Array.from({ length: 257 }, () => newRef(crypto, 'p'))
      for (const wrong of [[], many, ['x'], {}, '[', [newRef(crypto, 'd')]]) {
        await refused('LEDGER_BAD_ARGUMENT', ask('patientPolicy', wrong))
      }
    })
  })
}

/** The statement with another last byte in its signature, canonical still. */
function altered(jws: string): string {
  const at = jws.length - 10
  return jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1)
}
