/** A real network, from nothing, through the deaths of its processes, to a start on its data. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { Client, credentials, status } from '@grpc/grpc-js'
import { connect, type Contract, type Gateway, hash, signers } from '@hyperledger/fabric-gateway'
import { decodeUtf8, encodeBase64url, encodePem } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { findLedgerErrorCode } from '../../../shared/ledger-model/src/index.ts'
import {
  type Consortium,
  createConsortium,
  createOrganization,
  issueCertificate,
  registrationOf,
  type TestIdentity,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import type { LedgerIdentity } from '../../client/src/port.ts'
import type { ReadAnswers } from './chaincode/reads.ts'
import { type Network, type NetworkNode, networkStatus, startNetwork, stopNetwork } from './index.ts'

const crypto = createNodeCrypto()
const root = mkdtempSync(join(tmpdir(), 'network-'))
const folder = join(root, 'network')
const NONCE = '00'.repeat(32)

let consortium: Consortium
let network: Network
let a: TestOrganization
let b: TestOrganization

before(async () => {
  consortium = await createConsortium()
  ;[a, b] = consortium.organizations as [TestOrganization, TestOrganization]
  network = await start()
})

after(async () => {
  await stopNetwork(folder)
  rmSync(root, { recursive: true, force: true })
})

function start(where = folder, organizations = consortium.organizations): Promise<Network> {
  return startNetwork({ folder: where, organizations })
}

const nodeOf = (name: string): NetworkNode => {
  const found = network.nodes.find((node) => node.name === name)
  assert.ok(found, name)
  return found
}

/** The contract as `identity` sees it, by way of the peer of `mspId`. */
async function withContract<T>(
  identity: LedgerIdentity,
  mspId: string,
  use: (contract: Contract, reads: Contract) => Promise<T>,
): Promise<T> {
  const peer = network.profile.peers.find((one) => one.mspId === mspId)
  assert.ok(peer)
  const client = new Client(peer.endpoint, credentials.createSsl(Buffer.from(peer.tlsRootPem)), {
    ...(peer.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': peer.serverName }),
    'grpc.use_local_subchannel_pool': 1,
  })
  const gateway = gatewayOf(client, identity)
  try {
    const channel = gateway.getNetwork(network.profile.channel)
    const { chaincode } = network.profile
    return await use(channel.getContract(chaincode), channel.getContract(chaincode, 'reads'))
  } finally {
    gateway.close()
    client.close()
  }
}

function gatewayOf(client: Client, { mspId, cert, signingKey }: LedgerIdentity): Gateway {
  const { publicKey } = signingKey
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: encodeBase64url(publicKey.subarray(1, 33)),
      y: encodeBase64url(publicKey.subarray(33)),
      d: encodeBase64url(crypto.exportSigningKey(signingKey)),
    },
  })
  return connect({
    client,
    identity: { mspId, credentials: Buffer.from(encodePem('CERTIFICATE', cert)) },
    signer: signers.newPrivateKeySigner(key),
    hash: hash.sha256,
    commitStatusOptions: () => ({ deadline: Date.now() + 5_000 }),
  })
}

/** Registers a new doctor, endorsed by both organisations; goes on while the network finds itself again. */
async function registerDoctor(): Promise<TestIdentity> {
  const doctor = await issueCertificate(a.authority, 'doctor')
  const registration = JSON.stringify(registrationOf(doctor))
  for (let attempt = 1; ; attempt++) {
    try {
      // The same registration again changes nothing and succeeds, so it may be repeated.
      await withContract(a.admin, a.mspId, (contract) =>
        contract.submitTransaction('registerParticipant', registration),
      )
      return doctor
    } catch (error) {
      if (attempt === 40) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}

/** What the peer of `mspId` itself says of the participant. */
async function statusAt(mspId: string, ref: string): Promise<string | number | undefined> {
  const queries = JSON.stringify([{ fn: 'participant', args: [ref] }])
  return await withContract(a.admin, mspId, async (_, reads) => {
    const proposal = reads.newProposal('answer', { arguments: [NONCE, queries], endorsingOrganizations: [mspId] })
    const { answers } = JSON.parse(decodeUtf8(await proposal.evaluate())) as ReadAnswers
    return answers[0]?.status
  })
}

/** Both organisations' peers have it: at once the one that was waited for, soon the other. */
async function assertOnBoth({ ref }: TestIdentity): Promise<void> {
  for (const { mspId } of [a, b]) {
    let answer = await statusAt(mspId, ref)
    for (let attempt = 0; attempt < 100 && answer !== 200; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await statusAt(mspId, ref)
    }
    assert.equal(answer, 200, mspId)
  }
}

const committed: TestIdentity[] = []

async function assertWorks(): Promise<void> {
  committed.push(await registerDoctor())
  for (const doctor of committed) await assertOnBoth(doctor)
}

test('a new network commits what both organisations endorse, and both peers answer', async () => {
  await assertWorks()
  assert.ok((await networkStatus(folder))?.nodes.every(({ pid }) => pid !== 0))
})

test('starting what runs changes nothing', async () => {
  const pids = network.nodes.map(({ pid }) => pid)
  const again = await start()
  assert.deepEqual(
    again.nodes.map(({ pid }) => pid),
    pids,
  )
  assert.deepEqual(again.profile, network.profile)
})

test('refusals of the contract arrive with their code', async () => {
  const registration = JSON.stringify(registrationOf(a.hospital))
  const submit = withContract(b.admin, b.mspId, (contract) => contract.submitTransaction('revokeWarrant', registration))
  await assert.rejects(submit, (error: { details?: { message: string }[] }) => {
    assert.equal(findLedgerErrorCode(error.details?.[0]?.message ?? ''), 'REVOCATION_INVALID')
    return true
  })
})

test('who is certified by another authority under an organisation’s name is not heard', async () => {
  const impostor = await createOrganization(a.name)
  const evaluate = withContract(impostor.admin, a.mspId, (contract) => contract.evaluateTransaction('participant', 'x'))
  await assert.rejects(evaluate, { name: 'GatewayError', code: status.FAILED_PRECONDITION })
  const known = withContract(a.admin, a.mspId, (contract) => contract.evaluateTransaction('participant', 'x'))
  await assert.rejects(known, (error: { details?: { message: string }[] }) => {
    assert.equal(findLedgerErrorCode(error.details?.[0]?.message ?? ''), 'LEDGER_BAD_ARGUMENT')
    return true
  })
})

test('reads are for evaluation: as a transaction they find no agreement, because clocks differ', async () => {
  const queries = JSON.stringify([{ fn: 'participant', args: ['x'] }])
  const submit = withContract(a.admin, a.mspId, (_, reads) => reads.submitTransaction('answer', NONCE, queries))
  await assert.rejects(submit)
})

test('a chaincode process talks to nobody without a certificate of its organisation', async () => {
  const [host = '', port = ''] = nodeOf('chaincode.hospitala').endpoint.split(':')
  const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  // TLS 1.3: the client learns only afterwards that it was turned away.
  const [error] = (await once(socket, 'error')) as [{ readonly code?: string }]
  assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
})

test('the leading orderer is killed: another one leads, and nothing that was committed is lost', async () => {
  const leader = await network.leader()
  await leader.kill()
  assert.equal(leader.pid, 0)
  await assertWorks()
  assert.notEqual((await network.leader()).name, leader.name)
  await leader.start()
  assert.notEqual(leader.pid, 0)
})

test('a peer is killed and comes back: it catches up', async () => {
  const peer = nodeOf('peer0.hospitalb')
  await peer.kill()
  await peer.start()
  await assertWorks()
})

test('a chaincode process is killed and comes back: its peer finds it again', async () => {
  const process = nodeOf('chaincode.hospitala')
  await process.kill()
  await process.start()
  await assertWorks()
})

test('a network that was stopped starts on its data', async () => {
  await network.stop()
  assert.ok(network.nodes.every(({ pid }) => pid === 0))
  network = await start()
  await assertWorks()
})

test('the machine fails: every process is gone at once, and what was committed is there afterwards', async () => {
  await Promise.all(network.nodes.map((node) => node.kill()))
  network = await start()
  for (const doctor of committed) await assertOnBoth(doctor)
  await assertWorks()
})

test('another consortium does not get this network', async () => {
  const others = await createConsortium({ names: ['HospitalA', 'HospitalB'] })
  await assert.rejects(start(folder, others.organizations), { code: 'NETWORK_OPTIONS_REJECTED' })
  const one = consortium.organizations.slice(0, 1)
  await assert.rejects(start(folder, one), { code: 'NETWORK_OPTIONS_REJECTED' })
  await assertWorks()
})

/** Something else listens where a node wants to, until `leave`. */
async function squat({ endpoint }: NetworkNode): Promise<{ leave(): Promise<void> }> {
  const server = createServer((socket) => socket.destroy()).listen(Number(endpoint.split(':')[1]), '127.0.0.1')
  await once(server, 'listening')
  return {
    async leave() {
      server.close()
      await once(server, 'close')
    },
  }
}

test('a start that fails leaves no process of its own, and the next one finds everything as it was', async () => {
  const running = async () =>
    ((await networkStatus(folder))?.nodes ?? []).filter(({ pid }) => pid !== 0).map(({ name, pid }) => [name, pid])
  await network.stop()
  const first = await squat(nodeOf('orderer3'))
  await assert.rejects(start(), { code: 'NETWORK_NOT_READY' })
  await first.leave()
  assert.deepEqual(await running(), [])
  // What ran before goes on.
  const orderer = nodeOf('orderer1')
  await orderer.start()
  const { pid } = orderer
  const second = await squat(nodeOf('orderer3'))
  await assert.rejects(start(), { code: 'NETWORK_NOT_READY' })
  await second.leave()
  assert.deepEqual(await running(), [['orderer1', pid]])
  network = await start()
  await assertWorks()
})

test('a network that was begun and never got ready is begun again', async () => {
  const where = join(root, 'begun')
  const one = consortium.organizations.slice(0, 1)
  const options = { folder: where, organizations: one, orderers: 1 }
  try {
    const pids = (await startNetwork(options)).nodes.map(({ pid }) => pid)
    const plan = join(where, 'network.json')
    writeFileSync(plan, readFileSync(plan, 'utf8').replace('"ready"', '"new"'))
    const second = await startNetwork(options)
    assert.notDeepEqual(
      second.nodes.map(({ pid }) => pid),
      pids,
    )
    assert.equal((await networkStatus(where))?.isReady, true)
  } finally {
    await stopNetwork(where)
  }
})
