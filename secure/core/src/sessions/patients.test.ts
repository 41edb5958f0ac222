import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { kidOf } from '../../../../shared/protocol/src/jws.ts'
import { newRef } from '../../../../shared/protocol/src/ids.ts'
import { startHandshake, type SigningClientIdentity } from '../../../../shared/protocol/src/session/client.ts'
import {
  makeOrganization,
  NOW,
  openSessionWorld,
  WORLD_TIME_MS,
  type TestParticipant,
} from '../../../../testkit/src/session-world.ts'
import { SessionTable, type Now } from './table.ts'

const world = openSessionWorld()
const { crypto } = world
const hospital = world.participant('hospital')
const patient = world.patient(hospital)
const seconds = WORLD_TIME_MS / 1_000

function finish(table: SessionTable, identity: SigningClientIdentity, now: Now = NOW) {
  const pending = startHandshake(crypto)
  const unconfirmed = pending.complete(table.hello(pending.hello, 1, now), world.check, identity)
  return { unconfirmed, pending: table.finish(unconfirmed.finish, now) }
}

const newTable = (): SessionTable => new SessionTable(crypto, world.server, world.organizations)

function refuses(identity: SigningClientIdentity, now: Now = NOW): void {
  assert.throws(() => finish(newTable(), identity, now), { code: 'CREDENTIAL_REJECTED' })
}

test('a patient opens a session with the word of a hospital', () => {
  const table = newTable()
  const { unconfirmed, pending } = finish(table, patient.identity)
  assert.equal(pending.mspId, 'HospitalA')
  const { session, record } = table.completeFinish(pending, world.facts([hospital]), NOW)
  assert.deepEqual(session.client, {
    kind: 'patient',
    ref: patient.ref,
    mspId: 'HospitalA',
    kid: kidOf(crypto, patient.key.publicKey),
    emergency: false,
    hospital: hospital.ref,
  })
  assert.equal(unconfirmed.confirm(record, 0).sid, session.id)
})

test('CREDENTIAL_REJECTED: the ledger does not know the hospital, or not with this key or certificate', () => {
  const other = crypto.generateSigningKey().publicKey
  for (const facts of [
    world.facts([]),
    world.facts([hospital], { revokedSerials: new Set([hospital.serialHex]) }),
    world.facts([], { findParticipant: () => ({ isActive: false, publicKey: hospital.key.publicKey }) }),
    world.facts([], { findParticipant: () => ({ isActive: true, publicKey: other }) }),
  ]) {
    const table = newTable()
    const { pending } = finish(table, patient.identity)
    assert.throws(() => table.completeFinish(pending, facts, NOW), { code: 'CREDENTIAL_REJECTED' })
  }
})

test('CREDENTIAL_REJECTED: the credential of another patient', () => {
  refuses({ ...patient.identity, ref: newRef(crypto, 'p') })
  refuses({ ...patient.identity, ref: hospital.ref })
})

test('CREDENTIAL_REJECTED: a word that is not a hospital’s', () => {
  const asIssuer = (issuer: TestParticipant): SigningClientIdentity => world.patient(issuer).identity
  const ref = hospital.ref
  refuses(asIssuer(world.participant('doctor', { ref })))
  refuses(asIssuer(world.participant('hospital', { ref, attributes: { 'trusthealth.role': 'hospital' } })))
  refuses(asIssuer(world.participant('hospital', { organization: makeOrganization(crypto, 'HospitalA') })))
  refuses(asIssuer(world.participant('hospital', { notAfterMs: WORLD_TIME_MS - 1_000 })))
  // The certificate of one hospital, the name of another.
  refuses(world.patient(hospital, { claims: { iss: newRef(crypto, 'h') } }).identity)
})

test('CREDENTIAL_REJECTED: a credential whose time is over or whose key is none', () => {
  refuses(world.patient(hospital, { claims: { iat: seconds - 10, exp: seconds } }).identity)
  refuses(world.patient(hospital, { claims: { publicKey: encodeBase64url(new Uint8Array(65).fill(4)) } }).identity)
})

test('CREDENTIAL_REJECTED: a changed statement', () => {
  const { credential } = patient.identity
  assert.ok(credential.kind === 'patient')
  const [header, , signature] = credential.jws.split('.') as [string, string, string]
  const other = world.patient(hospital)
  assert.ok(other.identity.credential.kind === 'patient')
  const payload = other.identity.credential.jws.split('.')[1]
  const jws = `${header}.${payload}.${signature}`
  refuses({ ...other.identity, credential: { kind: 'patient', jws } })
})

test('SESSION_CLIENT_SIGNATURE: the credential without its key', () => {
  const thief = crypto.generateSigningKey()
  const identity = { ...patient.identity, sign: (message: Uint8Array) => crypto.sign(thief, message) }
  assert.throws(() => finish(newTable(), identity), { code: 'SESSION_CLIENT_SIGNATURE' })
})

test('a session does not outlive its credential', () => {
  const table = newTable()
  const short = world.patient(hospital, { claims: { exp: seconds + 60 } })
  const { unconfirmed, pending } = finish(table, short.identity)
  const { session, record } = table.completeFinish(pending, world.facts([hospital]), NOW)
  assert.equal(session.expiresMs, NOW.monotonicMs + 60_000)
  const { frame } = unconfirmed.confirm(record, 0).sealRequest({ cmd: 'ping' }, 0)
  assert.throws(() => table.openRecord(frame, { ...NOW, monotonicMs: NOW.monotonicMs + 60_000 }), {
    code: 'SESSION_EXPIRED',
  })
  const late = finish(table, short.identity).pending
  const after = { ...NOW, unixMs: WORLD_TIME_MS + 60_000 }
  assert.throws(() => table.completeFinish(late, world.facts([hospital]), after), { code: 'CREDENTIAL_REJECTED' })
})
