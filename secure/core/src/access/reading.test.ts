import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ehrHash, newId, newRecordId, type CborValue } from '../../../../shared/protocol/src/index.ts'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { stateKeys } from '../../../../shared/ledger-model/src/index.ts'
import { observation, plainRows, TaWorld, type Upload, type WorldPatient } from '../../../../testkit/src/ta-world.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const other = await world.doctor({ at: 1 })
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor])
const upload = await world.store(patient, { author: doctor, warrant })
const record = upload.commitment.recordId

const read = async (who: Parameters<TaWorld['connect']>[0], body: Readonly<Record<string, CborValue>> = {}) =>
  (await world.connect(who)).request('record.read', { record, ...body })

/** The newest entries of the patient's access log. */
async function looked(of: WorldPatient = patient): Promise<readonly Readonly<Record<string, CborValue>>[]> {
  const { entries } = await (await world.connect(of)).request('access-log', { patient: of.ref })
  return entries as readonly Readonly<Record<string, CborValue>>[]
}

test('a read gives the text, what it was committed to, and proofs; and is in the log before it leaves', async () => {
  const answer = await read(patient)
  assert.deepEqual(answer['ehr'], upload.ehr)
  assert.deepEqual(ehrHash(world.crypto, answer['salt'] as Uint8Array, upload.ehr), upload.commitment.ehrHash)
  assert.equal(answer['warrant'], warrant)
  const { ehrHash: shown, block } = answer['commitment'] as { readonly ehrHash: CborValue; readonly block: CborValue }
  assert.deepEqual(shown, upload.commitment.ehrHash)
  assert.equal(typeof block, 'number')
  world.verifyLogProof(answer['log'], { kind: 'store', record })
  const index = answer['accessIndex'] as number
  const { logSize } = await world.ask('status', {})
  assert.ok(index < logSize)
  const [newest, ...rest] = await looked()
  assert.equal(newest?.['kind'], 'access-log')
  const entry = rest.find((one) => one['index'] === index)
  assert.deepEqual(
    [entry?.['kind'], entry?.['actor'], entry?.['permission'], entry?.['purpose']],
    ['read', patient.ref, 'self', 'TREAT'],
  )
})

test('the doctor under the warrant reads what was stored, and the log names the permission and the place', async () => {
  assert.deepEqual((await read(doctor))['ehr'], upload.ehr)
  const entry = (await looked()).find((one) => one['actor'] === doctor.ref && one['kind'] === 'read')
  assert.match(entry?.['permission'] as string, /^warrant:w-/)
  assert.equal(entry?.['place'], world.hospital.ref)
  assert.equal(entry?.['automatic'], false)
})

test('a doctor with a warrant that nobody has shown: WARRANT_NOT_PRESENTED, and after showing it, the record', async () => {
  const owner = await world.patient()
  const early = await world.warrant(owner, [doctor])
  const stored = await world.store(owner, { author: doctor, warrant: early })
  const colleague = await world.doctor()
  const theirs = await world.warrant(owner, [colleague], { scope: ['lab'] })
  const session = await world.connect(colleague)
  const body = { record: stored.commitment.recordId }
  await assert.rejects(session.request('record.read', body), { code: 'WARRANT_NOT_PRESENTED' })
  await session.request('warrant.present', { warrant: theirs })
  assert.deepEqual((await session.request('record.read', body))['ehr'], stored.ehr)
})

test('showing a warrant of others, of nobody here, or one that is not recorded, does nothing', async () => {
  const session = await world.connect(other)
  await assert.rejects(session.request('warrant.present', { warrant }), { code: 'WARRANT_PARTY_MISMATCH' })
  const unrecorded = await world.warrant(patient, [other], { recorded: false })
  await assert.rejects(session.request('warrant.present', { warrant: unrecorded }), { code: 'WARRANT_NOT_RECORDED' })
  const elsewhere = await world.patient({ provision: false })
  const theirs = await world.warrant(elsewhere, [other])
  await assert.rejects(session.request('warrant.present', { warrant: theirs }), { code: 'ACCESS_DENIED' })
  await assert.rejects(session.request('warrant.present', { warrant: 'a.b.c' }), { code: 'STATEMENT_MALFORMED' })
})

test('a record that does not exist and one that is not theirs answer alike, and both are logged', async () => {
  const unknown = newRecordId(world.crypto, world.clock.nowMs())
  const session = await world.connect(other)
  const [a, b] = await Promise.all([
    session.answer('record.read', { record: unknown }),
    session.answer('record.read', { record }),
  ])
  assert.deepEqual(a, { ok: false, code: 'ACCESS_DENIED' })
  assert.deepEqual(b, a)
  const refusal = (await looked()).find((one) => one['kind'] === 'deny')
  assert.deepEqual(
    [refusal?.['actor'], refusal?.['code'], refusal?.['records']],
    [other.ref, 'ACCESS_DENIED', [{ record }]],
  )
})

test('the ledger is asked about a patient for a record that does not exist, too', async () => {
  const asked: string[] = []
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') asked.push(...effect.queries.map(({ fn }) => fn))
    await honest(effect)
  }
  const session = await world.connect(other)
  asked.length = 0
  await session.answer('record.read', { record: newRecordId(world.crypto, world.clock.nowMs()) })
  world.behaviour = undefined
  assert.ok(asked.includes('patientPolicy'))
})

test('a grant opens what it says, to the hospital’s doctors too, until it is taken back', async () => {
  const owner = await world.patient()
  const stored = await world.store(owner, { author: doctor, warrant: await world.warrant(owner, [doctor]) })
  const body = { record: stored.commitment.recordId }
  const session = await world.connect(other)
  await assert.rejects(session.request('record.read', body), { code: 'ACCESS_DENIED' })
  const jti = newId(world.crypto, 'g')
  await world.grant(owner, world.organizations[1].hospital, { jti, scope: ['lab'] })
  assert.deepEqual((await session.request('record.read', body))['ehr'], stored.ehr)
  await assert.rejects(session.request('record.read', { ...body, purpose: 'HRESCH' }), { code: 'GRANT_SCOPE_EXCEEDED' })
  await world.revoke(owner, 'revokeGrant', jti)
  // The same session, the very next request.
  await assert.rejects(session.request('record.read', body), { code: 'GRANT_REVOKED' })
})

test('a grant for other kinds, other records, or that has ended, opens nothing', async () => {
  const reader = await world.doctor({ at: 1 })
  const session = await world.connect(reader)
  await world.grant(patient, reader, { scope: ['imaging'] })
  await assert.rejects(session.request('record.read', { record }), { code: 'GRANT_SCOPE_EXCEEDED' })
  await world.grant(patient, reader, { records: [record] })
  assert.ok(await session.request('record.read', { record }))
  const later = await world.doctor({ at: 1 })
  const nowSeconds = Math.floor(world.clock.nowMs() / 1000)
  await world.grant(patient, later, { nbf: nowSeconds - 20, exp: nowSeconds - 10 })
  await assert.rejects(read(later), { code: 'GRANT_EXPIRED' })
  const sooner = await world.doctor({ at: 1 })
  await world.grant(patient, sooner, { nbf: nowSeconds + 10, exp: nowSeconds + 20 })
  await assert.rejects(read(sooner), { code: 'GRANT_NOT_YET_VALID' })
})

test('the hospital reads what was stored under it; another one does not', async () => {
  assert.deepEqual((await read(world.hospital))['ehr'], upload.ehr)
  const entry = (await looked()).find((one) => one['actor'] === world.hospital.ref && one['kind'] === 'read')
  assert.deepEqual([entry?.['permission'], entry?.['automatic']], ['hospital', true])
  await assert.rejects(read(world.organizations[1].hospital), { code: 'ACCESS_DENIED' })
})

test('another patient reads nothing', async () => {
  await assert.rejects(read(await world.patient()), { code: 'ACCESS_DENIED' })
})

test('a device that the patient removed reads nothing, in the session that it has', async () => {
  const owner = await world.patient()
  const key = await world.addDevice(owner)
  const stored = await world.store(owner, { author: doctor, warrant: await world.warrant(owner, [doctor]) })
  const session = await world.connect(key)
  const body = { record: stored.commitment.recordId }
  assert.ok(await session.request('record.read', body))
  await world.removeKey(owner, key.key.kid)
  await assert.rejects(session.request('record.read', body), { code: 'CREDENTIAL_REJECTED' })
})

test('a doctor whose certificate was revoked is refused within five seconds', async () => {
  const leaving = await world.doctor()
  await world.grant(patient, leaving)
  const session = await world.connect(leaving)
  assert.ok(await session.request('record.read', { record }))
  const { admin } = world.organizations[0]
  await world.ledger.submit(admin, 'revokeCertificate', [leaving.certSerial, 'lost'])
  world.clock.advanceMs(5_000)
  await assert.rejects(session.request('record.read', { record }), { code: 'CREDENTIAL_REJECTED' })
})

test('an auditor reads no record: TEE_FORBIDDEN', async () => {
  const auditor = await world.auditor()
  const session = await world.connect(auditor)
  await assert.rejects(session.request('record.read', { record }), { code: 'TEE_FORBIDDEN' })
  assert.equal((await session.request('whoami'))['kind'], 'auditor')
})

test('many at once: each with its own answer, and each refusal logged', async () => {
  const owner = await world.patient()
  const foreign = await world.store(owner, { author: doctor, warrant: await world.warrant(owner, [doctor]) })
  const hidden = foreign.commitment.recordId
  const session = await world.connect(patient)
  const { results } = await session.request('record.read-many', { records: [record, hidden, record] })
  const all = results as readonly { readonly ok: boolean; readonly code?: string; readonly ehr?: Uint8Array }[]
  assert.deepEqual(
    all.map(({ ok, code }) => code ?? ok),
    [true, 'ACCESS_DENIED', true],
  )
  assert.deepEqual(all[2]?.ehr, upload.ehr)
  const [refusal] = (await looked(owner)).filter((one) => one['kind'] === 'deny')
  assert.equal(refusal?.['actor'], patient.ref)
})

test('a client that knows of a block is not answered from before it', async () => {
  const session = await world.connect(doctor)
  const { height } = world.ledger
  assert.ok(await session.request('record.read', { record, minHeight: height }))
  const ahead = { minHeight: height + 1 }
  for (const [cmd, body] of [
    ['record.read', { record }],
    ['record.read-many', { records: [record] }],
    ['record.versions', { record }],
    ['record.list', { patient: patient.ref }],
    ['record.search', { patient: patient.ref }],
  ] as const) {
    await assert.rejects(session.request(cmd, { ...body, ...ahead }), { code: 'ENDORSEMENT_STALE' }, cmd)
  }
})

test('no ledger, no plaintext: LEDGER_UNAVAILABLE', async () => {
  const session = await world.connect(doctor)
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'need') await world.request('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    else await honest(effect)
  }
  await assert.rejects(session.request('record.read', { record }), { code: 'LEDGER_UNAVAILABLE' })
  world.behaviour = undefined
})

test('a host that shows the ledger as it was before a revocation is not believed', async () => {
  const reader = await world.doctor({ at: 1 })
  const jti = newId(world.crypto, 'g')
  await world.grant(patient, reader, { jti })
  const before = world.ledger.snapshot()
  await world.revoke(patient, 'revokeGrant', jti)
  const session = await world.connect(reader)
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce, before)
    await world.request('endorsement', { need: effect.need, answers })
  }
  await assert.rejects(session.request('record.read', { record }), { code: 'ENDORSEMENT_STALE' })
  world.behaviour = undefined
})

test('a host that replays an answer is not believed', async () => {
  const session = await world.connect(doctor)
  let kept: Awaited<ReturnType<typeof world.ledger.endorsedRead>> | undefined
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    kept ??= await world.ledger.endorsedRead(effect.queries, effect.nonce)
    await world.request('endorsement', { need: effect.need, answers: kept })
  }
  assert.ok(await session.request('record.read', { record }))
  await assert.rejects(session.request('record.read', { record }), { code: 'ENDORSEMENT_NONCE' })
  world.behaviour = undefined
})

test('unknown commands, other members and other types are refused before anything is asked', async () => {
  const session = await world.connect(doctor)
  await assert.rejects(session.request('record.write', { record }), { code: 'TEE_UNKNOWN_COMMAND' })
  await assert.rejects(session.request('constructor'), { code: 'TEE_UNKNOWN_COMMAND' })
  await assert.rejects(session.request('record.read', { record, extra: 1 }), { code: 'MESSAGE_MALFORMED' })
  await assert.rejects(session.request('record.read', { record: 'x' }), { code: 'MESSAGE_MALFORMED' })
  await assert.rejects(session.request('record.read'), { code: 'MESSAGE_MALFORMED' })
})

test('an answer that is too large for a session record says so', async () => {
  const owner = await world.patient()
  const allowed = await world.warrant(owner, [doctor])
  const big = { ehr: encodeUtf8(JSON.stringify(observation({ note: [{ text: 'x'.repeat(3_900_000) }] }))) }
  const uploads: Upload[] = []
  for (let i = 0; i < 3; i++) uploads.push(await world.store(owner, { author: doctor, warrant: allowed, ...big }))
  const records = uploads.map(({ commitment }) => commitment.recordId)
  const session = await world.connect(owner)
  await assert.rejects(session.request('record.read-many', { records }), { code: 'RECORD_TOO_LARGE' })
  assert.deepEqual((await session.request('record.read', { record: records[0] as string }))['ehr'], uploads[0]?.ehr)
})

test('ping, whoami, checkpoint and proof need no permission', async () => {
  const session = await world.connect(await world.auditor())
  const data = new Uint8Array(1_000_000).fill(7)
  assert.deepEqual((await session.request('ping', { data }))['data'], data)
  const { checkpoint } = await session.request('checkpoint')
  const size = Number((checkpoint as string).split('\n')[1])
  const { proof } = await session.request('proof', { index: 0, size })
  assert.ok((proof as readonly Uint8Array[]).length > 0)
  await session.request('proof', { from: 1, to: size })
  await assert.rejects(session.request('proof', { index: 0, size: size + 100 }), { code: 'LOG_SIZE_INVALID' })
  await assert.rejects(session.request('proof', { index: size, size }), { code: 'LOG_SIZE_INVALID' })
  await assert.rejects(session.request('proof', { index: 0 }), { code: 'MESSAGE_MALFORMED' })
  await assert.rejects(session.request('proof', { index: 0, size, from: 1, to: 2 }), { code: 'MESSAGE_MALFORMED' })
})

test('PARTICIPANT_UNKNOWN: a doctor with an open session whom the ledger does not name any more', async () => {
  const session = await world.connect(doctor)
  await session.request('record.read', { record })
  world.clock.advanceMs(5_000)
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'need') return await honest(effect)
    const { state, height } = world.ledger.snapshot()
    const without = new Map([...state].filter(([key]) => key !== stateKeys.member(doctor.mspId, doctor.ref)))
    const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce, { state: without, height })
    await world.request('endorsement', { need: effect.need, ...plainRows(answers) })
  }
  try {
    await assert.rejects(session.request('record.read', { record }), { code: 'PARTICIPANT_UNKNOWN' })
  } finally {
    world.behaviour = undefined
  }
  world.clock.advanceMs(5_000)
  await session.request('record.read', { record })
})
