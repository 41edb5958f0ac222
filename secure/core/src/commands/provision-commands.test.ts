import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { newRef } from '../../../../shared/protocol/src/index.ts'
import { REWRAPS_OF_ROUND } from '../records/rewraps.ts'
import { TaWorld, type Upload } from '../../../../testkit/src/ta-world.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const hospital = await world.connect(world.hospital)
const other = await world.connect(world.organizations[1].hospital)

test('a patient is provisioned by the hospital that registered it, and by no other', async () => {
  const patient = await world.patient({ provision: false })
  const body = { patient: patient.ref, version: 1, ptk: patient.ptk, name: 'Bob' }
  await assert.rejects(other.request('patient.provision', body), { code: 'ACCESS_DENIED' })
  await hospital.request('patient.provision', body)
  // Repeating it changes nothing; another key does not take its place.
  await hospital.request('patient.provision', body)
  const wrong = { ...body, ptk: new Uint8Array(32) }
  await assert.rejects(hospital.request('patient.provision', wrong), { code: 'TREATMENT_KEY_VERSION' })
  await assert.rejects(hospital.request('patient.provision', { ...body, version: 2 }), {
    code: 'TREATMENT_KEY_VERSION',
  })
})

test('a patient whom the ledger does not know is not provisioned: PATIENT_NOT_FOUND', async () => {
  const body = { patient: newRef(world.crypto, 'p'), version: 1, ptk: new Uint8Array(32) }
  await assert.rejects(hospital.request('patient.provision', body), { code: 'PATIENT_NOT_FOUND' })
})

test('patients and doctors do not provision: TEE_FORBIDDEN', async () => {
  const patient = await world.patient()
  const body = { patient: patient.ref, version: 2, ptk: new Uint8Array(32) }
  for (const who of [patient, doctor]) {
    const session = await world.connect(who)
    for (const cmd of ['patient.provision', 'patient.rekey']) {
      await assert.rejects(session.request(cmd, body), { code: 'TEE_FORBIDDEN' })
    }
  }
})

test('a hospital names its own doctors', async () => {
  const body = { ref: doctor.ref, name: 'Dr Alice Martin', department: 'Cardiology', emergency: false }
  await hospital.request('practitioner.provision', body)
  await assert.rejects(other.request('practitioner.provision', body), { code: 'PARTICIPANT_UNKNOWN' })
  const nobody = { ...body, ref: newRef(world.crypto, 'd') }
  await assert.rejects(hospital.request('practitioner.provision', nobody), { code: 'PARTICIPANT_UNKNOWN' })
  const patient = await world.patient()
  const session = await world.connect(patient)
  await world.store(patient, { author: doctor, warrant: await world.warrant(patient, [doctor]) })
  const { entries } = await session.request('access-log', { patient: patient.ref })
  const stored = (entries as readonly Readonly<Record<string, unknown>>[]).find(({ kind }) => kind === 'store')
  assert.equal(stored?.['actorName'], 'Dr Alice Martin')
})

test('a new treatment key: old records stay readable, new uploads need the new key', async () => {
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const before = await world.store(patient, { author: doctor, warrant })
  const late = world.upload(patient, { author: doctor, warrant })
  const next = { patient: patient.ref, version: 2, ptk: world.crypto.randomBytes(32) }
  await assert.rejects(hospital.request('patient.rekey', { ...next, version: 3 }), { code: 'TREATMENT_KEY_VERSION' })
  await assert.rejects(other.request('patient.rekey', next), { code: 'ACCESS_DENIED' })
  assert.equal((await hospital.request('patient.rekey', next))['version'], 2)
  assert.equal((await hospital.request('patient.rekey', next))['version'], 2)
  await assert.rejects(hospital.request('patient.rekey', { ...next, ptk: new Uint8Array(32) }), {
    code: 'TREATMENT_KEY_VERSION',
  })

  const session = await world.connect(doctor)
  const store = (upload: Upload) => session.request('record.store', { envelope: upload.envelope })
  await assert.rejects(store(late), { code: 'TREATMENT_KEY_VERSION' })
  // Repeating what was stored under the old key is not new.
  assert.ok((await store(before))['receipt'])
  const reader = await world.connect(patient)
  assert.deepEqual((await reader.request('record.read', { record: before.commitment.recordId }))['ehr'], before.ehr)
  const renewed = { ...patient, ptk: next.ptk, keyVersion: 2 }
  const later = await world.store(renewed, { author: doctor, warrant })
  assert.deepEqual((await reader.request('record.read', { record: later.commitment.recordId }))['ehr'], later.ehr)
})

test('many records are wrapped again in steps, also over a restart', async () => {
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const count = REWRAPS_OF_ROUND + 10
  const session = await world.connect(doctor)
  for (let at = 0; at < count; at += 133) {
    const uploads = Array.from({ length: 133 }, () => world.upload(patient, { author: doctor, warrant }))
    const answered = session.request('record.store-many', { envelopes: uploads.map(({ envelope }) => envelope) })
    await world.commit(...uploads)
    await answered
  }
  const versions = () =>
    world.inspect((database) =>
      database
        .prepare(
          `SELECT record.key_version AS version, count(*) AS n FROM record JOIN patient ON patient.id = record.patient
           WHERE patient.ref = ? GROUP BY record.key_version ORDER BY record.key_version`,
        )
        .all(patient.ref)
        .map((row) => ({ ...row })),
    )
  const next = { patient: patient.ref, version: 2, ptk: world.crypto.randomBytes(32) }
  await (await world.connect(world.hospital)).request('patient.rekey', next)
  const [old] = versions()
  assert.equal(old?.['version'], 1)
  await world.restart()
  assert.ok(world.app.state === 'serving')
  for (let i = 0; i < 4; i++) world.tick()
  const all = versions()
  assert.deepEqual(
    all.map(({ version }) => version),
    [2],
  )
  const reader = await world.connect(patient)
  const { items } = await reader.request('record.list', { patient: patient.ref, limit: 1 })
  const [{ record }] = items as readonly [{ readonly record: string }]
  assert.ok(await reader.request('record.read', { record }))
})

test('a hospital that was suspended provisions nobody more, in the session that is open: PARTICIPANT_SUSPENDED', async () => {
  const patient = await world.patient({ provision: false })
  const body = { patient: patient.ref, version: 1, ptk: patient.ptk, name: 'Bob' }
  const { admin } = world.organizations[0]
  const suspended = await world.connect(world.hospital)
  await world.ledger.submit(admin, 'suspendParticipant', [world.hospital.ref, 'left'])
  await assert.rejects(suspended.request('patient.provision', body), { code: 'PARTICIPANT_SUSPENDED' })
  await world.ledger.submit(admin, 'reinstateParticipant', [world.hospital.ref, 'back'])
  world.clock.advanceMs(5_000)
  await (await world.connect(world.hospital)).request('patient.provision', body)
})
