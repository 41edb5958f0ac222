/** What is refused before a function of the contract runs, whoever carried the call here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { CONTRACT_FUNCTIONS, type Role, stateKeys } from '../../../shared/ledger-model/src/index.ts'
import { type MspId, newRef, type ParticipantRef, type TxId } from '../../../shared/protocol/src/index.ts'
import { createConsortium, issueCertificate, type TestOrganization } from '../../../testkit/src/consortium.ts'
import type { Caller } from './call.ts'
import { runFunction } from './run.ts'

const crypto = createNodeCrypto()
const mspId = 'OrgA' as MspId
const serial = '1f'
const patient = newRef(crypto, 'p')

/** @param there keys with a value. */
function run(
  caller: Partial<Caller>,
  fn: string,
  args: readonly string[],
  there: Readonly<Record<string, object>> = {},
  timeMs = 1,
) {
  const none = () => Promise.reject(new Error('not implemented here'))
  const get = (key: string) => Promise.resolve(Object.hasOwn(there, key) ? JSON.stringify(there[key]) : undefined)
  const state = { get, getSteady: get, put: none, add: none, delete: none, range: none, history: none }
  const whole: Caller = { mspId, role: undefined, ref: undefined, certSerial: serial, ...caller }
  return runFunction({ crypto, state, tx: { txId: 'ab'.repeat(32) as TxId, timeMs, caller: whole } }, fn, args)
}

test('refused: a function that the contract does not have, also one that every object has', async () => {
  for (const fn of ['', 'drop', 'constructor', 'toString', '__proto__']) {
    await assert.rejects(run({}, fn, []), { code: 'LEDGER_UNKNOWN_FUNCTION' }, fn)
  }
})

test('refused: fewer arguments, and more', async () => {
  for (const args of [[], [patient, patient]]) {
    await assert.rejects(run({}, 'query', args), { code: 'LEDGER_BAD_ARGUMENT' })
  }
  await assert.rejects(run({}, 'query', [patient]), { code: 'PATIENT_NOT_FOUND' })
})

test('refused: any function for a certificate that its organisation revoked, and for no other', async () => {
  const there = { [stateKeys.revokedCertificate(mspId, serial)]: {} }
  const refused = { code: 'LEDGER_IDENTITY_REJECTED' }
  await assert.rejects(run({}, 'query', [patient], there), refused)
  await assert.rejects(run({ certSerial: '2f' }, 'query', [patient], there), { code: 'PATIENT_NOT_FOUND' })
  await assert.rejects(run({ mspId: 'OrgB' as MspId }, 'query', [patient], there), { code: 'PATIENT_NOT_FOUND' })
})

test('refused: every function that has roles for every other role and for members without one', async () => {
  const roles: readonly (Role | undefined)[] = ['admin', 'hospital', 'doctor', 'auditor', 'server', undefined]
  let refused = 0
  for (const [fn, row] of Object.entries(CONTRACT_FUNCTIONS)) {
    if (row.roles === 'members') continue
    const may: readonly (Role | undefined)[] = row.roles
    for (const role of roles.filter((one) => !may.includes(one))) {
      const args = row.args.map(() => 'x')
      await assert.rejects(run({ role }, fn, args), { code: 'LEDGER_FORBIDDEN' }, `${fn} for ${role}`)
      refused++
    }
    for (const role of may) {
      const allowed = run(
        { role },
        fn,
        row.args.map(() => 'x'),
      )
      await assert.rejects(
        allowed,
        ({ code }: { code?: string }) => code !== 'LEDGER_FORBIDDEN' || fn === 'registerParticipant',
      )
    }
  }
  assert.ok(refused > 40)
})

test('refused: a caller whose certificate has a role and no reference, or another’s', async () => {
  const ref = newRef(crypto, 'h') as ParticipantRef
  const record = { ref, kind: 'hospital', mspId, status: 'active' }
  const there = (change: object = {}) => ({ [stateKeys.participant(ref)]: { ...record, ...change } })
  const create = [patient, '1', 'active', 'lab', 'ab'.repeat(32), JSON.stringify([ref])]
  const by = (caller: Partial<Caller>, change?: object) =>
    run({ role: 'hospital', ref, ...caller }, 'create', create, there(change))
  await assert.rejects(by({}), { message: 'not implemented here' })
  await assert.rejects(by({ ref: undefined }), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(by({}, { kind: 'doctor' }), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(by({}, { mspId: 'OrgB' }), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(by({}, { status: 'suspended' }), { code: 'PARTICIPANT_SUSPENDED' })
  await assert.rejects(by({ ref: newRef(crypto, 'h') }), { code: 'PARTICIPANT_UNKNOWN' })
})

test('refused: a doctor of a hospital that is suspended, or that is not of the doctor’s organisation', async () => {
  const [doctor, hospital] = [newRef(crypto, 'd'), newRef(crypto, 'h')]
  const create = [patient, '1', 'active', 'lab', 'ab'.repeat(32), JSON.stringify([hospital])]
  const by = (change: object) =>
    run({ role: 'doctor', ref: doctor }, 'create', create, {
      [stateKeys.participant(doctor)]: { ref: doctor, kind: 'doctor', mspId, status: 'active' },
      [stateKeys.participant(hospital)]: { ref: hospital, kind: 'hospital', mspId, status: 'active', ...change },
    })
  await assert.rejects(by({}), { message: 'not implemented here' })
  await assert.rejects(by({ status: 'suspended' }), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(by({ mspId: 'OrgB' }), { code: 'LEDGER_FORBIDDEN' })
})

test('refused: a checkpoint of a server whose certificate is not yet in force, has ended or was revoked', async () => {
  const { authority } = (await createConsortium({ names: [mspId] })).organizations[0] as TestOrganization
  const [fromMs, toMs] = [Date.UTC(2030, 0, 1), Date.UTC(2031, 0, 1)]
  const server = await issueCertificate(authority, 'server', { notBeforeMs: fromMs, notAfterMs: toMs })
  const record = {
    ref: server.ref,
    kind: 'server',
    mspId,
    status: 'active',
    publicKey: encodeBase64url(server.signingKey.publicKey),
    certSerial: server.certSerial,
    server: { certificate: encodeBase64url(server.cert) },
  }
  const anchor = [server.ref, 'not a note\n', '1', encodeBase64url(new Uint8Array(64))]
  const at = (timeMs: number, there: Readonly<Record<string, object>> = {}) =>
    run({}, 'anchorCheckpoint', anchor, { [stateKeys.participant(server.ref)]: record, ...there }, timeMs)
  for (const timeMs of [fromMs, toMs]) await assert.rejects(at(timeMs), { code: 'CHECKPOINT_INVALID' })
  const refused = { code: 'LEDGER_IDENTITY_REJECTED' }
  for (const timeMs of [fromMs - 1, toMs + 1]) await assert.rejects(at(timeMs), refused)
  await assert.rejects(at(fromMs, { [stateKeys.revokedCertificate(mspId, server.certSerial)]: {} }), refused)
})
