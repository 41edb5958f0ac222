/**
 * A network whose orderers outvote one that lies (BFT), in short: it commits, and goes on without its leader. Needs
 * Fabric 3, in FABRIC3_BIN where FABRIC_BIN is another version.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  createConsortium,
  issueCertificate,
  registrationOf,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import { startTestNetwork, type TestNetwork } from '../../../testkit/src/fabric-ledger.ts'
import type { Ledger } from '../../client/src/port.ts'
import { submitCall } from '../../client/src/submit-call.ts'
import { findBinaries } from './index.ts'

const { bin, version } = findBinaries(process.env['FABRIC3_BIN'])
const skip = version.startsWith('v2.') ? `Fabric 3 is needed, this is ${version}` : false

let running: TestNetwork
let ledger: Ledger
let a: TestOrganization

before(async () => {
  if (skip !== false) return
  const consortium = await createConsortium()
  ;[a] = consortium.organizations as [TestOrganization]
  running = await startTestNetwork(consortium, { ordering: 'bft', bin })
  ledger = running.connect()
})
after(() => (skip === false ? running.close() : undefined))

/** Registers a doctor, again and again while the orderers agree on a new leader. @returns the doctor's reference */
async function register(): Promise<string> {
  const doctor = await issueCertificate(a.authority, 'doctor')
  const call = { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(doctor))] }
  for (let attempt = 1; ; attempt++) {
    try {
      await submitCall(ledger, a.admin, call)
      return doctor.ref
    } catch (error) {
      if (attempt === 20) throw error
    }
  }
}

async function assertIsThere(ref: string): Promise<void> {
  assert.equal((JSON.parse(await ledger.query({ fn: 'participant', args: [ref] })) as { ref: string }).ref, ref)
}

test('four orderers agree on a block', { skip }, async () => {
  const ref = await register()
  await assertIsThere(ref)
  assert.equal(running.network.nodes.filter(({ kind }) => kind === 'orderer').length, 4)
})

test('the leader is killed: the others go on, and nothing that was committed is lost', { skip }, async () => {
  const earlier = await register()
  const leader = await running.network.leader()
  await leader.kill()
  const later = await register()
  for (const ref of [earlier, later]) await assertIsThere(ref)
  await leader.start()
  await assertIsThere(await register())
})
