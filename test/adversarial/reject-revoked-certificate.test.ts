/**
 * A certificate that its organisation revoked, or that has ended, opens no session and signs no proposal; a key that was
 * replaced signs nothing new. docs/protocol/05 §5.6, 07 §7.1, §7.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import {
  certify,
  doctorClient,
  openScene,
  refusedWith,
  type Certified,
  type Scene,
} from '../../testkit/src/world/index.ts'

const ORGANIZATION_FACTS_MS = 5_000
const HOUR_MS = 3_600_000
let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

/** A registered doctor with a permission. */
async function certifiedDoctor(notAfterMs?: number) {
  const { world, bob, stored } = scene
  const options = notAfterMs === undefined ? {} : { notAfterMs }
  const certified = await certify(world, 'doctor', { registered: true, ...options })
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  const doctor = doctorClient(world, certified.identity)
  const { warrant } = await world.permit(bob, [doctor])
  await doctor.presentWarrant(warrant)
  await doctor.read(stored.recordId)
  return { certified, doctor }
}

const proposalBy = ({ ledger }: Certified) =>
  submitCall(scene.world.ledger.ledger, ledger, { fn: 'revokeWarrant', args: ['x'] })
const revoke = (serial: string, by: 'a' | 'b' = 'a') =>
  scene.world.submitAsAdmin(by, 'revokeCertificate', [serial, 'key-lost'])

test('a revoked certificate: the open session, a new one and the ledger refuse it', async () => {
  const { world, stored } = scene
  const { certified, doctor } = await certifiedDoctor()
  await revoke(certified.certSerial)
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  await assert.rejects(doctor.read(stored.recordId), refusedWith('CREDENTIAL_REJECTED'))
  const again = doctorClient(world, certified.identity)
  await assert.rejects(again.session.request('ping'), refusedWith('CREDENTIAL_REJECTED'))
  await assert.rejects(proposalBy(certified), refusedWith('LEDGER_IDENTITY_REJECTED'))
})

test('another organisation’s administrator revokes nothing of this one', async () => {
  const { world, stored } = scene
  const { certified, doctor } = await certifiedDoctor()
  await revoke(certified.certSerial, 'b')
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  await doctor.read(stored.recordId)
  await assert.rejects(
    submitCall(world.ledger.ledger, certified.ledger, { fn: 'revokeCertificate', args: [certified.certSerial, 'x'] }),
    refusedWith('LEDGER_FORBIDDEN'),
  )
})

test('a certificate that ends, ends the session that it opened, and opens no other', async () => {
  const { world, stored } = scene
  const { certified, doctor } = await certifiedDoctor(world.clock.nowMs() + HOUR_MS / 2)
  world.clock.advanceMs(HOUR_MS / 2)
  // The client opens a new session by itself, is refused there, and sees that its own certificate has ended.
  await assert.rejects(doctor.read(stored.recordId), refusedWith('CREDENTIAL_EXPIRED'))
  await assert.rejects(proposalBy(certified), refusedWith('LEDGER_IDENTITY_REJECTED'))
})

test('a key that was replaced opens nothing, although its certificate was not revoked', async () => {
  const { world, stored } = scene
  const { certified, doctor } = await certifiedDoctor()
  const renewed = await certify(world, 'doctor', { ref: certified.identity.ref })
  const registration = {
    ref: certified.identity.ref,
    kind: 'doctor',
    publicKey: encodeBase64url(renewed.keys.signingKey.publicKey),
    sealKey: encodeBase64url(renewed.keys.sealKey.publicKey),
    certSerial: renewed.certSerial,
    attributes: {},
  }
  await world.submitAsAdmin('a', 'renewParticipant', [JSON.stringify(registration)])
  world.clock.advanceMs(ORGANIZATION_FACTS_MS)
  await assert.rejects(doctor.read(stored.recordId), refusedWith('CREDENTIAL_REJECTED'))
  await doctorClient(world, renewed.identity).read(stored.recordId)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
