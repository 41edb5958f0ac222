/** A running channel changes: certificates are revoked in an organisation's MSP, and an organisation joins. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { endorsementTrustOf, verifyEndorsedRead } from '../../../shared/ledger-model/src/index.ts'
import {
  type Consortium,
  createConsortium,
  createOrganization,
  createPatient,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import { fabricConfigurationOf } from '../../../testkit/src/fabric-ledger.ts'
import {
  createFabricLedgerClient,
  type FabricLedgerClientOptions,
  fabricTransactionsOf,
} from '../../client/src/fabric/index.ts'
import { submitCall } from '../../client/src/index.ts'
import type { CommitStatus, Ledger, LedgerIdentity } from '../../client/src/port.ts'
import { type Network, startNetwork, stopNetwork } from './index.ts'

const crypto = createNodeCrypto()
const root = mkdtempSync(join(tmpdir(), 'changes-'))
const folder = join(root, 'network')

let consortium: Consortium
let network: Network
let a: TestOrganization
let b: TestOrganization
let ledger: Ledger

const connect = (identity: LedgerIdentity = a.admin, options: Partial<FabricLedgerClientOptions> = {}): Ledger =>
  createFabricLedgerClient(network.profile, { crypto, identity, ...options })
const register = (by: LedgerIdentity, participant: Parameters<typeof registrationOf>[0], through = ledger) =>
  submitCall(through, by, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(participant))] })
const newPatient = () => ({ fn: 'registerParticipant', args: [JSON.stringify(patientRegistrationOf(createPatient()))] })
const rejected = { code: 'LEDGER_IDENTITY_REJECTED' }

before(async () => {
  consortium = await createConsortium()
  ;[a, b] = consortium.organizations as [TestOrganization, TestOrganization]
  network = await startNetwork({ folder, organizations: consortium.organizations })
  ledger = connect()
  await register(a.admin, a.hospital)
  await register(b.admin, b.hospital)
})

after(async () => {
  await ledger.close()
  await stopNetwork(folder)
  rmSync(root, { recursive: true, force: true })
})

test('a certificate that the contract’s list names is refused at the next call; one more is refused by the peers', async () => {
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => issueCertificate(a.authority, 'hospital')))
  assert.ok(first !== undefined && second !== undefined && third !== undefined)
  for (const one of [first, second, third]) await register(a.admin, one)
  await submitCall(ledger, first, newPatient())

  await submitCall(ledger, a.admin, { fn: 'revokeCertificate', args: [first.certSerial, 'lost'] })
  await assert.rejects(ledger.prepare(first, newPatient()), rejected)

  // Endorsed while it was good, submitted when it is not any more.
  const kept = await ledger.prepare(second, newPatient())
  await network.revokeCertificates(a.mspId, [first.certSerial, second.certSerial])
  await assert.rejects(ledger.prepare(second, newPatient()), rejected)
  await assert.rejects(ledger.submit(kept), rejected)
  await assert.rejects(ledger.prepare(first, newPatient()), rejected)
  const revoked = connect(second)
  await assert.rejects(revoked.query({ fn: 'participant', args: [second.ref] }), rejected)
  await assert.rejects(revoked.blocks(0)[Symbol.asyncIterator]().next(), rejected)
  await revoked.close()
  // Everybody else goes on, and who stands there already is not asked again.
  await submitCall(ledger, third, newPatient())
  assert.match(await ledger.query({ fn: 'participant', args: [second.ref] }), /"status":"active"/)

  // The MSP's list replaces the one before; what stands on the ledger stays.
  await network.revokeCertificates(a.mspId, [first.certSerial])
  const back = connect(second)
  assert.equal((await back.blocks(0)[Symbol.asyncIterator]().next()).done, false)
  await back.close()
  await assert.rejects(ledger.prepare(second, newPatient()), rejected)
  await assert.rejects(network.revokeCertificates('Nobody' as typeof a.mspId, []), {
    code: 'NETWORK_OPTIONS_REJECTED',
  })
})

test('a third organisation joins while the others write; from then on two of three are enough', async () => {
  const c = await createOrganization('HospitalC')
  const acknowledged: CommitStatus[] = []
  const over = new AbortController()
  const writing = (async () => {
    while (!over.signal.aborted) acknowledged.push(await submitCall(ledger, a.hospital, newPatient()))
  })()
  const organizations = [a, b, c]
  try {
    network = await startNetwork({ folder, organizations })
  } finally {
    over.abort()
    await writing
  }
  assert.ok(acknowledged.length > 0)
  assert.deepEqual(
    network.profile.peers.map(({ mspId }) => mspId),
    ['HospitalA', 'HospitalB', 'HospitalC'],
  )
  await ledger.close()
  ledger = connect()
  await register(c.admin, c.hospital)
  await submitCall(ledger, c.hospital, newPatient())

  const { authority } = c
  const genesis = {
    ...consortium.genesis,
    organizations: [...consortium.genesis.organizations, { mspId: c.mspId, roots: [authority.root] }],
  }
  const trust = endorsementTrustOf(crypto, fabricConfigurationOf(genesis, network.profile.chaincode))
  const read = async (): Promise<string> => {
    const nonce = crypto.randomBytes(32)
    const query = { fn: 'participant', args: [c.hospital.ref] }
    const answers = await ledger.endorsedRead({ ...query, nonce })
    return verifyEndorsedRead(crypto, { ...trust, nonce, query }, answers).result
  }
  assert.match(await read(), /"mspId":"HospitalC"/)

  const peer = network.nodes.find(({ name }) => name === 'peer0.hospitalb')
  assert.ok(peer !== undefined)
  // It takes proposals and never answers; one request may take an hour.
  const patient = connect(a.admin, { attemptMs: 3_600_000, deadlineMs: 3_600_000 })
  process.kill(peer.pid, 'SIGSTOP')
  await submitCall(patient, a.hospital, newPatient())
  await submitCall(patient, c.hospital, newPatient())
  process.kill(peer.pid, 'SIGCONT')
  await patient.close()

  await peer.kill()
  const { txId, block } = await submitCall(ledger, a.hospital, newPatient())
  const { encoded } = (await ledger.block(block)) ?? { encoded: new Uint8Array(0) }
  const endorsed = fabricTransactionsOf(encoded).find((one) => one.txId === txId)?.endorsements
  assert.deepEqual(endorsed?.map(({ mspId }) => mspId).toSorted(), ['HospitalA', 'HospitalC'])
  assert.match(await read(), /"mspId":"HospitalC"/)

  // What is there starts on its data, with all three; fewer are another network.
  await network.stop()
  await assert.rejects(startNetwork({ folder, organizations: [a, b] }), { code: 'NETWORK_OPTIONS_REJECTED' })
  network = await startNetwork({ folder, organizations })
  assert.ok(network.nodes.every(({ pid }) => pid !== 0))
  await ledger.close()
  ledger = connect()
  await submitCall(ledger, c.hospital, newPatient())
})
