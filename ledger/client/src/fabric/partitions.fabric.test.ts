/**
 * Orderers in network namespaces of their own, cut off by pulling the cable: what was acknowledged is there, once, on both
 * peers. Skipped where no namespaces can be made.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createConsortium, registrationOf, type TestOrganization } from '../../../../testkit/src/consortium.ts'
import { startTestNetwork, type TestNetwork } from '../../../../testkit/src/fabric-ledger.ts'
import { everyPeerHas, writeDuring, writePatient } from '../../../../testkit/src/fabric-writers.ts'
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

const write = (): Promise<CommitStatus> => writePatient(ledger, a.hospital)
const writing = (disturb: () => Promise<void>) => writeDuring(ledger, a.hospital, disturb)

test('the leading orderer is cut off: the others go on, and it follows when it is back', { skip }, async () => {
  const leader = await started.network.leader()
  const number = Number(leader.name.replace('orderer', ''))
  const { acknowledged } = await writing(async () => {
    await write()
    namespaces.cut(number)
    try {
      for (let i = 0; i < 3; i++) await write()
    } finally {
      namespaces.mend(number)
    }
    for (let i = 0; i < 3; i++) await write()
  })
  await everyPeerHas(started, acknowledged)
})

test(
  'every orderer is cut off from every other: nothing is acknowledged until two see each other',
  { skip },
  async () => {
    assert.ok((await writing(async () => void (await write()))).acknowledged.length > 0)
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
    await everyPeerHas(started, await Promise.all(waiting))
    namespaces.mend(1)
    await everyPeerHas(started, (await writing(async () => void (await write()))).acknowledged)
  },
)
