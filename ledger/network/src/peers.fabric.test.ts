/** Two peers of each organisation: one of each may be gone, and nobody notices. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { endorsementTrustOf, verifyEndorsedRead } from '../../../shared/ledger-model/src/index.ts'
import {
  type Consortium,
  createConsortium,
  createPatient,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import { startTestNetwork, type TestNetwork } from '../../../testkit/src/fabric-ledger.ts'
import { submitCall } from '../../client/src/index.ts'
import type { CommitStatus, Ledger } from '../../client/src/port.ts'
import type { NetworkNode } from './index.ts'

const crypto = createNodeCrypto()

let consortium: Consortium
let started: TestNetwork
let a: TestOrganization
let ledger: Ledger

before(async () => {
  consortium = await createConsortium()
  a = consortium.organizations[0] as TestOrganization
  started = await startTestNetwork(consortium, { peers: 2 })
  ledger = started.connect()
  await submitCall(ledger, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(a.hospital))] })
})
after(() => started.close())

const write = (client: Ledger = ledger): Promise<CommitStatus> =>
  submitCall(client, a.hospital, {
    fn: 'registerParticipant',
    args: [JSON.stringify(patientRegistrationOf(createPatient()))],
  })

async function read(): Promise<number | string> {
  const nonce = crypto.randomBytes(32)
  const query = { fn: 'participant', args: [a.hospital.ref] }
  const answers = await ledger.endorsedRead({ ...query, nonce })
  return verifyEndorsedRead(crypto, { ...endorsementTrustOf(crypto, started.configuration), nonce, query }, answers)
    .status
}

/** Every transaction stands at every peer where its status said. */
async function everyPeerHas(acknowledged: readonly CommitStatus[]): Promise<void> {
  const { profile } = started.network
  assert.equal(profile.peers.length, 4)
  for (const peer of profile.peers) {
    const alone = started.connect({}, { ...profile, peers: [peer] })
    for (const { txId, block } of acknowledged) {
      let found = await alone.transaction(txId)
      for (let attempt = 0; attempt < 200 && found === undefined; attempt++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        found = await alone.transaction(txId)
      }
      assert.equal(found?.block, block, peer.endpoint)
    }
    await alone.close()
  }
}

const peers = (number: number): NetworkNode[] =>
  started.network.nodes.filter(({ name }) => name.startsWith(`peer${number}.`))

test('the first peers of both are killed, then the second: writes and endorsed reads go on, all have everything', async () => {
  const acknowledged = [await write()]
  assert.equal(await read(), 200)
  for (const number of [0, 1]) {
    const gone = peers(number)
    assert.equal(gone.length, 2)
    await Promise.all(gone.map((peer) => peer.kill()))
    for (let i = 0; i < 3; i++) acknowledged.push(await write())
    assert.equal(await read(), 200)
    await Promise.all(gone.map((peer) => peer.start()))
    acknowledged.push(await write())
  }
  await everyPeerHas(acknowledged)
})

test('one of two peers of the other organisation takes proposals and never answers: the second is asked beside it', async () => {
  const other = started.network.nodes.find(({ name }) => name === 'peer0.hospitalb')
  assert.ok(other !== undefined)
  // So long that waiting for it would end the test.
  const patient = started.connect({ attemptMs: 3_600_000, deadlineMs: 3_600_000 })
  const acknowledged = [await write(patient)]
  process.kill(other.pid, 'SIGSTOP')
  try {
    for (let i = 0; i < 3; i++) acknowledged.push(await write(patient))
  } finally {
    process.kill(other.pid, 'SIGCONT')
  }
  await everyPeerHas(acknowledged)
})
