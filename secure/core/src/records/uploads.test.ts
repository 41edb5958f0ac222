import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { decodeBase64url, decodeUtf8, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  ehrHash,
  encodeRecordUpload,
  newId,
  sealEnvelope,
  verifyReceipt,
} from '../../../../shared/protocol/src/index.ts'
import { createPatient, createPatientKey } from '../../../../testkit/src/consortium.ts'
import { observation, TaWorld, type Upload, type UploadOptions } from '../../../../testkit/src/ta-world.ts'
import { MAX_CLOCK_SKEW_MS } from '../access/decision-time.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { COMMITMENT_WAIT_MS, MAX_STAGED_MS } from './uploads.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor, world.hospital])
const session = await world.connect(doctor)

const send = (upload: Upload) => session.request('record.store', { envelope: upload.envelope })
const refusedWith = (code: string, options: Partial<UploadOptions> = {}, who = doctor) =>
  assert.rejects(
    async () =>
      (await world.connect(who)).request('record.store', {
        envelope: world.upload(patient, { author: who, warrant, ...options }).envelope,
      }),
    { code },
  )

async function stored(options: Partial<UploadOptions> = {}): Promise<Upload> {
  return await world.store(patient, { author: doctor, warrant, ...options })
}

test('a receipt is for what was committed to, and its log proof verifies with the checkpoint', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const answered = send(upload)
  await world.commit(upload)
  const { receipt, log } = await answered
  const key = world.crypto.importVerifyingKey(world.registration().identityKey)
  const checked = verifyReceipt(world.crypto, receipt as string, {
    server: world.serverRef,
    key,
    commitment: upload.commitment,
  })
  const { index, size } = log as { readonly index: number; readonly size: number }
  assert.deepEqual([checked.logIndex, checked.logSize], [index, size])
  world.verifyLogProof(log, { record: upload.commitment.recordId, kind: 'store' })
})

test('repeating an accepted upload gives the same receipt content, and stores nothing twice', async () => {
  const upload = await stored()
  const before = await world.ask('status', {})
  const first = await send(upload)
  const again = await send(upload)
  const later = await world.ask('status', {})
  const payload = ({ receipt }: typeof first) => (receipt as string).split('.')[1]
  assert.equal(payload(again), payload(first))
  assert.equal(later.records, before.records)
  // Encrypted again by a client that lost everything but the record.
  const { recordId } = upload.commitment
  const other = world.upload(patient, { author: doctor, warrant, recordId, ehr: upload.ehr, salt: upload.salt })
  assert.equal(payload(await send(other)), payload(first))
})

test('a receipt of an older log size still verifies', async () => {
  const upload = await stored()
  for (let i = 0; i < 3; i++) await stored()
  const { log } = await send(upload)
  world.verifyLogProof(log, { record: upload.commitment.recordId, kind: 'store' })
})

test('a hospital stores earlier records under a registration warrant', async () => {
  const upload = await stored({ author: world.hospital })
  const read = await (await world.connect(patient)).request('record.read', { record: upload.commitment.recordId })
  assert.equal(read['author'], world.hospital.ref)
})

test('who is no author may not store: TEE_FORBIDDEN', async () => {
  const { envelope } = world.upload(patient, { author: doctor, warrant })
  await assert.rejects((await world.connect(patient)).request('record.store', { envelope }), { code: 'TEE_FORBIDDEN' })
})

test('an author who is not registered any more: PARTICIPANT_SUSPENDED', async () => {
  const leaving = await world.doctor()
  const theirSession = await world.connect(leaving)
  const theirs = await world.warrant(patient, [leaving])
  const { envelope } = world.upload(patient, { author: leaving, warrant: theirs })
  await world.ledger.submit(world.organizations[0].admin, 'suspendParticipant', [leaving.ref, 'left'])
  await assert.rejects(theirSession.request('record.store', { envelope }), { code: 'PARTICIPANT_SUSPENDED' })
})

test('a patient who was not provisioned here: TREATMENT_KEY_UNKNOWN', async () => {
  const elsewhere = await world.patient({ provision: false })
  const theirs = await world.warrant(elsewhere, [doctor])
  const { envelope } = world.upload(elsewhere, { author: doctor, warrant: theirs })
  await assert.rejects(session.request('record.store', { envelope }), { code: 'TREATMENT_KEY_UNKNOWN' })
})

test('a key version that was never provisioned: TREATMENT_KEY_UNKNOWN', async () => {
  const { envelope } = world.upload({ ...patient, keyVersion: 2 }, { author: doctor, warrant })
  await assert.rejects(session.request('record.store', { envelope }), { code: 'TREATMENT_KEY_UNKNOWN' })
})

test('an envelope under another key, altered, of another kind, or none at all: ENVELOPE_REJECTED', async () => {
  const wrongKey = world.upload({ ...patient, ptk: new Uint8Array(32) }, { author: doctor, warrant }).envelope
  const altered = world.upload(patient, { author: doctor, warrant }).envelope.slice()
  altered[altered.length - 200] = (altered[altered.length - 200] ?? 0) ^ 1
  const upload = world.upload(patient, { author: doctor, warrant })
  const { recordId, version, previous } = upload.commitment
  const plaintext = encodeRecordUpload({ recordId, version, ehr: upload.ehr, salt: upload.salt, warrant, previous })
  const otherKind = sealEnvelope(world.crypto, world.treatmentKey(patient), patient.ref, 'chain', plaintext)
  for (const envelope of [wrongKey, altered, otherKind, encodeUtf8('nothing')]) {
    await assert.rejects(session.request('record.store', { envelope }), { code: 'ENVELOPE_REJECTED' })
  }
})

test('a warrant signed by somebody else than the patient: WARRANT_SIGNATURE_INVALID', async () => {
  const thief = { ...patient, ...createPatient(patient.ref) }
  const forged = await world.warrant(thief, [doctor], { recorded: false })
  await refusedWith('WARRANT_SIGNATURE_INVALID', { warrant: forged })
})

test('a warrant by a device that was removed before it was recorded: WARRANT_SIGNATURE_INVALID', async () => {
  const { signingKey } = createPatientKey('tablet')
  const unknown = await world.warrant({ ...patient, signingKey }, [doctor], { recorded: false })
  await refusedWith('WARRANT_SIGNATURE_INVALID', { warrant: unknown })
})

test('a warrant of another patient: WARRANT_PARTY_MISMATCH or of an unknown signer', async () => {
  const other = await world.patient()
  const theirs = await world.warrant(other, [doctor])
  // Signed by a key that is not this patient's: the signature is what fails first.
  await refusedWith('WARRANT_SIGNATURE_INVALID', { warrant: theirs })
  const misnamed = await world.warrant({ ...patient, ref: other.ref }, [doctor], { recorded: false })
  await refusedWith('WARRANT_PARTY_MISMATCH', { warrant: misnamed })
})

test('an author whom the warrant does not name: WARRANT_PARTY_MISMATCH', async () => {
  const stranger = await world.doctor()
  await refusedWith('WARRANT_PARTY_MISMATCH', {}, stranger)
})

test('a warrant of another hospital than the author’s: WARRANT_PARTY_MISMATCH', async () => {
  const elsewhere = await world.warrant(patient, [doctor], {
    hospital: world.organizations[1].hospital.ref,
  })
  await refusedWith('WARRANT_PARTY_MISMATCH', { warrant: elsewhere })
})

test('a warrant that has not started, or has ended: WARRANT_NOT_YET_VALID, WARRANT_EXPIRED', async () => {
  const nowSeconds = Math.floor(world.clock.nowMs() / 1000)
  const early = await world.warrant(patient, [doctor], { nbf: nowSeconds + 60, exp: nowSeconds + 120 })
  await refusedWith('WARRANT_NOT_YET_VALID', { warrant: early })
  const late = await world.warrant(patient, [doctor], { nbf: nowSeconds - 120, exp: nowSeconds })
  await refusedWith('WARRANT_EXPIRED', { warrant: late })
})

test('a kind that the warrant does not cover: WARRANT_SCOPE_EXCEEDED', async () => {
  const narrow = await world.warrant(patient, [doctor], { scope: ['imaging'] })
  await refusedWith('WARRANT_SCOPE_EXCEEDED', { warrant: narrow })
})

test('a warrant that is not on the ledger: WARRANT_NOT_RECORDED', async () => {
  const unrecorded = await world.warrant(patient, [doctor], { recorded: false })
  await refusedWith('WARRANT_NOT_RECORDED', { warrant: unrecorded })
})

test('a warrant that was taken back: WARRANT_REVOKED', async () => {
  const jti = newId(world.crypto, 'w')
  const revoked = await world.warrant(patient, [doctor], { jti })
  await stored({ warrant: revoked })
  await world.revoke(patient, 'revokeWarrant', jti)
  await refusedWith('WARRANT_REVOKED', { warrant: revoked })
})

test('what is not a FHIR resource: RECORD_NOT_FHIR, after everything about the warrant', async () => {
  for (const text of [
    'nothing',
    '{}',
    '{"resourceType":"Nothing"}',
    '{"resourceType":"Basic","resourceType":"Basic"}',
  ]) {
    await refusedWith('RECORD_NOT_FHIR', { ehr: encodeUtf8(text) })
  }
  await refusedWith('RECORD_NOT_FHIR', { ehr: Uint8Array.of(0xff, 0xfe) })
  const unrecorded = await world.warrant(patient, [doctor], { recorded: false })
  await refusedWith('WARRANT_NOT_RECORDED', { warrant: unrecorded, ehr: encodeUtf8('nothing') })
})

test('a correction is a new version; a gap, a fork and a wrong predecessor are RECORD_VERSION_CONFLICT', async () => {
  const first = await stored()
  const { recordId, ehrHash: previous } = first.commitment
  const next = { recordId, version: 2, previous }
  await refusedWith('RECORD_VERSION_CONFLICT', { ...next, version: 3 })
  await refusedWith('RECORD_VERSION_CONFLICT', { ...next, previous: new Uint8Array(32) })
  const second = await stored({ ...next, ehr: encodeUtf8(JSON.stringify(observation({ status: 'corrected' }))) })
  await refusedWith('RECORD_VERSION_CONFLICT', { ...next, ehr: encodeUtf8(JSON.stringify(observation())) })
  const reader = await world.connect(patient)
  const latest = await reader.request('record.read', { record: recordId })
  assert.deepEqual([latest['version'], latest['latestVersion']], [2, 2])
  assert.deepEqual(latest['ehr'], second.ehr)
  const old = await reader.request('record.read', { record: recordId, version: 1 })
  assert.deepEqual([old['version'], old['latestVersion'], old['ehr']], [1, 2, first.ehr])
  const { versions } = await reader.request('record.versions', { record: recordId })
  assert.deepEqual(
    (versions as readonly { readonly version: number }[]).map(({ version }) => version),
    [1, 2],
  )
  await assert.rejects(reader.request('record.read', { record: recordId, version: 3 }), { code: 'RECORD_NOT_FOUND' })
})

test('an id that was used for other content, or for another patient: RECORD_ID_REUSED', async () => {
  const { recordId } = (await stored()).commitment
  await refusedWith('RECORD_ID_REUSED', { recordId })
  const other = await world.patient()
  const theirs = await world.warrant(other, [doctor])
  const { envelope } = world.upload(other, { author: doctor, warrant: theirs, recordId })
  await assert.rejects(session.request('record.store', { envelope }), { code: 'RECORD_ID_REUSED' })
})

test('an id that is staged with other content: RECORD_ID_REUSED', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const answered = send(upload)
  await refusedWith('RECORD_ID_REUSED', { recordId: upload.commitment.recordId })
  await world.commit(upload)
  await answered
})

test('another commitment on the ledger than the record’s: COMMITMENT_MISMATCH, and the right one can follow', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const { recordId } = upload.commitment
  const other = world.upload(patient, { author: doctor, warrant, recordId })
  const answered = send(upload)
  await world.commit(other)
  await assert.rejects(answered, { code: 'COMMITMENT_MISMATCH' })
  await world.settle()
  const second = send(other)
  assert.ok((await second)['receipt'])
})

test('no commitment in time: COMMITMENT_MISSING; the record is kept, and a later commitment completes it', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const answered = assert.rejects(send(upload), { code: 'COMMITMENT_MISSING' })
  await world.settle()
  world.clock.advanceMs(COMMITMENT_WAIT_MS)
  world.tick()
  await answered
  const { waiting } = await session.request('uploads')
  assert.deepEqual(
    (waiting as readonly { readonly record: string }[]).map(({ record }) => record),
    [upload.commitment.recordId],
  )
  const unread = (await world.connect(patient)).request('record.read', { record: upload.commitment.recordId })
  await assert.rejects(unread, { code: 'ACCESS_DENIED' })
  await world.commit(upload)
  await world.settle()
  assert.deepEqual((await session.request('uploads'))['waiting'], [])
  assert.ok((await send(upload))['receipt'])
})

test('a host that points at another place is not believed, and may correct itself', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const elsewhere = await stored()
  const place = world.ledger.findCommitted(elsewhere.commitment.recordId, 1)
  assert.ok(place !== undefined)
  const { recordId } = upload.commitment
  const answered = send(upload)
  await world.settle()
  await world.ask('committed', { items: [[recordId, 1, place[2], place[3], place[4], place[5]]] })
  await world.settle()
  assert.equal((await world.ask('status', {})).waiting, 1)
  await world.ask('committed', { items: [[recordId, 1, newId(world.crypto, 'b'), 0, place[4], 1]] })
  await world.settle()
  await world.commit(upload)
  assert.ok((await answered)['receipt'])
})

test('a host that names a block which does not exist yet is not believed, and may correct itself', async () => {
  const upload = world.upload(patient, { author: doctor, warrant })
  const { recordId } = upload.commitment
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'watch') await honest(effect)
  }
  const answered = send(upload)
  await world.settle()
  await world.commit(upload)
  const place = world.ledger.findCommitted(recordId, 1)
  assert.ok(place !== undefined)
  const beyond = world.ledger.snapshot().height + 2
  await world.ask('committed', { items: [[recordId, 1, place[2], place[3], place[4], beyond]] })
  await world.settle()
  assert.equal((await world.ask('status', {})).waiting, 1)
  world.behaviour = undefined
  await world.ask('committed', { items: [place] })
  await world.settle()
  const { receipt } = await answered
  const [, payload = ''] = typeof receipt === 'string' ? receipt.split('.') : []
  assert.equal((JSON.parse(decodeUtf8(decodeBase64url(payload))) as { block?: unknown }).block, place[5])
})

test('many at once: each has its own result', async () => {
  const good = [1, 2, 3].map(() => world.upload(patient, { author: doctor, warrant }))
  const bad = world.upload(patient, { author: doctor, warrant, ehr: encodeUtf8('nothing') })
  const envelopes = [good[0], bad, good[1], good[2]].map((upload) => (upload as Upload).envelope)
  const twice = [...envelopes, (good[0] as Upload).envelope, encodeUtf8('nothing')]
  const answered = session.request('record.store-many', { envelopes: twice })
  await world.commit(...good)
  const { results } = await answered
  const codes = (results as readonly { readonly ok: boolean; readonly code?: string }[]).map(({ ok, code }) =>
    ok ? 'ok' : code,
  )
  assert.deepEqual(codes, ['ok', 'RECORD_NOT_FHIR', 'ok', 'ok', 'RECORD_ID_REUSED', 'ENVELOPE_REJECTED'])
})

test('more than 256 at once, or none, is MESSAGE_MALFORMED', async () => {
  const { envelope } = world.upload(patient, { author: doctor, warrant })
  for (const envelopes of [[], Array.from({ length: 257 }, () => envelope)]) {
    await assert.rejects(session.request('record.store-many', { envelopes }), { code: 'MESSAGE_MALFORMED' })
  }
})

test('nothing of a refused upload is kept', async () => {
  const before = await world.ask('status', {})
  const unrecorded = await world.warrant(patient, [doctor], { recorded: false })
  await refusedWith('WARRANT_NOT_RECORDED', { warrant: unrecorded })
  const later = await world.ask('status', {})
  assert.deepEqual([later.records, later.waiting], [before.records, before.waiting])
})

test('a warrant is good after its device was removed, if the ledger had recorded it before', async () => {
  const owner = await world.patient()
  const { signingKey, key } = createPatientKey('tablet')
  await world.addKey(owner, key)
  const theirs = await world.warrant({ ...owner, signingKey }, [doctor])
  await world.removeKey(owner, key.kid)
  const upload = await world.store(owner, { author: doctor, warrant: theirs })
  assert.deepEqual(ehrHash(world.crypto, upload.salt, upload.ehr), upload.commitment.ehrHash)
})

test('clocks that are too far apart refuse: CLOCK_SKEW', async () => {
  for (const offset of [1, -1]) {
    world.ledgerOffsetMs = offset * (MAX_CLOCK_SKEW_MS + 1)
    await refusedWith('CLOCK_SKEW')
    world.ledgerOffsetMs = 0
  }
  await stored()
})

test('more staged records, or more bytes of requests, than there is room for: TEE_BUSY, and room comes back', async () => {
  const small = await TaWorld.open({ limits: { ...DEFAULT_LIMITS, stagedRecords: 2, waitingBytes: 20_000 } })
  try {
    const author = await small.doctor()
    const owner = await small.patient()
    const jws = await small.warrant(owner, [author])
    const by = await small.connect(author)
    const uploads = [1, 2, 3].map(() => small.upload(owner, { author, warrant: jws }))
    const [a, b, c] = uploads as [Upload, Upload, Upload]
    const first = [a, b].map(({ envelope }) => by.request('record.store', { envelope }))
    await small.settle()
    await assert.rejects(by.request('record.store', { envelope: c.envelope }), { code: 'TEE_BUSY' })
    await small.commit(a, b)
    await Promise.all(first)
    const third = by.request('record.store', { envelope: c.envelope })
    await small.commit(c)
    assert.ok((await third)['receipt'])

    const data = new Uint8Array(15_000)
    const waiting = by.request('record.store-many', { envelopes: [a.envelope, data] })
    await assert.rejects(by.request('ping', { data }), { code: 'TEE_BUSY' })
    await waiting
    assert.ok(await by.request('ping', { data }))
  } finally {
    small.close()
  }
})

test('one author does not take the room of the others: TEE_BUSY', async () => {
  const small = await TaWorld.open({ limits: { ...DEFAULT_LIMITS, stagedOfAuthor: 1 } })
  try {
    const [greedy, other] = [await small.doctor(), await small.doctor()]
    const owner = await small.patient()
    const jws = await small.warrant(owner, [greedy, other])
    const [by, byOther] = [await small.connect(greedy), await small.connect(other)]
    const [a, b] = [1, 2].map(() => small.upload(owner, { author: greedy, warrant: jws })) as [Upload, Upload]
    const first = by.request('record.store', { envelope: a.envelope })
    await small.settle()
    await assert.rejects(by.request('record.store', { envelope: b.envelope }), { code: 'TEE_BUSY' })
    const c = small.upload(owner, { author: other, warrant: jws })
    const second = byOther.request('record.store', { envelope: c.envelope })
    await small.commit(a)
    await small.commit(c)
    await Promise.all([first, second])
    const third = by.request('record.store', { envelope: b.envelope })
    await small.commit(b)
    assert.ok((await third)['receipt'])
  } finally {
    small.close()
  }
})

test('one request with more records than an author may have waiting: TEE_BUSY for the rest, which go again', async () => {
  const small = await TaWorld.open({ limits: { ...DEFAULT_LIMITS, stagedOfAuthor: 2 } })
  try {
    const author = await small.doctor()
    const owner = await small.patient()
    const jws = await small.warrant(owner, [author])
    const uploads = [1, 2, 3].map(() => small.upload(owner, { author, warrant: jws }))
    const envelopes = uploads.map(({ envelope }) => envelope)
    const by = await small.connect(author)
    const codesOf = async (answer: Promise<{ readonly [name: string]: unknown }>) =>
      ((await answer)['results'] as readonly { readonly code?: string }[]).map(({ code }) => code)
    const first = by.request('record.store-many', { envelopes })
    await small.commit(...uploads)
    assert.deepEqual(await codesOf(first), [undefined, undefined, 'TEE_BUSY'])
    const again = by.request('record.store-many', { envelopes })
    await small.settle()
    await small.reportCommitted()
    assert.deepEqual(await codesOf(again), [undefined, undefined, undefined])
  } finally {
    small.close()
  }
})

test('who has an answer does not wait for it any more', async () => {
  const own = await TaWorld.open()
  try {
    const author = await own.doctor()
    const owner = await own.patient()
    await own.store(owner, { author, warrant: await own.warrant(owner, [author]) })
    await own.settle()
    own.clock.advanceMs(COMMITMENT_WAIT_MS / 2)
    await own.ask('status', {})
    await own.settle()
    // The log is on the ledger, and nothing is left of the wait long before it would have been over.
    assert.equal(own.app.isDue, false)
  } finally {
    own.close()
  }
})

test('what is never committed is taken away after a week, and may be uploaded again', async () => {
  const own = await TaWorld.open()
  try {
    const author = await own.doctor()
    const owner = await own.patient()
    const jws = await own.warrant(owner, [author])
    const upload = own.upload(owner, { author, warrant: jws })
    const waiting = (await own.connect(author)).request('record.store', { envelope: upload.envelope })
    await own.settle()
    own.kill()
    await assert.rejects(waiting, { code: 'TEE_RESTARTED' })
    own.clock.advanceMs(MAX_STAGED_MS - 1)
    await own.restart()
    assert.equal((await own.ask('status', {})).waiting, 1)
    own.clock.advanceMs(1)
    await own.ask('status', {})
    await own.settle()
    assert.equal((await own.ask('status', {})).waiting, 0)
    const left = own.inspect((database) => database.prepare('SELECT count(*) AS n FROM record_body').get()?.['n'])
    assert.equal(left, 0)
  } finally {
    own.close()
  }
})

test('another patient’s record is not continued by who knows its id and its content: RECORD_ID_REUSED', async () => {
  const { recordId, ehrHash: previous } = (await stored()).commitment
  const other = await world.patient()
  const theirs = await world.warrant(other, [doctor])
  const { envelope } = world.upload(other, { author: doctor, warrant: theirs, recordId, version: 2, previous })
  await assert.rejects(session.request('record.store', { envelope }), { code: 'RECORD_ID_REUSED' })
})

test('one patient’s warrant does not serve for another one who has the same device: WARRANT_PARTY_MISMATCH', async () => {
  const child = await world.patient()
  await world.addKey(child, patient.key)
  world.clock.advanceMs(5_000)
  const now = await world.connect(doctor)
  await stored()
  const { envelope } = world.upload(child, { author: doctor, warrant })
  await assert.rejects(now.request('record.store', { envelope }), { code: 'WARRANT_PARTY_MISMATCH' })
})

test('a correction that waited for the ledger, put back after its record was erased, is not stored', async () => {
  const own = await TaWorld.open()
  try {
    const author = await own.doctor()
    const owner = await own.patient()
    const jws = await own.warrant(owner, [author])
    const { commitment } = await own.store(owner, { author, warrant: jws })
    const { recordId, ehrHash: previous } = commitment
    const correction = own.upload(owner, { author, warrant: jws, recordId, version: 2, previous })
    const sending = (await own.connect(author)).request('record.store', { envelope: correction.envelope })
    const erased = assert.rejects(sending, { code: 'RECORD_ERASED' })
    await own.settle()
    const tables = ['record', 'record_body', 'record_text']
    const rowsOf = (table: string) =>
      own.inspect((database) => database.prepare(`SELECT * FROM ${table} WHERE id = 2`).all())
    const kept = tables.map(rowsOf)
    assert.ok(kept.every((rows) => rows.length === 1))
    await (await own.connect(owner)).request('record.erase', { record: recordId, confirm: previous })
    await erased
    own.inspect((database) => {
      for (const [i, table] of tables.entries()) {
        const [row = {}] = kept[i] ?? []
        const places = Object.keys(row).map(() => '?')
        database
          .prepare(`INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${places.join()})`)
          .run(...Object.values(row))
      }
    })
    await own.restart()
    assert.deepEqual([own.app.state, (await own.ask('status', {})).waiting], ['serving', 1])
    await own.commit(correction)
    await own.settle()
    const { waiting, records } = await own.ask('status', {})
    assert.deepEqual([waiting, records], [0, 1])
    assert.deepEqual(tables.map(rowsOf), [[], [], []])
    const read = (await own.connect(owner)).request('record.read', { record: recordId })
    await assert.rejects(read, { code: 'RECORD_ERASED' })
  } finally {
    own.close()
  }
})
