/**
 * A doctor whose certificate stands on the revocation list of the organisation's MSP, while everything runs on a network of
 * Fabric: the trusted application, the peers and the contract refuse it from then on. docs/protocol/05 §5.6, 07 §7.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, type DoctorClient } from '../../clients/sdk/src/index.ts'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { certify, doctorClient, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const LONGEST_MS = 60_000
const LOOK_EVERY_MS = 100
let scene: Scene
before(async () => {
  scene = await openScene({ fabric: true })
})
after(() => scene?.world.close())

/** A registered doctor with a permission, who has read. */
async function readingDoctor() {
  const { world, bob } = scene
  const certified = await certify(world, 'doctor', { registered: true })
  const doctor = doctorClient(world, certified.identity)
  const { warrant } = await world.permit(bob, [doctor])
  await known(async () => {
    await doctor.presentWarrant(warrant)
    await read(doctor)
  })
  return { ...certified, doctor }
}

const read = (doctor: DoctorClient) => doctor.read(scene.stored.recordId)

/** The trusted application may go by what it knew of an organisation for five seconds; the ledger's clock is the machine's. */
async function known(work: () => Promise<void>): Promise<void> {
  const untilMs = performance.now() + LONGEST_MS
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (performance.now() >= untilMs) throw error
    }
    await sleep(LOOK_EVERY_MS)
  }
}

test('a certificate on its organisation’s list: the open session, a new one, the peers and the contract refuse it', async () => {
  const { world } = scene
  const { network, ledger } = world.ledger
  assert.ok(network !== undefined)
  const { mspId } = world.organization('a')
  const revoked = await readingDoctor()
  const other = await readingDoctor()
  const proposing = () => submitCall(ledger, revoked.ledger, { fn: 'revokeWarrant', args: ['x'] })

  await network.revokeCertificates(mspId, [revoked.certSerial])
  await assert.rejects(proposing(), refusedWith('LEDGER_IDENTITY_REJECTED'))
  await known(async () => {
    const code = await read(revoked.doctor).then(() => 'read', codeOf)
    assert.equal(code, 'CREDENTIAL_REJECTED')
  })
  await assert.rejects(read(revoked.doctor), refusedWith('CREDENTIAL_REJECTED'))
  const again = () => doctorClient(world, revoked.identity).session.request('ping')
  await assert.rejects(again(), refusedWith('CREDENTIAL_REJECTED'))
  // Nobody else is concerned, in a session that was open and in a new one.
  await read(other.doctor)
  await read(doctorClient(world, other.identity))

  // What stands on the ledger stays, although the list of the MSP is made shorter again.
  await network.revokeCertificates(mspId, [])
  await assert.rejects(proposing(), refusedWith('LEDGER_IDENTITY_REJECTED'))
  await assert.rejects(again(), refusedWith('CREDENTIAL_REJECTED'))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
