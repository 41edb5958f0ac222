/** How often a hospital asks the ledger about its share: when a block told of a change, and not otherwise. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseIdentityFile } from '../../../clients/sdk/src/index.ts'
import type { LedgerReader } from '../../../clients/sdk/src/ports.ts'
import type { EventName } from '../../../shared/ledger-model/src/index.ts'
import { openTestWorld, type HospitalName, type TestWorld } from '../../../testkit/src/world/index.ts'
import { serviceIdentityPath } from '../index.ts'
import { Recovery } from './recovery.ts'

const LOOKS_MS = 20
let world: TestWorld
before(async () => {
  world = await openTestWorld()
})
after(() => world?.close())

function recoveryOf(name: HospitalName, ledgerBy: (ledger: LedgerReader) => LedgerReader): Recovery {
  const { session, options } = world.hospital(name)
  const file = readFileSync(serviceIdentityPath(world.hospitalFolder(name)), 'utf8')
  const { identity } = parseIdentityFile(world.crypto, file)
  return new Recovery({
    crypto: world.crypto,
    folder: world.hospitalFolder(name),
    ref: world.hospitalRef(name),
    identity,
    sealKey: identity.sealKey,
    recordServer: { session, options: { ...options, ledger: ledgerBy(options.ledger) } },
    url: world.server.url,
    fetch,
    fetchBytes: fetch,
  })
}

test('while nothing changes about the server the ledger is not asked; a block that tells of it is looked into', async () => {
  let reads = 0
  const counted = (ledger: LedgerReader): LedgerReader => ({
    isPractice: ledger.isPractice,
    source: ledger.source,
    read: (...asked) => {
      reads++
      return ledger.read(...asked)
    },
  })
  const [a, b] = [recoveryOf('a', counted), recoveryOf('b', (ledger) => ledger)]
  // Each says that it has its share of the set that both are in.
  for (const one of [a, b, a]) await one.fetch()
  const troubles: unknown[] = []
  a.start(3_600_000, (error) => troubles.push(error), LOOKS_MS)
  const quiet = async () => {
    // A ledger on a busy machine may take longer for an answer than for one look.
    for (let last = -1, still = 0; still < 5; still = last === reads ? still + 1 : 0) {
      last = reads
      await sleep(20 * LOOKS_MS)
    }
    return reads
  }
  try {
    const known = await quiet()
    const told = (name: EventName, payload: object) =>
      a.notice({ transactions: [{ status: 'VALID', event: { name, payload: JSON.stringify(payload) } }] })
    a.notice({ transactions: [{ status: 'VALID', event: null }] })
    told('BatchCommitted', { batchId: 'b-1', count: 1 })
    told('CheckpointAnchored', { serverRef: world.serverRef, epoch: 2 })
    assert.equal(await quiet(), known)
    told('SuccessionApproved', { serverRef: world.serverRef, mspId: 'HospitalA', term: 1 })
    // Once for the registration, once for the votes.
    assert.equal(await quiet(), known + 2)
    assert.deepEqual(troubles, [])
  } finally {
    await a.stop()
  }
})
