/**
 * The machine of the record server is gone, with the device that had the key: the real programs restore it on new
 * hardware, from a backup without any key, shares of two of three hospitals, and the votes of the organisations.
 * docs/protocol/12-recovery-shares.md, docs/operations/backups.md.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { filesBelow } from '../../../testkit/src/world/index.ts'
import { cliSystem } from './started-system.ts'
import { runCommand, wordsOf } from './transcript.ts'

const { root, place, start, run, dataOf } = cliSystem('restore')
const backup = join(root, 'backup')
const machine = join(place.state, 'server')
const BOUND_MS = 60_000

async function refusalOf(line: string): Promise<string> {
  const { exit, out } = await runCommand(place, wordsOf(`${line} --json`))
  assert.notEqual(exit, 0, out)
  return (JSON.parse(out) as { error: { code: string } }).error.code
}

interface Shared {
  readonly state: string
  readonly failure: string | null
  readonly shares: { readonly threshold: number; readonly held: readonly string[] } | null
  readonly restoring: {
    readonly instance: string
    readonly progress?: { readonly given: readonly string[]; readonly isComplete: boolean }
  } | null
}

/** Polls until it is so. */
async function until<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  const untilMs = performance.now() + BOUND_MS
  for (;;) {
    const found = await look()
    if (isSo(found)) return found
    assert.ok(performance.now() < untilMs, JSON.stringify(found))
    await sleep(100)
  }
}

const records: string[] = []
let instance = ''

test('three hospitals have a share each, and the store is copied while it is served', async () => {
  const hospitals = ['A', 'B', 'C'].flatMap((letter) => ['--hospital', `Hospital ${letter}`])
  const started = await start(...hospitals)
  assert.equal(started.exit, undefined, started.text)
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await run('warrant issue --doctor alice --until 7d --as bob')
  for (let i = 0; i < 3; i++) {
    records.push((await dataOf<{ record: string }>('record store potassium.json --patient bob --as alice')).record)
  }
  const { shares } = await until(
    () => dataOf<Shared>('recovery shares'),
    (found) => found.shares?.held.length === 3,
  )
  assert.equal(shares?.threshold, 2)
  // Nothing to give while the server is there.
  assert.equal(await refusalOf('recovery give --as hospital-a'), 'TEE_ALREADY_PROVISIONED')
  // The last copy has everything that the ledger vouches for.
  interface Anchors {
    readonly anchored: { readonly size: number } | null
  }
  const anchored = async () => (await dataOf<Anchors>('recovery show')).anchored?.size ?? 0
  // Hospitals' services still ask, which the server logs and anchors: the next copy has that, and this one serves no more.
  await until(
    async () => {
      await run(`backup store ${backup}`)
      await sleep(2_000)
      const size = await anchored()
      const { exit } = await runCommand(place, wordsOf(`backup prove ${backup}`))
      return { exit, isAnchored: size > 0 }
    },
    ({ exit, isAnchored }) => exit === 0 && isAnchored,
  )
})

test('the machine is gone: without its device nothing in the backup opens', async () => {
  await run('stop')
  const deviceKey = readFileSync(join(machine, 'store', 'data', 'device.key'))
  rmSync(machine, { recursive: true, force: true })
  for (const file of filesBelow(backup)) assert.equal(readFileSync(file).includes(deviceKey), false)
})

test('new hardware gets no share before the organisations voted for it', async () => {
  const started = await start('--restore', backup)
  assert.equal(started.exit, undefined, started.text)
  instance = (await dataOf<Shared>('recovery shares')).restoring?.instance ?? ''
  assert.match(instance, /^[0-9a-f]{64}$/)
  assert.equal(await refusalOf('recovery give --as hospital-a'), 'RECOVERY_NOT_APPROVED')
  await run(`recovery approve --instance ${instance} --hospital "Hospital A"`)
  await run(`recovery approve --instance ${instance} --hospital "Hospital B"`)
  // Two of four organisations are not more than half.
  assert.equal(await refusalOf('recovery give --as hospital-a'), 'RECOVERY_NOT_APPROVED')
})

test('one hospital is too few; nobody but it gives its share', async () => {
  await run(`recovery approve --instance ${instance}`)
  const plan = await dataOf<{ share: { number: number } }>('recovery give --as hospital-a --dry-run')
  assert.ok(plan.share.number >= 1)
  const given = await dataOf<{ given: string[]; isComplete: boolean }>('recovery give --as hospital-a')
  assert.deepEqual(given, { ...given, given: ['HospitalA'], isComplete: false })
  const { state, restoring } = await dataOf<Shared>('recovery shares')
  assert.deepEqual([state, restoring?.progress?.given], ['restoring', ['HospitalA']])
  assert.notEqual((await runCommand(place, wordsOf('recovery give --as bob'))).exit, 0)
  // A hospital that lost its file has nothing to give.
  rmSync(join(place.state, 'hospitals', 'hospital-b', 'recovery-shares.json'))
  assert.equal(await refusalOf('recovery give --as hospital-b'), 'RECOVERY_NO_SHARE')
  assert.notEqual((await runCommand(place, wordsOf(`record get ${records[0]} --as bob`))).exit, 0)
})

test('with the second hospital it serves every record, stores new ones, and starts again by itself', async () => {
  const given = await dataOf<{ isComplete: boolean }>('recovery give --as hospital-c')
  assert.equal(given.isComplete, true)
  await until(
    () => dataOf<Shared>('recovery shares'),
    ({ state, failure }) => {
      assert.equal(failure, null)
      return state === 'serving'
    },
  )
  for (const record of records) assert.match((await run(`record get ${record} --as bob`)).out, /Potassium/)
  await run('record store potassium.json --patient bob --as alice')
  await run('stop')
  const again = await start()
  assert.equal(again.exit, undefined, again.text)
  assert.equal((await dataOf<unknown[]>('record list --as bob')).length, records.length + 1)
  await run('attest')
})
