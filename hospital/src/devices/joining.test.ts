/** Further devices and members of staff, each with the clients that people have. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  approveHandover,
  approvePatientJoin,
  approveStaffJoin,
  askToJoin,
  createDeviceLink,
  createKeys,
  DoctorClient,
  joinDigits,
  openHandover,
  parseDeviceLink,
  PatientClient,
  signerOf,
  type HospitalApi,
  type JoinState,
  type RequestSigner,
} from '../../../clients/sdk/src/index.ts'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { newRef } from '../../../shared/protocol/src/index.ts'
import { hospitalApi } from '../../../testkit/src/world/people.ts'
import {
  labResult,
  openTestWorld,
  participantOptions,
  register,
  type TestWorld,
} from '../../../testkit/src/world/index.ts'
import { certify } from '../../../testkit/src/world/by-hand.ts'

let world: TestWorld
let api: HospitalApi

before(async () => {
  world = await openTestWorld()
  api = hospitalApi(world.surroundings('a'))
})

after(() => world.close())

function device(label = 'browser') {
  const keys = createKeys(world.crypto)
  const signer = signerOf(world.crypto, keys.signingKey)
  return { keys, signer, label, sealKey: keys.sealKey.publicKey }
}

function approved(state: JoinState) {
  assert.equal(state.state, 'approved')
  return state.state === 'approved' ? state.joined : assert.fail()
}

async function staffMember(name: string, roles: readonly ('front-desk' | 'administrator' | 'technical' | 'records')[]) {
  const hospital = world.hospital('a')
  const { code } = await hospital.invite({ kind: 'staff', name, roles })
  const own = device('desk')
  const registered = await api.registerStaff(code, own.label, own.signer, own.sealKey)
  return { ...registered, code, own, as: { ref: registered.ref, signer: own.signer } as RequestSigner }
}

test("a patient's browser joins: its own key, signed for by the first device, opens records", async () => {
  const bob = await world.patient('Bob')
  const link = await createDeviceLink(world.crypto, api, bob.requestSigner)
  assert.deepEqual(await api.codeUse(link.code), { purpose: 'device', kind: 'patient', name: 'Bob' })
  const parsed = parseDeviceLink(link.text.replace(/(.{4})/g, '$1-').toLowerCase())
  const browser = device()
  assert.deepEqual(await askToJoin(world.crypto, api, parsed, browser), { state: 'waiting' })
  const [join] = await api.waitingJoins(bob.requestSigner)
  assert.ok(join)
  const own = { publicKey: browser.signer.publicKey, sealKey: browser.sealKey }
  assert.equal(joinDigits(world.crypto, link.secret, join), joinDigits(world.crypto, parsed.secret, own))
  await assert.rejects(api.approveJoin(bob.requestSigner, join.id), { code: 'KEY_UNKNOWN' })
  await approvePatientJoin(bob, link, join)
  const joined = approved(await askToJoin(world.crypto, api, parsed, browser))
  assert.ok(joined.kind === 'patient' && joined.ref === bob.ref)
  const again = new PatientClient({
    ...bob.options,
    transport: world.transport(),
    identity: {
      ...bob.identity,
      signer: browser.signer,
      sealKey: browser.keys.sealKey,
      credential: { kind: 'patient', jws: joined.credential },
    },
  })
  assert.deepEqual((await again.list(bob.ref)).items, [])
  assert.equal((await again.keys()).length, 2)
  again.close()
})

test('who comes with the code but without the secret is not let in, and nobody takes the place of the first', async () => {
  const bob = await world.patient('Bob')
  const link = await createDeviceLink(world.crypto, api, bob.requestSigner)
  const thief = device('thief')
  await askToJoin(world.crypto, api, { code: link.code, secret: 'AAAAAAAAAAAAAAAA' }, thief)
  const [join] = await api.waitingJoins(bob.requestSigner)
  assert.ok(join)
  await assert.rejects(approvePatientJoin(bob, link, join), { code: 'REQUEST_REJECTED' })
  await assert.rejects(askToJoin(world.crypto, api, link, device()), { code: 'INVITATION_UNKNOWN' })
  await api.refuseJoin(bob.requestSigner, join.id)
  const state = await askToJoin(world.crypto, api, { code: link.code, secret: 'AAAAAAAAAAAAAAAA' }, thief)
  assert.deepEqual(state, { state: 'refused' })
})

test('a code ends, is for one person, and needs the key that comes with it', async () => {
  const bob = await world.patient('Bob')
  const link = await createDeviceLink(world.crypto, api, bob.requestSigner, 60)
  const browser = device()
  const other = signerOf(world.crypto, createKeys(world.crypto).signingKey)
  const liar = { ...browser, signer: { ...browser.signer, sign: (message: Uint8Array) => other.sign(message) } }
  await assert.rejects(askToJoin(world.crypto, api, link, liar), { code: 'REQUEST_REJECTED' })
  await askToJoin(world.crypto, api, link, browser)
  const carla = await world.patient('Carla')
  assert.deepEqual(await api.waitingJoins(carla.requestSigner), [])
  const [join] = await api.waitingJoins(bob.requestSigner)
  await assert.rejects(api.refuseJoin(carla.requestSigner, join?.id ?? ''), { code: 'INVITATION_UNKNOWN' })
  world.clock.advanceMs(61_000)
  await assert.rejects(askToJoin(world.crypto, api, link, browser), { code: 'INVITATION_UNKNOWN' })
  await assert.rejects(api.codeUse(link.code), { code: 'INVITATION_UNKNOWN' })
  assert.throws(() => parseDeviceLink('no link'), { code: 'INVITATION_UNKNOWN' })
})

test("a doctor's key moves sealed to the browser, which then acts as the doctor", async () => {
  const alice = await world.doctor('Alice')
  const { signer, credential } = alice.identity
  const { keys } = await world.keysOf('Alice')
  const chain = credential.kind === 'x509' ? credential.chain : []
  const link = await createDeviceLink(world.crypto, api, alice.requestSigner)
  const browser = device()
  await askToJoin(world.crypto, api, link, browser)
  const [join] = await api.waitingJoins(alice.requestSigner)
  assert.ok(join)
  await assert.rejects(api.approveJoin(alice.requestSigner, join.id), { code: 'HTTP_BAD_REQUEST' })
  await approveHandover(world.crypto, api, alice.requestSigner, link, join, { keys, chain })
  const joined = approved(await askToJoin(world.crypto, api, link, browser))
  assert.ok(joined.kind === 'practitioner')
  const handover = openHandover(world.crypto, browser.keys.sealKey, joined.ref, joined.handover)
  assert.deepEqual(world.crypto.importSigningKey(handover.signingKey).publicKey, signer.publicKey)
  assert.deepEqual(handover.chain, chain)
  const wrong = createKeys(world.crypto).sealKey
  assert.throws(() => openHandover(world.crypto, wrong, joined.ref, joined.handover), { code: 'ENVELOPE_REJECTED' })
})

test('a member of staff registers an own key, does what the role says, and adds a browser', async () => {
  const maria = await staffMember('Maria Ruiz', ['front-desk'])
  const who = await api.whoAmI(maria.as)
  assert.deepEqual([who.role, who.name, who.staff?.roles], ['staff', 'Maria Ruiz', ['front-desk']])
  assert.equal((await api.invite(maria.as, { kind: 'patient', name: 'Emi' })).code.length, 12)
  const forbidden = { code: 'TEE_FORBIDDEN' }
  await assert.rejects(api.invite(maria.as, { kind: 'staff', name: 'x', roles: ['administrator'] }), forbidden)
  await assert.rejects(api.staff(maria.as), forbidden)
  const bob = await world.patient('Bob')
  await assert.rejects(api.treatmentKeys(maria.as, bob.ref), { code: 'ACCESS_DENIED' })
  await assert.rejects(api.registerStaff(maria.code, 'again', device().signer, maria.own.sealKey), {
    code: 'INVITATION_UNKNOWN',
  })

  const link = await createDeviceLink(world.crypto, api, maria.as)
  const browser = device()
  await askToJoin(world.crypto, api, link, browser)
  const [join] = await api.waitingJoins(maria.as)
  assert.ok(join)
  await approveStaffJoin(world.crypto, api, maria.as, link, join)
  const joined = approved(await askToJoin(world.crypto, api, link, browser))
  assert.ok(joined.kind === 'staff' && joined.id === maria.id)
  const second = { ref: maria.ref, signer: browser.signer }
  assert.equal((await api.whoAmI(second)).staff?.id, maria.id)
  await api.removeStaffKey(second, maria.id, browser.signer.kid)
  await assert.rejects(api.whoAmI(second), { code: 'REQUEST_REJECTED' })
  assert.equal((await api.whoAmI(maria.as)).staff?.id, maria.id)
})

test('the code of a member of staff registers no patient, and the other way round', async () => {
  const hospital = world.hospital('a')
  const one = device()
  const staff = await hospital.invite({ kind: 'staff', name: 'x', roles: ['technical'] })
  await assert.rejects(api.register(staff.code, 'phone', one.signer, one.sealKey), { code: 'INVITATION_UNKNOWN' })
  const patient = await hospital.invite({ kind: 'patient', name: 'y' })
  await assert.rejects(api.registerStaff(patient.code, 'desk', one.signer, one.sealKey), { code: 'INVITATION_UNKNOWN' })
})

test('a patient who lost every key gets a new one when two members of staff say who it is; the old one ends', async () => {
  const dan = await world.patient('Dan')
  const [maria, jo] = [await staffMember('Maria', ['front-desk']), await staffMember('Jo', ['front-desk'])]
  const technical = await staffMember('Tech', ['technical'])
  await assert.rejects(api.confirmRekey(technical.as, dan.ref), { code: 'TEE_FORBIDDEN' })
  assert.equal((await api.confirmRekey(maria.as, dan.ref)).state, 'waiting')
  assert.equal((await api.confirmRekey(maria.as, dan.ref)).state, 'waiting')
  const waitingFor = async (who: typeof maria) =>
    (await api.waitingRekeys(who.as)).map(({ name, checkedBy, isOwn }) => [name, checkedBy, isOwn])
  assert.deepEqual(await waitingFor(maria), [['Dan', 'Maria', true]])
  assert.deepEqual(await waitingFor(jo), [['Dan', 'Maria', false]])
  await assert.rejects(api.waitingRekeys(technical.as), { code: 'TEE_FORBIDDEN' })
  const ready = await api.confirmRekey(jo.as, dan.ref)
  assert.ok(ready.state === 'ready')
  assert.deepEqual(await waitingFor(maria), [])
  const phone = device('new phone')
  const registered = await api.register(ready.code, phone.label, phone.signer, phone.sealKey)
  assert.ok(registered.kind === 'patient' && registered.ref === dan.ref)
  await assert.rejects(api.whoAmI(dan.requestSigner), { code: 'REQUEST_REJECTED' })
  assert.equal((await api.whoAmI({ ref: dan.ref, signer: phone.signer })).ref, dan.ref)
  const versions = registered.treatmentKeys.map(({ version }) => version)
  assert.deepEqual(versions, [1, 2])
})

test('a doctor who lost the key gets a certificate for a new one; the old one is revoked, and the record server knows', async () => {
  const eve = await world.doctor('Eve')
  const bob = await world.patient('Bob')
  const { warrant } = await world.permit(bob, [eve])
  const { recordId } = await eve.store({ patient: bob.ref, warrant, ehr: labResult(47) })
  const [maria, jo] = [await staffMember('Maria', ['front-desk']), await staffMember('Jo', ['front-desk'])]
  const technical = await staffMember('Tech', ['technical'])
  await assert.rejects(api.confirmRekey(technical.as, eve.ref), { code: 'TEE_FORBIDDEN' })
  await assert.rejects(api.confirmRekey(eve.requestSigner, eve.ref), { code: 'TEE_FORBIDDEN' })
  const stranger = newRef(world.crypto, 'd')
  await assert.rejects(api.confirmRekey(maria.as, stranger), { code: 'PARTICIPANT_UNKNOWN' })
  assert.equal((await api.confirmRekey(maria.as, eve.ref)).state, 'waiting')
  const [waiting] = await api.waitingRekeys(maria.as)
  assert.deepEqual([waiting?.person, waiting?.name, waiting?.isOwn], [eve.ref, 'Eve', true])
  assert.equal((await api.confirmRekey(maria.as, eve.ref)).state, 'waiting')
  const ready = await api.confirmRekey(jo.as, eve.ref)
  assert.ok(ready.state === 'ready')
  assert.deepEqual(await api.codeUse(ready.code), { purpose: 'registration', kind: 'practitioner', name: 'Eve' })
  const surroundings = world.surroundings('a')
  const invited = { invite: () => Promise.resolve({ code: ready.code }) }
  const { identity } = await register(surroundings, invited, { kind: 'practitioner', name: 'not used' })
  assert.equal(identity.ref, eve.ref)
  const again = new DoctorClient(participantOptions(surroundings, identity))
  after(() => again.close())
  // What she could do she can do, what she wrote is hers.
  assert.equal((await again.read(recordId)).author, eve.ref)
  await again.store({ patient: bob.ref, warrant, ehr: labResult(48) })
  // Who has the old key is nobody, here and at the record server, also in the session that was open.
  await assert.rejects(api.whoAmI(eve.requestSigner), { code: 'REQUEST_REJECTED' })
  world.clock.advanceMs(6_000)
  await assert.rejects(eve.read(recordId), { code: 'CREDENTIAL_REJECTED' })
  await assert.rejects(api.register(ready.code, 'x', device().signer, device().sealKey), { code: 'INVITATION_UNKNOWN' })
})

test('two requests with one code register one patient', async () => {
  const { code } = await world.hospital('a').invite({ kind: 'patient', name: 'Twin' })
  const [one, two] = [device(), device()]
  const results = await Promise.allSettled(
    [one, two].map(({ signer, sealKey }) => api.register(code, 'phone', signer, sealKey)),
  )
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('an auditor of the ledger reads blocks here and nothing of people', async () => {
  const { identity } = await certify(world, 'auditor', { registered: true })
  const sam = { ref: identity.ref, signer: identity.signer }
  assert.equal((await api.whoAmI(sam)).role, 'auditor')
  const forbidden = { code: 'TEE_FORBIDDEN' }
  await assert.rejects(api.practitioners(sam), forbidden)
  await assert.rejects(api.patients(sam), forbidden)
  await assert.rejects(api.submitStatement(sam, 'grant', 'x'), forbidden)
  const unregistered = await certify(world, 'auditor')
  const stranger = { ref: unregistered.identity.ref, signer: unregistered.identity.signer }
  await assert.rejects(api.whoAmI(stranger), { code: 'REQUEST_REJECTED' })
})

test('who guesses codes is stopped', async () => {
  const { hospitalUrl } = world.surroundings('b')
  const guess = async () => {
    const body = JSON.stringify({ code: encodeBase64url(world.crypto.randomBytes(9)) })
    const headers = { 'content-type': 'application/json' }
    return (await fetch(`${hospitalUrl}/v1/codes`, { method: 'POST', headers, body })).status
  }
  const statuses = []
  for (let i = 0; i < 21; i++) statuses.push(await guess())
  assert.deepEqual([...new Set(statuses.slice(0, 20))], [403])
  assert.equal(statuses[20], 429)
})
