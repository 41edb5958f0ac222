import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeCbor, encodeCbor, type CborValue } from '../../../../shared/protocol/src/cbor.ts'
import { startHandshake, type SigningClientIdentity } from '../../../../shared/protocol/src/session/client.ts'
import { decodeFinish, encodeFinish, type ClientCredential } from '../../../../shared/protocol/src/session/messages.ts'
import {
  makeOrganization,
  NOW,
  openSessionWorld,
  WORLD_TIME_MS,
  type ParticipantChange,
  type TestParticipant,
} from '../../../../testkit/src/session-world.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { SessionTable } from './table.ts'

const HALF_OPEN_MS = DEFAULT_LIMITS.halfOpenMs
const world = openSessionWorld()
const { crypto } = world
const doctor = world.participant('doctor')
const newTable = (): SessionTable => new SessionTable(crypto, world.server, world.organizations)

function finishOf(table: SessionTable, identity: SigningClientIdentity, conn = 1): Uint8Array {
  const pending = startHandshake(crypto)
  return pending.complete(table.hello(pending.hello, conn, NOW), world.check, identity).finish
}

/** Whether the certificate alone is refused, before the ledger is asked. */
function refusesCertificate(role: string, change: ParticipantChange, now = NOW): void {
  const table = newTable()
  const finish = finishOf(table, world.participant(role, change).identity)
  assert.throws(() => table.finish(finish, now), { code: 'CREDENTIAL_REJECTED' })
  assert.equal(table.halfOpenSize, 0)
}

test('SESSION_UNKNOWN: no such half-open session, one whose time is over, a finish twice', () => {
  const table = newTable()
  const unknown = { code: 'SESSION_UNKNOWN' }
  const finish = finishOf(table, doctor.identity)
  assert.throws(() => newTable().finish(finish, NOW), unknown)
  assert.throws(() => table.finish(finish, { ...NOW, monotonicMs: NOW.monotonicMs + HALF_OPEN_MS }), unknown)
  const second = finishOf(table, doctor.identity)
  table.finish(second, { ...NOW, monotonicMs: NOW.monotonicMs + HALF_OPEN_MS - 1 })
  assert.throws(() => table.finish(second, NOW), unknown)
})

test('SESSION_FINISH_REJECTED: another box, another session; the half-open session stays', () => {
  const table = newTable()
  const refused = { code: 'SESSION_FINISH_REJECTED' }
  const [a, b] = [finishOf(table, doctor.identity), finishOf(table, doctor.identity)].map(decodeFinish) as [F, F]
  type F = ReturnType<typeof decodeFinish>
  assert.throws(() => table.finish(encodeFinish({ sid: a.sid, box: b.box }), NOW), refused)
  assert.throws(() => table.finish(encodeFinish({ sid: a.sid, box: new Uint8Array(16) }), NOW), refused)
  assert.equal(table.finish(encodeFinish(a), NOW).client.ref, doctor.ref)
  assert.equal(table.finish(encodeFinish(b), NOW).client.ref, doctor.ref)
})

test('identity misbinding: who did not send the hello cannot finish it in an own name', () => {
  const table = newTable()
  const victim = startHandshake(crypto)
  const reply = table.hello(victim.hello, 1, NOW)
  // The attacker has a session with the server, sees everything, and puts its own finish under the victim's id.
  const attacker = world.participant('doctor')
  const own = decodeFinish(finishOf(table, attacker.identity))
  const { finish } = victim.complete(reply, world.check, doctor.identity)
  const forged = encodeFinish({ sid: decodeFinish(finish).sid, box: own.box })
  assert.throws(() => table.finish(forged, NOW), { code: 'SESSION_FINISH_REJECTED' })
  assert.equal(table.finish(finish, NOW).client.ref, doctor.ref)
})

test('SESSION_CLIENT_SIGNATURE: another key, a signature of another session, other bytes', () => {
  const refused = { code: 'SESSION_CLIENT_SIGNATURE' }
  const table = newTable()
  const thief = crypto.generateSigningKey()
  const stolen = { ...doctor.identity, sign: (message: Uint8Array) => crypto.sign(thief, message) }
  assert.throws(() => table.finish(finishOf(table, stolen), NOW), refused)
  let signature: Uint8Array = new Uint8Array(64)
  finishOf(table, { ...doctor.identity, sign: (message) => (signature = crypto.sign(doctor.key, message)) })
  assert.throws(() => table.finish(finishOf(table, { ...doctor.identity, sign: () => signature }), NOW), refused)
  assert.throws(
    () => table.finish(finishOf(table, { ...doctor.identity, sign: () => new Uint8Array(64) }), NOW),
    refused,
  )
})

test('SESSION_CLIENT_SIGNATURE: the credential is exchanged after signing', () => {
  // Two certificates for one key and one name: the signature is over the one that was shown.
  const again = world.participant('doctor', { ref: doctor.ref, key: doctor.key })
  const table = newTable()
  const pending = startHandshake(crypto)
  const identity: { ref: typeof doctor.ref; credential: ClientCredential } = { ...doctor.identity }
  const checked = pending.checkServer(table.hello(pending.hello, 1, NOW), world.check, identity)
  const signature = doctor.identity.sign(checked.toBeSigned)
  identity.credential = again.identity.credential
  const { finish } = checked.finishWith(signature)
  assert.throws(() => table.finish(finish, NOW), { code: 'SESSION_CLIENT_SIGNATURE' })
})

test('a finish that opened is used up, whatever was in it', () => {
  const table = newTable()
  const finish = finishOf(table, { ...doctor.identity, sign: () => new Uint8Array(64) })
  assert.throws(() => table.finish(finish, NOW), { code: 'SESSION_CLIENT_SIGNATURE' })
  assert.throws(() => table.finish(finish, NOW), { code: 'SESSION_UNKNOWN' })
})

test('CREDENTIAL_REJECTED: the name of somebody else', () => {
  const table = newTable()
  const other = world.participant('doctor')
  const finish = finishOf(table, { ...doctor.identity, ref: other.ref })
  assert.throws(() => table.finish(finish, NOW), { code: 'CREDENTIAL_REJECTED' })
})

test('CREDENTIAL_REJECTED: a certificate of nobody we know', () => {
  refusesCertificate('doctor', { organization: makeOrganization(crypto, 'HospitalC') })
  // The right name and the wrong key of the root.
  refusesCertificate('doctor', { organization: makeOrganization(crypto, 'HospitalA') })
})

test('CREDENTIAL_REJECTED: a certificate outside its time, now or when it is looked at again', () => {
  refusesCertificate('doctor', { notBeforeMs: WORLD_TIME_MS + 1_000 })
  refusesCertificate('doctor', { notAfterMs: WORLD_TIME_MS - 1_000 })
  const table = newTable()
  const short = world.participant('doctor', { notAfterMs: WORLD_TIME_MS + 2_000 })
  table.finish(finishOf(table, short.identity), NOW)
  const later = { ...NOW, unixMs: WORLD_TIME_MS + 3_000 }
  const finish = finishOf(table, short.identity)
  assert.throws(() => table.finish(finish, later), { code: 'CREDENTIAL_REJECTED' })
})

test('CREDENTIAL_REJECTED: roles that open no sessions, and references that do not fit the role', () => {
  const ref = doctor.ref
  const attributes = (role: string | undefined, named: string | undefined): ParticipantChange => ({
    ref,
    attributes: {
      ...(role === undefined ? {} : { 'trusthealth.role': role }),
      ...(named === undefined ? {} : { 'trusthealth.ref': named }),
    },
  })
  refusesCertificate('server', { ref: ref })
  refusesCertificate('admin', { ref: ref })
  refusesCertificate('doctor', attributes(undefined, ref))
  refusesCertificate('doctor', attributes('patient', ref))
  refusesCertificate('doctor', attributes('__proto__', ref))
  refusesCertificate('doctor', attributes('doctor', undefined))
  refusesCertificate('doctor', attributes('hospital', ref))
  refusesCertificate('doctor', attributes('auditor', ref))
})

test('CREDENTIAL_REJECTED: a CA, a certificate that may not sign, bytes that are none', () => {
  refusesCertificate('doctor', { ca: {} })
  refusesCertificate('doctor', { keyUsage: 0x04 })
  const table = newTable()
  const finish = finishOf(table, { ...doctor.identity, credential: { kind: 'x509', chain: [new Uint8Array(99)] } })
  assert.throws(() => table.finish(finish, NOW), { code: 'CREDENTIAL_REJECTED' })
})

test('CREDENTIAL_REJECTED: a replica is no client, whatever evidence it shows', () => {
  const table = newTable()
  const credential = { kind: 'replica', key: doctor.key.publicKey, evidence: 'a.b.c' } as unknown as ClientCredential
  assert.throws(() => table.finish(finishOf(table, { ...doctor.identity, credential }), NOW), {
    code: 'CREDENTIAL_REJECTED',
  })
})

test('MESSAGE_MALFORMED: a credential of another kind, too many certificates', () => {
  const refused = { code: 'MESSAGE_MALFORMED' }
  const table = newTable()
  const withCredential = (credential: unknown): Uint8Array =>
    finishOf(table, { ...doctor.identity, credential: credential as ClientCredential })
  const four = Array(4).fill(doctor.certificate)
  assert.throws(() => table.finish(withCredential({ kind: 'x509', chain: four }), NOW), refused)
  assert.throws(() => table.finish(withCredential({ kind: 'x509', chain: [] }), NOW), refused)
  assert.throws(() => table.finish(withCredential({ kind: 'none' }), NOW), refused)
  const finish = decodeCbor(finishOf(table, doctor.identity)) as Record<string, CborValue>
  assert.throws(() => table.finish(encodeCbor({ ...finish, extra: 1 }), NOW), refused)
})

test('CREDENTIAL_REJECTED: what the ledger says of the participant decides', () => {
  const refused = { code: 'CREDENTIAL_REJECTED' }
  const refusesFacts = (participant: TestParticipant, facts: ReturnType<typeof world.facts>): void => {
    const table = newTable()
    const pending = table.finish(finishOf(table, participant.identity), NOW)
    assert.throws(() => table.completeFinish(pending, facts, NOW), refused)
    assert.equal(table.size, 0)
    assert.throws(() => table.completeFinish(pending, world.facts([participant]), NOW), TypeError)
  }
  const publicKey = doctor.key.publicKey
  refusesFacts(doctor, world.facts([]))
  refusesFacts(doctor, world.facts([], { findParticipant: () => ({ isActive: false, publicKey }) }))
  const other = crypto.generateSigningKey().publicKey
  refusesFacts(doctor, world.facts([], { findParticipant: () => ({ isActive: true, publicKey: other }) }))
  refusesFacts(doctor, world.facts([doctor], { revokedSerials: new Set([doctor.serialHex]) }))
})

test('a finish is completed once, with the facts of its own organisation', () => {
  const table = newTable()
  const first = table.finish(finishOf(table, doctor.identity), NOW)
  table.completeFinish(first, world.facts([doctor]), NOW)
  assert.throws(() => table.completeFinish(first, world.facts([doctor]), NOW), TypeError)
  const ofB = world.participant('doctor', { organization: world.organizations[1] })
  const second = table.finish(finishOf(table, ofB.identity), NOW)
  assert.equal(second.mspId, 'HospitalB')
  assert.throws(() => table.completeFinish(second, world.facts([ofB]), NOW), TypeError)
})

test('reflection: the server does not take its own reply as a finish, nor a hello', () => {
  const table = newTable()
  const pending = startHandshake(crypto)
  const reply = table.hello(pending.hello, 1, NOW)
  assert.throws(() => table.finish(reply, NOW), { code: 'MESSAGE_MALFORMED' })
  assert.throws(() => table.finish(pending.hello, NOW), { code: 'MESSAGE_MALFORMED' })
})

test('a replayed hello gets another session, which the replayer cannot finish', () => {
  const table = newTable()
  const pending = startHandshake(crypto)
  const first = table.hello(pending.hello, 1, NOW)
  const second = table.hello(pending.hello, 2, NOW)
  assert.notDeepEqual(first, second)
  const { finish } = pending.complete(first, world.check, doctor.identity)
  assert.equal(table.finish(finish, NOW).client.ref, doctor.ref)
  assert.throws(() => table.finish(finish, NOW), { code: 'SESSION_UNKNOWN' })
  assert.equal(table.halfOpenSize, 1)
})

test('any changed byte of a finish is refused', () => {
  const table = newTable()
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (place, flip) => {
      const finish = finishOf(table, doctor.identity)
      const at = place % finish.length
      finish[at] = (finish[at] as number) ^ flip
      assert.throws(
        () => table.finish(finish, NOW),
        (error: { code?: string }) =>
          /^(SESSION_UNKNOWN|SESSION_FINISH_REJECTED|CBOR_MALFORMED|MESSAGE_MALFORMED)$/.test(error.code ?? ''),
      )
    }),
    { numRuns: 300 },
  )
})
