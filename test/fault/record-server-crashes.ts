/**
 * The suite for a trusted application that is killed at every step of a write, on either ledger. Whatever was
 * acknowledged is there afterwards; what was not is completed by sending it again, once; nothing is stored twice. Real
 * processes, kill -9.
 *
 * The points are chosen by what the host sees pass: it is the host that kills.
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
} from '../../clients/sdk/src/index.ts'
import { verifyReceipt } from '../../shared/protocol/src/index.ts'
import type { AbiOpName } from '../../shared/tee-abi/src/index.ts'
import {
  bundleTee,
  canFindProcesses,
  killTrustedApplication,
  labResult,
  openTestWorld,
  sendUnplaced,
  type BundledTee,
  type TestWorld,
  type TestWorldOptions,
} from '../../testkit/src/world/index.ts'

const MAX_ATTEMPTS = 60
/** Records that are on their way together when it is killed again and again. */
const AT_ONCE = 4
/**
 * After so many kills the whole world is checked from its beginning, and at the end; after every kill what is new. A whole
 * check reads everything again: with each of 200 kills that would take hours.
 */
const WHOLE_EVERY = 20

interface Receipted {
  readonly receipt: string
}

interface Sent {
  readonly prepared: PreparedRecord
  readonly stored: Receipted
}

/** @param ledger which one the world has. */
export function crashesOfTheRecordServer(ledger: Pick<TestWorldOptions, 'fabric'>): void {
  let tee: BundledTee
  let world: TestWorld
  let bob: PatientClient
  let alice: DoctorClient
  let warrant: string
  let canary: string
  let records = 0

  before(async () => {
    tee = await bundleTee()
    // A whole check asks for every record at once: the hospitals would take 700 of them for a flood, and be right.
    world = await openTestWorld({ ...ledger, tee, hospital: { requestsPerMinute: 100_000 } })
    bob = await world.patient('bob')
    alice = await world.doctor('alice')
    warrant = (await world.permit(bob, [alice])).warrant
    canary = world.canary()
  })
  after(async () => {
    await world?.close()
    tee?.remove()
  })

  const options = { skip: !canFindProcesses && 'needs /proc' }

  function kill(): void {
    assert.ok(killTrustedApplication(world.server.dataFolder) > 0, 'the trusted application was running')
  }

  /** Kills when the host is about to do what it is asked; `after`: when it has done it. */
  function killAtEffect(fx: 'need' | 'watch' | 'anchor', when: 'before' | 'after'): () => boolean {
    let isKilled = false
    world.hooks.effect = (effect, honest) => {
      const isHere = effect.fx === fx && !isKilled
      if (isHere && when === 'before') {
        isKilled = true
        kill()
        return
      }
      honest(effect)
      if (isHere) {
        isKilled = true
        kill()
      }
    }
    return () => isKilled
  }

  /**
   * Kills around a request of the host. `before`: it is not sent; `sent`: it is on its way; `after`: it was answered, and
   * the answer is lost.
   */
  function killAtRequest(op: AbiOpName, when: 'before' | 'sent' | 'after', delayMs = 0): () => boolean {
    let isKilled = false
    world.hooks.request = async (name, request, honest) => {
      if (name !== op || isKilled) return await honest(request)
      isKilled = true
      if (when === 'before') {
        kill()
        await sleep(5)
        return await honest(request)
      }
      const answering = honest(request)
      if (when === 'after') await answering
      if (delayMs > 0) await sleep(delayMs)
      kill()
      if (when === 'after') await sleep(5)
      return await answering.then(() => Promise.reject(Object.assign(new Error('lost'), { code: 'TEE_RESTARTED' })))
    }
    return () => isKilled
  }

  const send = (prepared: PreparedRecord): Promise<Receipted> => alice.send(prepared)

  /** Sends until it is stored, as a client does that has a record to write. */
  async function sendUntilStored(
    prepared: PreparedRecord,
    way = send,
  ): Promise<{ readonly stored: Receipted; tries: number }> {
    for (let tries = 1; ; tries++) {
      try {
        return { stored: await way(prepared), tries }
      } catch (error) {
        const isWorthIt = isUnavailable(error) || ['SESSION_UNKNOWN', 'TEE_RECOVERING'].includes(codeOf(error) ?? '')
        if (!isWorthIt || tries === MAX_ATTEMPTS) throw error
        await sleep(100)
      }
    }
  }

  /** The receipts are for what was sent, and everything that was ever stored is there once and verifies. */
  async function checkStored(...sent: readonly Sent[]): Promise<void> {
    await checkReceipts(sent)
    const verified = await world.verifyEverything()
    assert.equal(verified.records, records, 'each record is there once')
    assert.equal(verified.checks, 7 * records)
  }

  /** The same of what was sent now: it verifies, everything that was ever stored is listed once, and the log went on. */
  async function checkNewest(sent: readonly Sent[]): Promise<void> {
    await checkReceipts(sent)
    const verified = await world.verifyNewest(sent.map(({ prepared }) => prepared.recordId))
    assert.equal(verified.records, records, 'each record is there once')
    assert.equal(verified.checks, 7 * sent.length)
  }

  async function checkReceipts(sent: readonly Sent[]): Promise<void> {
    records += sent.length
    await world.server.serving()
    const registration = (await world.server.tee.request('status', {})).identityKey
    assert.ok(registration !== undefined)
    const key = world.crypto.importVerifyingKey(registration)
    for (const { prepared, stored } of sent) {
      const { commitment } = prepared
      const receipt = verifyReceipt(world.crypto, stored.receipt, { server: world.serverRef, key, commitment })
      assert.equal(receipt.recordId, prepared.recordId)
    }
  }

  /** The author says where the fingerprints are: stored in one round. */
  const POINTS: Readonly<Record<string, () => () => boolean>> = {
    'the request never arrives': () => killAtRequest('record', 'before'),
    'the request is on its way': () => killAtRequest('record', 'sent'),
    'the request arrived, nothing is on disk': () => killAtRequest('record', 'sent', 1),
    'it asks the ledger about the permission': () => killAtEffect('need', 'before'),
    'the answers of the ledger are on their way': () => killAtRequest('endorsement', 'sent'),
    'the answers of the ledger arrived': () => killAtRequest('endorsement', 'after'),
    'it is stored, the answer is lost': () => killAtRequest('record', 'after'),
    'a checkpoint is to be anchored': () => killAtEffect('anchor', 'before'),
    'a checkpoint is on its way to the ledger': () => killAtEffect('anchor', 'after'),
    'a checkpoint is anchored, the application was not told': () => killAtRequest('anchored', 'before'),
  }

  /** The author does not say it: staged, and stored when the host has found them. */
  const POINTS_OF_STAGED: typeof POINTS = {
    'the record is staged and on disk, the ledger does not have it': () => killAtEffect('watch', 'before'),
    'the host looks for the commitment': () => killAtEffect('watch', 'after'),
    'the ledger has it, the application was not told': () => killAtRequest('committed', 'before'),
    'the application is being told': () => killAtRequest('committed', 'sent'),
    'the application was told': () => killAtRequest('committed', 'after'),
  }

  const all = [
    ...Object.entries(POINTS).map(([point, arm]) => ({ point, arm, way: send })),
    ...Object.entries(POINTS_OF_STAGED).map(([point, arm]) => {
      return { point, arm, way: (prepared: PreparedRecord) => sendUnplaced(alice, prepared) }
    }),
  ]
  for (const { point, arm, way } of all) {
    test(`killed when ${point}: sent again, it is stored once`, options, async () => {
      await world.server.serving()
      // The session is there: the kill meets the write and not the handshake.
      await alice.session.request('ping')
      const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(40 + records, canary) })
      const wasKilled = arm()
      const { stored } = await sendUntilStored(prepared, way)
      // Checkpoints come a little later than the answer.
      for (let i = 0; i < 100 && !wasKilled(); i++) await sleep(50)
      world.beHonest()
      assert.ok(wasKilled(), 'the point was passed')
      await checkStored({ prepared, stored })
    })
  }

  test(
    'killed at any moment, over and over, nothing acknowledged is lost and nothing is stored twice',
    options,
    async (t) => {
      const rounds = process.env['TRUSTHEALTH_LONG'] === '1' ? 200 : 4
      for (let round = 0; round < rounds; round++) {
        await world.server.serving()
        await alice.session.request('ping').catch(() => undefined)
        const value = (i: number): number => 100 + AT_ONCE * round + i
        const making = Array.from({ length: AT_ONCE }, (_, i) =>
          alice.prepare({ patient: bob.ref, warrant, ehr: labResult(value(i), canary) }),
        )
        const prepared = await Promise.all(making)
        const killing = sleep((round * 7) % 45).then(() => killTrustedApplication(world.server.dataFolder))
        const sent = await Promise.all(prepared.map((one) => sendUntilStored(one)))
        await killing
        const stored = sent.map((one, i) => ({ prepared: prepared[i] as PreparedRecord, stored: one.stored }))
        await checkNewest(stored)
        const done = round + 1
        if (done % WHOLE_EVERY !== 0 && done < rounds) continue
        await checkStored()
        t.diagnostic(`${done} kills, ${records} records: everything verified`)
      }
    },
  )

  test('the answer to a repeated upload is the receipt of the first one', options, async () => {
    await world.server.serving()
    const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(99) })
    const { stored: first } = await sendUntilStored(prepared)
    kill()
    const { stored: again } = await sendUntilStored(prepared)
    const claims = (jws: string) => Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()
    assert.equal(claims(again.receipt), claims(first.receipt))
    await checkStored({ prepared, stored: again })
  })
}
