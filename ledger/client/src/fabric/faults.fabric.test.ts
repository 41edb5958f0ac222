/** The client on a real network that loses nodes: what was acknowledged is there, once, on every peer. */
import assert from 'node:assert/strict'
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
import type { NetworkNode } from '../../../network/src/index.ts'
import { fabricTransactionsOf } from '../index.ts'
import type { CommitStatus, Ledger } from '../port.ts'
import { submitCall } from '../submit-call.ts'

const crypto = createNodeCrypto()
const WRITERS = 8

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

  /** Writes with several writers until `disturb` is done; gives what was acknowledged, and the longest time without. */
  async function writeDuring(
    disturb: () => Promise<void>,
  ): Promise<{ readonly acknowledged: readonly CommitStatus[]; readonly gapMs: number }> {
    const acknowledged: CommitStatus[] = []
    let gapMs = 0
    let lastMs = performance.now()
    const note = (status: CommitStatus): void => {
      acknowledged.push(status)
      const nowMs = performance.now()
      gapMs = Math.max(gapMs, nowMs - lastMs)
      lastMs = nowMs
    }
    const over = new AbortController()
    const writers = Array.from({ length: WRITERS }, async () => {
      while (!over.signal.aborted) note(await submitCall(ledger, a.hospital, registration()))
    })
    try {
      await disturb()
    } finally {
      over.abort()
      await Promise.all(writers)
    }
    return { acknowledged, gapMs }
  }

  /** Each peer of its own has each transaction once as valid, where its status said. */
  async function everyPeerHas(acknowledged: readonly CommitStatus[]): Promise<void> {
    const { profile } = started.network
    const last = Math.max(...acknowledged.map(({ block }) => block))
    for (const peer of profile.peers) {
      const alone = started.connect({}, { ...profile, peers: [peer] })
      const valid = new Map<string, number>()
      for await (const block of alone.blocks(0)) {
        for (const { txId, status } of block.transactions) if (status === 'VALID') valid.set(txId, block.number)
        if (block.number >= last) break
      }
      for (const { txId, block } of acknowledged) assert.equal(valid.get(txId), block, peer.endpoint)
      await alone.close()
    }
  }

  test('the leading orderer is killed: nothing acknowledged is lost, nothing is there twice', async (t) => {
    const leader = await started.network.leader()
    const { acknowledged, gapMs } = await writeDuring(async () => {
      await writesAfter(1)
      await leader.kill()
      await writesAfter(3)
    })
    await leader.start()
    t.diagnostic(`longest time without a commit: ${Math.round(gapMs)} ms`)
    assert.ok(acknowledged.length > 2 * WRITERS)
    assert.equal(new Set(acknowledged.map(({ txId }) => txId)).size, acknowledged.length)
    await everyPeerHas(acknowledged)
  })

  test('the leading orderer is cut off from everybody, connections stay, and comes back as one that leads no more', async (t) => {
    const leader = await started.network.leader()
    const { acknowledged, gapMs } = await writeDuring(async () => {
      await writesAfter(1)
      // It keeps its connections, answers nothing, and knows nothing of the time that passes.
      process.kill(leader.pid, 'SIGSTOP')
      try {
        await writesAfter(3)
      } finally {
        process.kill(leader.pid, 'SIGCONT')
      }
      await writesAfter(3)
    })
    t.diagnostic(`longest time without a commit: ${Math.round(gapMs)} ms`)
    assert.equal(new Set(acknowledged.map(({ txId }) => txId)).size, acknowledged.length)
    await everyPeerHas(acknowledged)
    assert.notEqual((await started.network.leader()).name, leader.name)
  })

  test('a peer is cut off from everybody: reads go on with the other, writes when it is back', async () => {
    const own = node('peer0.hospitala')
    process.kill(own.pid, 'SIGSTOP')
    let waiting: Promise<CommitStatus> | undefined
    try {
      const patient = started.connect({ attemptMs: 1_000 })
      assert.match(await patient.query({ ...isThere, args: [a.hospital.ref] }), /"status":"active"/)
      waiting = submitCall(patient, a.hospital, registration())
      // Two of two must endorse.
      assert.equal(
        await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'))]),
        'waits',
      )
    } finally {
      process.kill(own.pid, 'SIGCONT')
    }
    await everyPeerHas([await waiting])
  })

  /** Until one more client has committed so many, one after the other. */
  async function writesAfter(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await submitCall(ledger, a.hospital, registration())
  }

  test('two of three orderers are killed: writes wait, reads go on, and all is there when one is back', async () => {
    const orderers = started.network.nodes.filter(({ kind }) => kind === 'orderer')
    const [first, second] = orderers as [NetworkNode, NetworkNode]
    await Promise.all([first.kill(), second.kill()])
    const waiting = Array.from({ length: WRITERS }, () => submitCall(ledger, a.hospital, registration()))
    assert.match(await ledger.query({ ...isThere, args: [a.hospital.ref] }), /"status":"active"/)
    await first.start()
    await everyPeerHas(await Promise.all(waiting))
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
    await submitCall(ledger, a.hospital, registration())
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
    const waiting = submitCall(ledger, a.hospital, registration())
    await own.start()
    const { block } = await waiting
    while ((seen.at(-1) ?? 0) < block) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    await reading
    assert.deepEqual(
      seen,
      seen.map((_, i) => from + i),
    )
  })

  test('a proposal that was kept is submitted by another client: it counts once, with its first status', async () => {
    const signed = await ledger.prepare(a.hospital, registration())
    const other = started.connect()
    const [first, second] = await Promise.all([ledger.submit(signed), other.submit(signed)])
    assert.deepEqual(second, first)
    const third = await started.connect().submit(signed)
    assert.deepEqual(third, first)
    await everyPeerHas([first])
  })

  test('a chaincode process is killed and back: calls wait for it', async () => {
    const chaincode = node('chaincode.hospitalb')
    await chaincode.kill()
    const waiting = submitCall(ledger, a.hospital, registration())
    await chaincode.start()
    await everyPeerHas([await waiting])
  })

  test('endorsements and validation codes can be seen', async () => {
    const { txId, block } = await submitCall(ledger, a.hospital, registration())
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
