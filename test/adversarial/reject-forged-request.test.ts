/**
 * The hospital's service takes requests only from whom it registered, each once, as it was signed; codes once; and gives
 * nobody what is of somebody else. docs/protocol/02 §2.6, 03 §3.2, §3.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createKeys, HospitalApi, signerOf, signWith, type Identity } from '../../clients/sdk/src/index.ts'
import { encodeBase64url, encodeUtf8 } from '../../shared/crypto/src/index.ts'
import {
  commitmentToJson,
  issueWarrant,
  makeWarrantRecord,
  newId,
  parseWarrant,
  requestStatement,
  sealEnvelope,
  type RequestStatement,
} from '../../shared/protocol/src/index.ts'
import { openScene, refusedWith, register, sealedBy, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

interface Request {
  readonly method?: 'GET' | 'POST'
  readonly path?: string
  readonly body?: string
  /** What the statement says instead. */
  readonly says?: Partial<RequestStatement>
  readonly by?: Identity
  readonly typ?: Parameters<typeof signWith>[1]
}

/** Signs by hand what the honest client would, but for what is changed. */
async function signed({ method = 'GET', path = '/v1/appointments', body = '', says, by, typ }: Request) {
  const { crypto, clock } = scene.world
  const { ref, signer } = by ?? scene.bob.identity
  const payload = requestStatement(crypto, { iss: ref, method, path }, encodeUtf8(body), clock.nowMs())
  return `TrustHealth ${await signWith(signer, typ ?? 'trusthealth-request+jwt', { ...payload, ...says })}`
}

async function send(
  authorization: string | undefined,
  { method = 'GET', path = '/v1/appointments', body }: Request = {},
) {
  const { hospitalUrl } = scene.world.surroundings('a')
  const answer = await fetch(hospitalUrl + path, {
    method,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const { code } = (await answer.json()) as { code?: string }
  return code ?? answer.status
}

const outcome = async (request: Request) => await send(await signed(request), request)

test('an honest request is taken, once', async () => {
  const authorization = await signed({})
  assert.equal(await send(authorization), 200)
  assert.equal(await send(authorization), 'REQUEST_REJECTED')
})

test('a request for something else than was signed, of another time, or unsigned', async () => {
  const { crypto, clock } = scene.world
  const nowS = Math.floor(clock.nowMs() / 1000)
  const honest = await signed({})
  const path = `/v1/treatment-keys/${scene.bob.ref}`
  assert.equal(await send(honest, { path }), 'REQUEST_REJECTED')
  assert.equal(await send(honest, { path: '/v1/appointments?x=1' }), 'REQUEST_REJECTED')
  assert.equal(await send(undefined), 'REQUEST_REJECTED')
  assert.equal(await send('Bearer x'), 'REQUEST_REJECTED')
  assert.equal(await send('TrustHealth x.y.z'), 'REQUEST_REJECTED')
  assert.equal(await outcome({ says: { iat: nowS - 62 } }), 'REQUEST_REJECTED')
  assert.equal(await outcome({ says: { iat: nowS + 62 } }), 'REQUEST_REJECTED')
  assert.equal(await outcome({ says: { method: 'POST' } }), 'REQUEST_REJECTED')
  assert.equal(await outcome({ says: { iss: scene.alice.ref } }), 'REQUEST_REJECTED')
  assert.equal(await outcome({ typ: 'trusthealth-grant+jwt' }), 'REQUEST_REJECTED')
  const stranger = signerOf(crypto, createKeys(crypto).signingKey)
  assert.equal(await outcome({ by: { ...scene.bob.identity, signer: stranger } }), 'REQUEST_REJECTED')
  const body = JSON.stringify({ envelope: '' })
  const authorization = await signed({ method: 'POST', body })
  const other = { method: 'POST', body: JSON.stringify({ envelope: 'AAAA' }) } as const
  assert.equal(await send(authorization, other), 'REQUEST_REJECTED')
})

test('people of another hospital are strangers here', async () => {
  const omar = await scene.world.doctor('omar', { hospital: 'b' })
  assert.equal(await outcome({ by: omar.identity }), 'REQUEST_REJECTED')
})

test('a registration code serves once, for the key that proves itself, and not for ever', async () => {
  const { world } = scene
  const surroundings = world.surroundings('a')
  const staff = world.hospital('a')
  const invitation = { kind: 'patient', name: 'Eve', birthDate: '1990-01-01', identityCheckedBy: 'desk' } as const
  const { code } = await staff.invite(invitation)
  const withCode = (one: string) => register(surroundings, { invite: () => Promise.resolve({ code: one }) }, invitation)
  await withCode(code)
  await assert.rejects(withCode(code), refusedWith('INVITATION_UNKNOWN'))
  await assert.rejects(withCode('AAAAAAAAAAAA'), refusedWith('INVITATION_UNKNOWN'))
  const late = await staff.invite(invitation)
  const thief = signerOf(world.crypto, createKeys(world.crypto).signingKey)
  const liar = { ...thief, publicKey: createKeys(world.crypto).signingKey.publicKey }
  const api = new HospitalApi({ crypto: world.crypto, clock: world.clock, fetch, url: surroundings.hospitalUrl })
  const sealKey = createKeys(world.crypto).sealKey.publicKey
  await assert.rejects(api.register(late.code, 'phone', liar, sealKey), refusedWith('REQUEST_REJECTED'))
  world.clock.advanceMs(late.expiresMs - world.clock.nowMs() + 1)
  await assert.rejects(withCode(late.code), refusedWith('INVITATION_UNKNOWN'))
})

test('what is of the staff is refused to patients and doctors, and the other way round', async () => {
  const { alice, bob } = scene
  for (const path of ['/v1/patients', '/v1/status']) {
    for (const by of [bob.identity, alice.identity]) assert.equal(await outcome({ path, by }), 'TEE_FORBIDDEN')
  }
  const body = JSON.stringify({ kind: 'practitioner', name: 'Mallory', emergency: true })
  assert.equal(await outcome({ method: 'POST', path: '/v1/invitations', body, by: alice.identity }), 'TEE_FORBIDDEN')
  const envelope = JSON.stringify({ envelope: 'AAAA' })
  assert.equal(
    await outcome({ method: 'POST', path: '/v1/appointments', body: envelope, by: alice.identity }),
    'TEE_FORBIDDEN',
  )
})

test('appointments and treatment keys of somebody else are not there', async () => {
  const { world, alice, bob } = scene
  const eve = await world.patient('eve')
  const fromMs = world.clock.nowMs() + 86_400_000
  const wish = { department: 'Cardiology', fromMs, symptoms: 'tired', aux: '', doctors: [alice.ref] }
  const { appointmentId } = await bob.book(wish)
  const path = `/v1/appointments/${appointmentId}`
  assert.equal(await outcome({ path }), 200)
  assert.equal(await outcome({ path, by: eve.identity }), 'APPOINTMENT_UNKNOWN')
  assert.equal(await outcome({ path: `/v1/appointments/${newId(world.crypto, 't')}` }), 'APPOINTMENT_UNKNOWN')
  assert.equal(await outcome({ path: `/v1/treatment-keys/${bob.ref}`, by: eve.identity }), 'ACCESS_DENIED')
  const wei = await world.doctor('wei')
  assert.equal(await outcome({ path: `/v1/treatment-keys/${bob.ref}`, by: wei.identity }), 'ACCESS_DENIED')
  assert.equal(await outcome({ path: `/v1/treatment-keys/p-${'ab'.repeat(16)}` }), 'ACCESS_DENIED')
})

test('a permission and its recording must be of each other, of the sender and of this hospital', async () => {
  const { world, bob, warrant } = scene
  const { crypto } = world
  const eve = await world.patient('eve')
  const key = (await world.keysOf('bob')).keys.signingKey
  const terms = parseWarrant(warrant).payload
  const another = issueWarrant(crypto, key, { ...terms, jti: newId(crypto, 'w') })
  const elsewhere = issueWarrant(crypto, key, { ...terms, jti: newId(crypto, 'w'), hospital: world.hospitalRef('b') })
  const give = async (by: typeof bob, jws: string, recording: string) => {
    const envelope = await sealedBy(by, by.ref, encodeUtf8(jws), 'warrant')
    await by.options.hospital.recordWarrant(by.requestSigner, envelope, recording)
  }
  const mismatch = refusedWith('WARRANT_PARTY_MISMATCH')
  await assert.rejects(give(bob, another, makeWarrantRecord(crypto, key, warrant)), mismatch)
  await assert.rejects(give(bob, elsewhere, makeWarrantRecord(crypto, key, elsewhere)), mismatch)
  await assert.rejects(give(eve, another, makeWarrantRecord(crypto, key, another)), mismatch)
  const ofEve = sealEnvelope(crypto, await eve.keyring.newest(eve.ref), eve.ref, 'warrant', encodeUtf8(another))
  const swapped = bob.options.hospital.recordWarrant(bob.requestSigner, ofEve, makeWarrantRecord(crypto, key, another))
  await assert.rejects(swapped, refusedWith('ENVELOPE_REJECTED'))
  const eves = (await world.keysOf('eve')).keys.signingKey
  await assert.rejects(
    give(bob, another, makeWarrantRecord(crypto, eves, another)),
    refusedWith('WARRANT_SIGNATURE_INVALID'),
  )
})

test('a patient commits nothing; nobody relays what is no statement', async () => {
  const { bob, alice } = scene
  const { hospital } = bob.options
  await assert.rejects(
    hospital.submitStatement(bob.requestSigner, 'grant', 'no statement'),
    refusedWith('GRANT_INVALID'),
  )
  const body = JSON.stringify({ fn: 'registerParticipant', statement: '{}' })
  assert.equal(await outcome({ method: 'POST', path: '/v1/ledger/submit', body }), 'HTTP_BAD_REQUEST')
  const { commitment } = await alice.prepare({ patient: bob.ref, warrant: scene.warrant, ehr: encodeUtf8('{}') })
  const items = [commitmentToJson(commitment)]
  const commit = { signature: encodeBase64url(new Uint8Array(64)), items }
  assert.equal(
    await outcome({ method: 'POST', path: '/v1/commitments', body: JSON.stringify(commit) }),
    'MESSAGE_MALFORMED',
  )
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
