/**
 * The record server's identity key and the sealing key of its store are exchanged, twice each, with a trusted application in a process of its own, while a doctor
 * stores all the time in one session and others open sessions: nothing is refused and nothing starts again. What was
 * signed before is verified after. docs/protocol/02 §2.10.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchangeIdentity, type IdentityDoor } from '../../clients/cli/src/system/server-identity.ts'
import { PatientClient, type DoctorClient, type RecordAnswer } from '../../clients/sdk/src/index.ts'
import { decodeBase64url, encodeBase64url } from '../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import type { RecordId } from '../../shared/protocol/src/index.ts'
import {
  bundleTee,
  canFindProcesses,
  killTrustedApplication,
  labResult,
  openTestWorld,
  type BundledTee,
  type TestWorld,
} from '../../testkit/src/world/index.ts'

const TOKEN = 'operator-of-the-record-server-0123456789'

let tee: BundledTee
let world: TestWorld
let bob: PatientClient
let alice: DoctorClient
let warrant: string

before(async () => {
  tee = await bundleTee()
  world = await openTestWorld({ tee, replicaToken: TOKEN, hospital: { recovery: { everySeconds: 86_400 } } })
  bob = await world.patient('bob')
  alice = await world.doctor('alice')
  warrant = (await world.permit(bob, [alice])).warrant
})
after(async () => {
  await world?.close()
  tee?.remove()
})

async function ask(path: string, body: unknown, token = TOKEN): Promise<Response> {
  return await fetch(`${world.server.url}/v1/identity/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function told(answer: Promise<Response>): Promise<Record<string, string>> {
  const response = await answer
  assert.equal(response.status, 200)
  return (await response.json()) as Record<string, string>
}

const door: IdentityDoor = {
  async current() {
    return (await world.server.tee.request('status', {})).identityKey ?? new Uint8Array()
  },
  async next() {
    const { identityKey = '', handover = '' } = await told(ask('next', {}))
    return { identityKey: decodeBase64url(identityKey), handover: decodeBase64url(handover) }
  },
  async take(cert) {
    await told(ask('take', { certificate: encodeBase64url(cert) }))
  },
}

function exchange() {
  const operator = { organization: world.organization('a') } as Parameters<typeof exchangeIdentity>[0]['operator']
  return exchangeIdentity({ ledger: world.ledger.ledger, operator, serverRef: world.serverRef }, door)
}

async function verified(answer: RecordAnswer): Promise<void> {
  const { checks } = await bob.verify(answer)
  const isSound = checks.every(({ result }) => result === 'pass')
  assert.ok(isSound, JSON.stringify(checks))
}

test('strangers are not let in: REQUEST_REJECTED', async () => {
  for (const path of ['next', 'take', 'sealing']) {
    const response = await ask(path, {}, 'another-token-of-nobody-here-0123456789')
    assert.equal(((await response.json()) as { readonly code?: string }).code, 'REQUEST_REJECTED')
  }
})

const records: RecordId[] = []

/** While one doctor stores and others open sessions all the time; whoever is refused ends all. @param exchangeOne of two. */
async function underLoad(exchangeOne: () => Promise<void>): Promise<void> {
  const [first] = records
  assert.ok(first !== undefined)
  const over = new AbortController()
  const storing = (async () => {
    while (!over.signal.aborted) {
      const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: labResult(records.length) })
      records.push(recordId)
    }
  })()
  const sessions: RecordId[] = []
  const opening = (async () => {
    while (!over.signal.aborted) {
      const client = new PatientClient({ ...bob.options, transport: world.transport() })
      sessions.push((await client.read(first)).recordId)
      client.close()
    }
  })()
  const exchanging = (async () => {
    for (let i = 0; i < 2; i++) {
      const [stored, opened] = [records.length + 5, sessions.length + 2]
      await exchangeOne()
      // Both go on under the new key.
      while (records.length < stored || sessions.length < opened) await sleep(20, undefined, { signal: over.signal })
    }
  })()
  const all = [exchanging.then(() => over.abort()), storing, opening].map((one) =>
    one.catch((error: unknown) => {
      over.abort()
      throw error
    }),
  )
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected')
  assert.equal(failed, undefined)
}

test('the identity key is exchanged twice under load', async () => {
  const { restarts } = world.server.tee
  records.push((await alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })).recordId)
  const early = await bob.read(records[0] as RecordId)
  const keys: string[] = []
  await underLoad(async () => {
    const { before: old, after: next } = await exchange()
    keys.push(encodeBase64url(old), encodeBase64url(next))
  })
  assert.equal(keys[1], keys[2])
  assert.equal(new Set(keys).size, 3)

  // Signed under the first key, and under the last.
  await verified(early)
  await verified(await bob.read(records.at(-1) as RecordId))
  const text = await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] })
  const { publicKey, earlierKeys } = parseResult(text, participantRecordShape)
  assert.equal(publicKey, keys[3])
  assert.deepEqual(
    earlierKeys.map((one) => one.publicKey),
    [keys[1], keys[0]],
  )
  assert.equal(world.server.tee.restarts, restarts)
  assert.equal((await world.verifyEverything()).records, records.length)
})

test('hospitals that look once a day fetch shares of the next set when the ledger shows the exchange', async () => {
  const sharesOf = async () => (await world.server.tee.request('status', {})).shares
  const heldBy = async (least: number) => {
    const untilMs = performance.now() + 60_000
    for (;;) {
      const shares = await sharesOf()
      if (shares !== undefined && shares.number >= least && shares.held.length === 2) return shares.number
      assert.ok(performance.now() < untilMs, JSON.stringify(shares))
      await sleep(100)
    }
  }
  const number = await heldBy(1)
  await exchange()
  assert.equal(await heldBy(number + 1), number + 1)
})

const sealing = async () => (await world.server.tee.request('status', {})).sealing

async function exchangeSealing(): Promise<number> {
  const { generation } = (await told(ask('sealing', {}))) as unknown as { readonly generation: number }
  while ((await sealing())?.isExchanging !== false) await sleep(20)
  return generation
}

test('the sealing key of the store is exchanged twice under load', async () => {
  const { restarts } = world.server.tee
  const generations: number[] = []
  await underLoad(async () => void generations.push(await exchangeSealing()))
  assert.deepEqual(generations, [1, 2])
  assert.equal(world.server.tee.restarts, restarts)
  assert.equal((await world.verifyEverything()).records, records.length)
})

test(
  'killed with the exchange just begun, the store opens and everything is there',
  { skip: !canFindProcesses && 'needs /proc' },
  async () => {
    const asked = ask('sealing', {}).catch(() => undefined)
    assert.ok(killTrustedApplication(world.server.dataFolder) > 0)
    await asked
    await world.server.serving()
    const generation = await exchangeSealing()
    assert.ok(generation === 3 || generation === 4, String(generation))
    assert.deepEqual(await sealing(), { generation, isExchanging: false })
    assert.equal((await world.verifyEverything()).records, records.length)
  },
)
