/** The client on a real network that loses nodes: what was acknowledged is there, once, on every peer. */
import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { endorsementTrustOf, verifyEndorsedRead } from '../../../../shared/ledger-model/src/index.ts'
import {
  type Consortium,
  createConsortium,
  createOrganization,
  createPatient,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../../testkit/src/consortium.ts'
import { startTestNetwork, type TestNetwork } from '../../../../testkit/src/fabric-ledger.ts'
import {
  everyPeerHas,
  writeDuring,
  writePatient,
  writesAfter,
  type Written,
} from '../../../../testkit/src/fabric-writers.ts'
import type { NetworkNode } from '../../../network/src/index.ts'
import type { CommitStatus, Ledger } from '../port.ts'
import { submitCall } from '../submit-call.ts'
import { fabricTransactionsOf } from './envelopes.ts'
import type { FabricNode } from './profile.ts'

const crypto = createNodeCrypto()

describe('a client of a network that loses nodes', () => {
  let consortium: Consortium
  let started: TestNetwork
  let a: TestOrganization
  let ledger: Ledger

  before(async () => {
    consortium = await createConsortium()
    a = consortium.organizations[0] as TestOrganization
    started = await startTestNetwork(consortium)
    ledger = started.connect()
    for (const { admin, hospital } of consortium.organizations) {
      await submitCall(ledger, admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(hospital))] })
    }
  })
  after(() => started.close())

  const registration = () => ({
    fn: 'registerParticipant',
    args: [JSON.stringify(patientRegistrationOf(createPatient()))],
  })
  const node = (name: string): NetworkNode => {
    const found = started.network.nodes.find((one) => one.name === name)
    if (found === undefined) throw new RangeError(name)
    return found
  }
  const isThere = { fn: 'participant', args: [] as string[] }

  const writing = (disturb: () => Promise<void>) => writeDuring(ledger, a.hospital, disturb)
  const writes = (count: number) => writesAfter(count, ledger, a.hospital)

  async function killedOrderer(which: (leader: NetworkNode) => NetworkNode | undefined): Promise<Written> {
    const orderer = which(await started.network.leader())
    assert.ok(orderer !== undefined)
    const written = await writing(async () => {
      await writes(1)
      await orderer.kill()
      await writes(3)
    })
    await orderer.start()
    return written
  }

  test('the leading orderer is killed: nothing acknowledged is lost, nothing is there twice', async (t) => {
    const { acknowledged, gapMs } = await killedOrderer((leader) => leader)
    t.diagnostic(`longest time without a commit: ${Math.round(gapMs)} ms`)
    await everyPeerHas(started, acknowledged)
  })

  test('an orderer that follows is killed, each in turn: writes go on, nothing is lost, nothing is there twice', async (t) => {
    const leader = await started.network.leader()
    const followers = started.network.nodes.filter(({ kind, name }) => kind === 'orderer' && name !== leader.name)
    assert.equal(followers.length, 2)
    // Peers fetch their blocks from one of them.
    for (const follower of followers) {
      const { acknowledged, gapMs } = await killedOrderer(() => follower)
      t.diagnostic(`${follower.name}, longest time without a commit: ${Math.round(gapMs)} ms`)
      await everyPeerHas(started, acknowledged)
    }
  })

  test('the leading orderer is cut off from everybody, connections stay, and comes back as one that leads no more', async (t) => {
    const leader = await started.network.leader()
    const { acknowledged, gapMs } = await writing(async () => {
      await writes(1)
      // It keeps its connections, answers nothing, and knows nothing of the time that passes.
      process.kill(leader.pid, 'SIGSTOP')
      try {
        await writes(3)
      } finally {
        process.kill(leader.pid, 'SIGCONT')
      }
      await writes(3)
    })
    t.diagnostic(`longest time without a commit: ${Math.round(gapMs)} ms`)
    await everyPeerHas(started, acknowledged)
    assert.notEqual((await started.network.leader()).name, leader.name)
  })

  test('a peer that takes connections and never answers, asked first: the next one is asked beside it, by readers, writers and who follows blocks', async () => {
    const { profile } = started.network
    const silent = await silence()
    const own = profile.peers.find(({ mspId }) => mspId === a.mspId) as FabricNode
    const peers = [{ ...own, endpoint: silent.endpoint }, ...profile.peers]
    // So long that waiting for it would end the test.
    const patient = started.connect({ attemptMs: 3_600_000, deadlineMs: 3_600_000 }, { ...profile, peers })
    try {
      const question = { ...isThere, args: [a.hospital.ref] }
      assert.match(await patient.query(question), /"status":"active"/)
      const nonce = crypto.randomBytes(32)
      const trust = endorsementTrustOf(crypto, started.configuration)
      const answers = await patient.endorsedRead({ ...question, nonce })
      assert.equal(verifyEndorsedRead(crypto, { ...trust, nonce, query: question }, answers).status, 200)
      const first = await writePatient(patient, a.hospital)
      const seen: number[] = []
      for await (const { number } of patient.blocks(first.block)) {
        seen.push(number)
        if (seen.length === 1) await writePatient(patient, a.hospital)
        else break
      }
      assert.deepEqual(seen, [first.block, first.block + 1])
      await everyPeerHas(started, [first])
      assert.ok(silent.taken() > 0)
    } finally {
      await patient.close()
      silent.close()
    }
  })

  test('a peer is cut off from everybody: reads go on with the other, writes when it is back', async () => {
    const own = node('peer0.hospitala')
    process.kill(own.pid, 'SIGSTOP')
    let waiting: Promise<CommitStatus> | undefined
    try {
      const patient = started.connect({ attemptMs: 1_000 })
      assert.match(await patient.query({ ...isThere, args: [a.hospital.ref] }), /"status":"active"/)
      waiting = writePatient(patient, a.hospital)
      // Two of two must endorse.
      assert.equal(
        await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'))]),
        'waits',
      )
    } finally {
      process.kill(own.pid, 'SIGCONT')
    }
    await everyPeerHas(started, [await waiting])
  })

  test('two of three orderers are killed: writes wait, reads go on, and all is there when one is back', async () => {
    const orderers = started.network.nodes.filter(({ kind }) => kind === 'orderer')
    const [first, second] = orderers as [NetworkNode, NetworkNode]
    await Promise.all([first.kill(), second.kill()])
    const waiting = Array.from({ length: 8 }, () => writePatient(ledger, a.hospital))
    assert.match(await ledger.query({ ...isThere, args: [a.hospital.ref] }), /"status":"active"/)
    await first.start()
    await everyPeerHas(started, await Promise.all(waiting))
    await second.start()
  })

  test('the peer in use is killed: reads go on with the other, writes when both are there; streams have no gap', async () => {
    const own = node('peer0.hospitala')
    const seen: number[] = []
    const stop = new AbortController()
    const from = await ledger.height()
    const reading = (async () => {
      for await (const block of ledger.blocks(from, { signal: stop.signal })) seen.push(block.number)
    })()
    await writePatient(ledger, a.hospital)
    await own.kill()
    isThere.args = [a.hospital.ref]
    assert.match(await ledger.query(isThere), /"status":"active"/)
    assert.ok((await ledger.height()) >= from)
    const nonce = crypto.randomBytes(32)
    const answers = await ledger.endorsedRead({ ...isThere, nonce })
    const trust = endorsementTrustOf(crypto, started.configuration)
    assert.throws(() => verifyEndorsedRead(crypto, { ...trust, nonce, query: isThere }, answers), {
      code: 'ENDORSEMENT_QUORUM',
    })
    assert.equal(verifyEndorsedRead(crypto, { ...trust, quorum: 1, nonce, query: isThere }, answers).status, 200)
    // Both organisations must endorse: it waits.
    const waiting = writePatient(ledger, a.hospital)
    await own.start()
    const status = await waiting
    const { block } = status
    while ((seen.at(-1) ?? 0) < block) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    await reading
    assert.deepEqual(
      seen,
      seen.map((_, i) => from + i),
    )
    await everyPeerHas(started, [status])
  })

  test('a peer is killed while many write and read, and comes back: nothing fails, nothing is lost', async () => {
    const other = node('peer0.hospitalb')
    const trust = endorsementTrustOf(crypto, started.configuration)
    // A request may take as long as a busy machine needs to start a peer.
    const reader = started.connect({ attemptMs: 60_000, deadlineMs: 120_000 })
    const query = { ...isThere, args: [a.hospital.ref] }
    const over = new AbortController()
    let reads = 0
    const readers = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const nonce = crypto.randomBytes(32)
        const answers = await reader.endorsedRead({ ...query, nonce })
        assert.equal(verifyEndorsedRead(crypto, { ...trust, nonce, query }, answers).status, 200)
        reads++
      }
    })
    const isOver = (end: number): boolean => reads >= end
    const readsAfter = async (count: number): Promise<void> => {
      const end = reads + count
      while (!isOver(end)) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const { acknowledged } = await writing(async () => {
      await Promise.race([Promise.all(readers), readsAfter(4)])
      await other.kill()
      const asked = reader.endorsedRead({ ...query, nonce: crypto.randomBytes(32) })
      await other.start()
      assert.equal((await asked).length, 2)
      await Promise.race([Promise.all(readers), readsAfter(4)])
      await writes(3)
    }).finally(() => over.abort())
    await Promise.all(readers)
    await everyPeerHas(started, acknowledged)
  })

  test('a proposal that was kept is submitted by another client: it counts once, with its first status', async () => {
    const signed = await ledger.prepare(a.hospital, registration())
    const other = started.connect()
    const [first, second] = await Promise.all([ledger.submit(signed), other.submit(signed)])
    assert.deepEqual(second, first)
    const third = await started.connect().submit(signed)
    assert.deepEqual(third, first)
    await everyPeerHas(started, [first])
  })

  test('a chaincode process is killed and back: calls wait for it', async () => {
    const chaincode = node('chaincode.hospitalb')
    const { acknowledged } = await writing(async () => {
      await writes(1)
      await chaincode.kill()
      const waiting = writes(1)
      await chaincode.start()
      await waiting
    })
    await everyPeerHas(started, acknowledged)
  })

  test('endorsements and validation codes can be seen', async () => {
    const { txId, block } = await writePatient(ledger, a.hospital)
    const { encoded } = (await ledger.block(block)) ?? { encoded: new Uint8Array(0) }
    const details = fabricTransactionsOf(encoded).find((one) => one.txId === txId)
    assert.equal(details?.validationCode, 'VALID')
    assert.deepEqual(details?.endorsements.map(({ mspId }) => mspId).toSorted(), ['HospitalA', 'HospitalB'])
  })

  test('refused: strangers, other authorities, altered and foreign transactions', async () => {
    const stranger = await createOrganization('Nobody')
    const pretender = { ...stranger.hospital, mspId: a.mspId }
    for (const identity of [stranger.hospital, pretender, { ...a.hospital, signingKey: pretender.signingKey }]) {
      await assert.rejects(ledger.prepare(identity, registration()), { code: 'LEDGER_IDENTITY_REJECTED' })
    }
    const outsider = started.connect({ identity: stranger.hospital, deadlineMs: 2_000 })
    await assert.rejects(outsider.query({ ...isThere, args: ['x'] }), { code: 'LEDGER_IDENTITY_REJECTED' })
    await assert.rejects(outsider.blocks(0)[Symbol.asyncIterator]().next(), { code: 'LEDGER_IDENTITY_REJECTED' })
    const signed = await ledger.prepare(a.hospital, registration())
    const others = started.connect()
    const flipped = signed.proposal.slice()
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
    await assert.rejects(others.submit({ ...signed, proposal: flipped }), { code: 'LEDGER_SIGNATURE_INVALID' })
    await assert.rejects(others.submit({ ...signed, signature: new Uint8Array(64) }), {
      code: 'LEDGER_SIGNATURE_INVALID',
    })
    const elsewhere = started.connect({}, { ...started.network.profile, channel: 'other' })
    await assert.rejects(elsewhere.submit(signed), { code: 'LEDGER_WRONG_CHANNEL' })
  })

  test('refused: a certificate that ended, also by the peers and orderers, whose clocks are their own', async () => {
    const notAfterMs = Math.floor(Date.now() / 1_000) * 1_000 + 3_000
    const ending = await issueCertificate(a.authority, 'hospital', { notAfterMs })
    await submitCall(ledger, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(ending))] })
    const signed = await ledger.prepare(ending, registration())
    while (Date.now() < notAfterMs + 1_000) await new Promise((resolve) => setTimeout(resolve, 100))
    const rejected = { code: 'LEDGER_IDENTITY_REJECTED' }
    await assert.rejects(ledger.prepare(ending, registration()), rejected)
    await assert.rejects(ledger.submit(signed), rejected)
    // A client whose clock is behind asks all the same.
    const late = started.connect({ nowMs: () => notAfterMs - 1_000 })
    await assert.rejects(submitCall(late, ending, registration()), rejected)
  })
})

/** Takes connections and says nothing. */
async function silence() {
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => sockets.push(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => sockets.length,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
