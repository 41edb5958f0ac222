/**
 * Orderers in network namespaces of their own, cut off by pulling the cable: what was acknowledged is there, once, on both
 * peers. Skipped where no namespaces can be made.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  createConsortium,
  createPatient,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../../testkit/src/consortium.ts'
import { startTestNetwork, type TestNetwork } from '../../../../testkit/src/fabric-ledger.ts'
import {
  namespacesRefused,
  openNamespaces,
  type NetworkNamespaces,
} from '../../../../testkit/src/network-namespaces.ts'
import type { CommitStatus, Ledger } from '../port.ts'
import { submitCall } from '../submit-call.ts'

const WRITERS = 4
const ORDERERS = 3
const refused = namespacesRefused()
const skip = refused === undefined ? false : `no network namespaces: ${refused}`

let namespaces: NetworkNamespaces
let started: TestNetwork
let ledger: Ledger
let a: TestOrganization

before(async () => {
  if (skip !== false) return
  const consortium = await createConsortium()
  a = consortium.organizations[0] as TestOrganization
  namespaces = openNamespaces(ORDERERS)
  const ordererPlace = (number: number) => ({ host: namespaces.host(number), within: namespaces.within(number) })
  started = await startTestNetwork(consortium, { ordererPlace })
  ledger = started.connect({ deadlineMs: 120_000 })
  await submitCall(ledger, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(a.hospital))] })
})
after(async () => {
  await started?.close()
  namespaces?.close()
})

const write = (): Promise<CommitStatus> =>
  submitCall(ledger, a.hospital, {
    fn: 'registerParticipant',
    args: [JSON.stringify(patientRegistrationOf(createPatient()))],
  })

/** Writes with several writers until `disturb` is done. */
async function writeDuring(disturb: () => Promise<void>): Promise<readonly CommitStatus[]> {
  const acknowledged: CommitStatus[] = []
  const over = new AbortController()
  const writers = Array.from({ length: WRITERS }, async () => {
    while (!over.signal.aborted) acknowledged.push(await write())
  })
  try {
    await disturb()
  } finally {
    over.abort()
    await Promise.all(writers)
  }
  return acknowledged
}

/** Each peer of its own has each transaction once as valid, where its status said. */
async function everyPeerHas(acknowledged: readonly CommitStatus[]): Promise<void> {
  assert.equal(new Set(acknowledged.map(({ txId }) => txId)).size, acknowledged.length)
  const { profile } = started.network
  const last = Math.max(...acknowledged.map(({ block }) => block))
  for (const peer of profile.peers) {
    const alone = started.connect({}, { ...profile, peers: [peer] })
    const found = new Map<string, number[]>()
    for await (const block of alone.blocks(0)) {
      for (const { txId, status } of block.transactions) {
        if (status === 'VALID') found.set(txId, [...(found.get(txId) ?? []), block.number])
      }
      if (block.number >= last) break
    }
    for (const { txId, block } of acknowledged) assert.deepEqual(found.get(txId), [block], peer.endpoint)
    await alone.close()
  }
}

test('the leading orderer is cut off: the others go on, and it follows when it is back', { skip }, async () => {
  const leader = await started.network.leader()
  const number = Number(leader.name.replace('orderer', ''))
  const acknowledged = await writeDuring(async () => {
    await write()
    namespaces.cut(number)
    try {
      for (let i = 0; i < 3; i++) await write()
    } finally {
      namespaces.mend(number)
    }
    for (let i = 0; i < 3; i++) await write()
  })
  await everyPeerHas(acknowledged)
})

test(
  'every orderer is cut off from every other: nothing is acknowledged until two see each other',
  { skip },
  async () => {
    const { length } = await writeDuring(async () => void (await write()))
    assert.ok(length > 0)
    const over: CommitStatus[] = []
    for (let number = 1; number <= ORDERERS; number++) namespaces.cut(number)
    const waiting = Array.from({ length: WRITERS }, async () => {
      const status = await write()
      over.push(status)
      return status
    })
    // Reads go on: they need peers only.
    const { ref } = a.hospital
    assert.match(await ledger.query({ fn: 'participant', args: [ref] }), /"status":"active"/)
    assert.deepEqual(over, [])
    for (const number of [2, 3]) namespaces.mend(number)
    await everyPeerHas(await Promise.all(waiting))
    namespaces.mend(1)
    await everyPeerHas(await writeDuring(async () => void (await write())))
  },
)
