/**
 * As much as a record server with little memory has room for, all at once: every session, every handshake that may be
 * under way, every record that may wait for its commitment, the largest request. What goes past it is answered by a code
 * or makes room by rule, and all of it is stored and verified in the end.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnavailable, type DoctorClient, type NewRecord, type PreparedRecord } from '../../clients/sdk/src/index.ts'
import { SMALL_LIMITS } from '../../secure/core/src/limits.ts'
import { startHandshake } from '../../shared/protocol/src/session/index.ts'
import { labResult, type TestWorld } from '../../testkit/src/world/index.ts'

/** Records in one request, of about 1 kB each: half of what it may have. */
const AT_ONCE = 16
/** Of a request beside its record, at most. */
const REQUEST_BYTES = 512
/** Of connections that no client of the world has. */
const FIRST_CONNECTION = 1_000_000
const ATTEMPTS = 5
const LOOK_MS = 100
/** Five minutes: an emulated machine with other work beside it. */
const LOOKS = 3_000
const MAY_COME_AGAIN: ReadonlySet<string> = new Set(['COMMITMENT_MISSING', 'TEE_BUSY'])

/** @param told when it is as full as its text says. */
export async function fillRoom(world: TestWorld, told: (when: string) => Promise<void>): Promise<void> {
  const { sessions, halfOpen, stagedOfAuthor, stagedRecords, recordBytes } = SMALL_LIMITS
  const status = () => world.server.tee.request('status', {})
  const bob = await world.patient('bob')
  const [greedy, other, late] = [await world.doctor('alice'), await world.doctor('cleo'), await world.doctor('dora')]
  const { warrant } = await world.permit(bob, [greedy, other, late])
  const prepare = (author: DoctorClient, value: number, note?: string) => {
    const record: NewRecord = { patient: bob.ref, warrant, ehr: labResult(value, note) }
    return author.prepare(record)
  }
  const prepareMany = (author: DoctorClient, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => prepare(author, i)))
  const first = await greedy.send(await prepare(greedy, 0))

  // Every session; past them the least recently used goes, and whoever had it gets another.
  for (let i = 0; i < sessions + 2; i++) {
    const { session } = await world.doctor('alice')
    await untilAnswered(() => session.maxRecordBytes())
    assert.ok((await status()).sessions <= sessions)
  }
  assert.equal((await status()).sessions, sessions)
  await told(`${sessions} sessions`)
  assert.deepEqual((await bob.read(first.recordId)).ehr, labResult(0))

  // Larger than the largest request: nothing opens it.
  const { envelope: empty } = await prepare(late, 1, '')
  const note = 'x'.repeat(recordBytes - REQUEST_BYTES - empty.length)
  const larger = await prepare(late, 1, `${note}${'x'.repeat(REQUEST_BYTES)}`)
  await assert.rejects(late.send(larger), { code: 'RECORD_TOO_LARGE' })
  const unopened = world.server.tee.request('record', { record: new Uint8Array(recordBytes + 1) })
  await assert.rejects(unopened, { code: 'RECORD_TOO_LARGE' })

  // Every record that may wait: their texts are here, their commitments are not on the ledger yet.
  const ofGreedy = await prepareMany(greedy, stagedOfAuthor)
  const ofOther = await prepareMany(other, stagedRecords - stagedOfAuthor)
  const uploads = stage(greedy, ofGreedy)
  const areWaiting = async (records: number) => {
    for (let look = 1; (await status()).waiting < records; look++) {
      assert.ok(look < LOOKS, `${records} records do not wait`)
      await sleep(LOOK_MS)
    }
  }
  await areWaiting(stagedOfAuthor)
  await assert.rejects(stageOne(greedy, await prepare(greedy, 1)), { code: 'TEE_BUSY' })
  uploads.push(...stage(other, ofOther))
  await areWaiting(stagedRecords)
  await assert.rejects(stageOne(late, await prepare(late, 1)), { code: 'TEE_BUSY' })
  const [largest, oneMore] = await Promise.all([prepare(late, 2, note), beginHandshakes(world)])
  await assert.rejects(stageOne(late, largest), { code: 'TEE_BUSY' })
  await told(`${stagedRecords} records wait, ${halfOpen} handshakes are begun, one more is ${oneMore}`)

  await sendAll(greedy, ofGreedy)
  await sendAll(other, ofOther)
  await Promise.all(uploads)
  await sendAll(late, [largest])
  await told(`${stagedRecords} records and one of ${recordBytes / 1024} KiB are stored`)
  const read = await bob.read(largest.recordId)
  assert.deepEqual(read.ehr, labResult(2, note))
  assert.ok((await bob.verify(read)).checks.every(({ result }) => result === 'pass'))
  assert.equal((await status()).records, stagedRecords + 2)
  assert.equal(world.server.tee.restarts, 0)
}

/**
 * The first halves of handshakes, each on a connection of its own, and one that there is no room for.
 * @returns what became of that one: on a slow machine the first ones have ended when it comes, and it has their place.
 */
async function beginHandshakes({ crypto, server }: TestWorld): Promise<'refused' | 'begun'> {
  const { halfOpen, halfOpenMs } = SMALL_LIMITS
  const begin = async (conn: number): Promise<void> => {
    await server.tee.request('hello', { hello: startHandshake(crypto).hello, conn })
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: halfOpen }, (_, i) => begin(FIRST_CONNECTION + i)))
  const oneMore = await begin(FIRST_CONNECTION + halfOpen).catch((error: unknown) => (error as { code?: string }).code)
  if (oneMore === undefined) assert.ok(performance.now() - startMs >= halfOpenMs, 'one more than there is room for')
  else assert.equal(oneMore, 'SESSION_TOO_MANY_HALF_OPEN')
  return oneMore === undefined ? 'begun' : 'refused'
}

/** On a machine that has much to do, a connection may end before its handshake does: then there is another one. */
async function untilAnswered<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error) || attempt === ATTEMPTS) throw error
    }
  }
}

/** Text without commitment; however it ends: it is sent again. */
function stage(author: DoctorClient, prepared: readonly PreparedRecord[]): Promise<unknown>[] {
  return groups(prepared).map((group) => {
    const envelopes = group.map(({ envelope }) => envelope)
    return author.session.request('record.store-many', { envelopes }).catch(() => undefined)
  })
}

async function stageOne(author: DoctorClient, { envelope }: PreparedRecord): Promise<unknown> {
  return await author.session.request('record.store', { envelope, kind: 'record' })
}

/** As an import does: what has no room, or has waited too long, goes again, and is stored once. */
async function sendAll(author: DoctorClient, prepared: readonly PreparedRecord[]): Promise<void> {
  for (const group of groups(prepared)) {
    for (let look = 1; !(await areStored(author, group)); look++) {
      assert.ok(look < LOOKS, 'records are not stored')
      await sleep(LOOK_MS)
    }
  }
}

async function areStored(author: DoctorClient, group: readonly PreparedRecord[]): Promise<boolean> {
  try {
    const outcomes = await author.sendMany(group)
    const codes = outcomes.flatMap((outcome) => ('code' in outcome ? [outcome.code] : []))
    for (const code of codes) assert.ok(MAY_COME_AGAIN.has(code), code)
    return codes.length === 0
  } catch (error) {
    if (isUnavailable(error)) return false
    throw error
  }
}

function groups(prepared: readonly PreparedRecord[]): readonly PreparedRecord[][] {
  return Array.from({ length: Math.ceil(prepared.length / AT_ONCE) }, (_, i) =>
    prepared.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  )
}
