/**
 * The ledger is killed, or away, while records are written and read. What was acknowledged stays; what was not is
 * completed by itself or by sending it again; nobody reads anything while the ledger cannot be asked. The ledger is a
 * process of its own, killed with SIGKILL.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  codeOf,
  isUnavailable,
  type DoctorClient,
  type PatientClient,
  type PreparedRecord,
  type StoredRecord,
} from '../../clients/sdk/src/index.ts'
import { labResult, openTestWorld, sendUnplaced, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld
let bob: PatientClient
let alice: DoctorClient
let warrant: string
let canary: string
let records = 0

before(async () => {
  world = await openTestWorld({ ledgerProcess: true })
  bob = await world.patient('bob')
  alice = await world.doctor('alice')
  warrant = (await world.permit(bob, [alice])).warrant
  canary = world.canary()
})
after(() => world?.close())

async function sendUntilStored(prepared: PreparedRecord): Promise<StoredRecord> {
  for (let tries = 1; ; tries++) {
    try {
      return await alice.send(prepared)
    } catch (error) {
      const isWorthIt = isUnavailable(error) || codeOf(error) === 'COMMITMENT_MISSING'
      if (!isWorthIt || tries === 20) throw error
      await sleep(100)
    }
  }
}

async function killLedger(): Promise<void> {
  await world.ledger.kill()
}

/** The host's client of the ledger is of the process before: a host that restarts its ledger restarts its own parts. */
async function startAgain(): Promise<void> {
  await world.startLedger()
  await world.server.restart()
  await world.server.serving()
}

async function checkStored(): Promise<void> {
  records++
  const verified = await world.verifyEverything()
  assert.equal(verified.records, records, 'each record is there once')
  assert.equal(verified.checks, 7 * records)
}

test('killed while a commitment is on its way: sent again, the record is stored once', async () => {
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(41, canary) })
  const sending = alice.send(prepared).then(
    () => 'stored',
    (error: unknown) => codeOf(error) ?? 'unexpected',
  )
  await sleep(3)
  await killLedger()
  await startAgain()
  assert.notEqual(await sending, 'unexpected')
  await sendUntilStored(prepared)
  await checkStored()
})

test('killed when the commitment is in a block, before anybody was told: the record is completed', async () => {
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(42, canary) })
  let isStaged: () => void = () => undefined
  const staged = new Promise<void>((resolve) => (isStaged = resolve))
  let isOver: () => void = () => undefined
  const over = new Promise<void>((resolve) => (isOver = resolve))
  // The host tells nothing of blocks: the record waits, staged.
  world.hooks.request = async (op, request, honest) => {
    if (op === 'committed') {
      isStaged()
      await over
      throw Object.assign(new Error('never sent'), { code: 'TEE_RESTARTED' })
    }
    return await honest(request)
  }
  const sending = sendUnplaced(alice, prepared).catch((error: unknown) => codeOf(error))
  await staged
  world.beHonest()
  await killLedger()
  isOver()
  await startAgain()
  await sending
  // Nothing was sent again: the trusted application watches for it since its start.
  for (let i = 0; i < 200 && (await bob.records()).items.length === records; i++) await sleep(50)
  await checkStored()
})

test('while the ledger is away nothing is opened and nothing is lost; afterwards everything goes on', async () => {
  const { items } = await bob.records()
  const record = items[0]?.record
  assert.ok(record !== undefined)
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(43, canary) })
  // Sessions are open, so that it is the trusted application that refuses.
  await Promise.all([bob.session.request('ping'), alice.session.request('ping')])
  await killLedger()
  // Fail closed: the record server cannot know who may look.
  await Promise.all([
    assert.rejects(bob.read(record), (error) => codeOf(error) === 'LEDGER_UNAVAILABLE'),
    assert.rejects(alice.list(bob.ref), (error) => codeOf(error) === 'LEDGER_UNAVAILABLE'),
  ])
  await startAgain()
  assert.equal((await bob.read(record)).recordId, record)
  await sendUntilStored(prepared)
  await checkStored()
})

test('killed over and over under load, the chain stays whole and every acknowledged record is on it', async () => {
  const rounds = process.env['TRUSTHEALTH_LONG'] === '1' ? 12 : 2
  for (let round = 0; round < rounds; round++) {
    const many = await Promise.all(
      Array.from({ length: 5 }, (_, i) => alice.prepare({ patient: bob.ref, warrant, ehr: labResult(50 + i, canary) })),
    )
    const outcomes = Promise.allSettled(many.map((one) => alice.send(one)))
    await sleep(5 + round * 11)
    await killLedger()
    await startAgain()
    await outcomes
    for (const one of many) await sendUntilStored(one)
    records += many.length - 1
    await checkStored()
  }
})
