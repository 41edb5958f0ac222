import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test, type TestContext } from 'node:test'
import { build } from 'esbuild'
import type { Effect } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../src/driver.ts'
import { TRICKS } from '../test-fixtures/tricks.ts'
import { measure } from './measurement.ts'
import { startProcessTee, type ProcessTeeOptions } from './process-tee.ts'

let folder: string
let taPath: string
let hostPath: string
let expectedMeasurement: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trusthealth-tee-'))
  // With this in its environment a program runs what others say is its compiled form.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled')
  taPath = join(folder, 'insecure-echo.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, '../test-fixtures/insecure-echo.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: taPath,
    logLevel: 'silent',
  })
  expectedMeasurement = measure(readFileSync(taPath))
  hostPath = join(folder, 'node-host.mjs')
  writeFileSync(hostPath, "import './trusted-application.mjs'\n")
})
after(() => rmSync(folder, { recursive: true, force: true }))

const quick = { firstPauseMs: 5, longestPauseMs: 20 }

async function start(t: TestContext, options: Partial<ProcessTeeOptions> = {}): Promise<TeeDriver> {
  const storeFolder = mkdtempSync(join(folder, 'store-'))
  const tee = await startProcessTee({ taPath, hostPath, expectedMeasurement, storeFolder, restart: quick, ...options })
  t.after(() => tee.close())
  return tee
}

const restarted = (tee: TeeDriver): Promise<void> => new Promise((resolve) => tee.onRestart(resolve))
const trick = (first: number): { record: Uint8Array } => ({ record: new Uint8Array([first, 1]) })

test('requests of one moment are all answered, each with its own answer', async (t) => {
  const tee = await start(t)
  const records = Array.from({ length: 300 }, (_, i) => new Uint8Array([i & 0x7f, i >> 7, 7]))
  const answers = await Promise.all(records.map((record) => tee.request('record', { record })))
  assert.deepEqual(
    answers.map(({ record }) => record),
    records,
  )
  assert.equal(tee.outstanding, 0)
})

test('the largest record passes', async (t) => {
  const tee = await start(t)
  const record = new Uint8Array(8 * 1024 * 1024 + 32 * 1024).fill(5)
  assert.deepEqual((await tee.request('record', { record })).record, record)
})

for (const insecureConfinement of [undefined, 'unshare', 'none'] as const) {
  test(`it runs confined (${insecureConfinement ?? 'strongest'}): what is listed is in force`, async (t) => {
    const tee = await start(t, insecureConfinement === undefined ? {} : { insecureConfinement })
    const { isolation, measurement } = await tee.request('status', {})
    assert.deepEqual(isolation, tee.isolation)
    assert.ok(isolation.includes('own-process') && isolation.includes('permission-model'))
    if (insecureConfinement !== undefined) assert.ok(!isolation.includes('seccomp') && !isolation.includes('own-files'))
    if (insecureConfinement === 'none') assert.ok(!isolation.includes('no-network'))
    assert.equal(Buffer.from(measurement).toString('hex'), expectedMeasurement)
    const { record } = await tee.request('record', trick(TRICKS.lookAround))
    const reached = JSON.parse(Buffer.from(record).toString()) as string[]
    // The permission model closes files and programs everywhere; what else is open is not in the list.
    const open = [
      ...(isolation.includes('seccomp') ? [] : ['open a socket']),
      ...(isolation.includes('no-network') ? [] : ['see the network']),
    ]
    assert.deepEqual(reached.toSorted(), open.toSorted())
  })
}

test('another file than the expected one is not started: TEE_MEASUREMENT', async (t) => {
  const changed = join(folder, 'changed.mjs')
  writeFileSync(changed, Buffer.concat([readFileSync(taPath), Buffer.from('\n')]))
  await assert.rejects(start(t, { taPath: changed }), { code: 'TEE_MEASUREMENT' })
  await assert.rejects(start(t, { taPath: join(folder, 'absent.mjs') }), { code: 'TEE_MEASUREMENT' })
  await assert.rejects(start(t, { expectedMeasurement: '' }), { code: 'TEE_MEASUREMENT' })
  await assert.rejects(start(t, { hostPath: join(folder, 'absent.mjs') }), { code: 'TEE_MEASUREMENT' })
})

test('what is started is the copy that was measured, read-only, whatever becomes of the file', async (t) => {
  const path = join(folder, 'replaced.mjs')
  writeFileSync(path, readFileSync(taPath))
  const storeFolder = mkdtempSync(join(folder, 'store-'))
  const tee = await start(t, { taPath: path, storeFolder })
  const copy = join(storeFolder, 'run', 'trusted-application.mjs')
  assert.equal(statSync(copy).mode & 0o777, 0o400)
  writeFileSync(path, 'process.exit(0)')
  rmSync(copy)
  writeFileSync(copy, 'process.exit(0)')
  const again = restarted(tee)
  await assert.rejects(tee.request('record', trick(TRICKS.crash)), { code: 'TEE_RESTARTED' })
  await again
  assert.equal(measure(readFileSync(copy)), expectedMeasurement)
  assert.deepEqual((await tee.request('record', trick(1))).record, trick(1).record)
})

test('after a crash what was in flight is TEE_RESTARTED, and it works again', async (t) => {
  const tee = await start(t)
  const again = restarted(tee)
  const waiting = [tee.request('record', trick(TRICKS.silence)), tee.request('record', trick(TRICKS.crash))]
  for (const request of waiting) await assert.rejects(request, { code: 'TEE_RESTARTED' })
  await assert.rejects(tee.request('record', trick(1)), { code: 'SERVER_UNAVAILABLE' })
  await again
  assert.deepEqual((await tee.request('record', trick(1))).record, trick(1).record)
  assert.equal(tee.restarts, 1)
})

test('a stream that is no stream of frames, or an answer of another kind, ends the process', async (t) => {
  for (const first of [TRICKS.garbage, TRICKS.anotherAnswer]) {
    const tee = await start(t)
    const again = restarted(tee)
    await assert.rejects(tee.request('record', trick(first)), { code: 'TEE_RESTARTED' })
    await again
    assert.equal(tee.restarts, 1)
  }
})

test('a reason that a restart does not mend is kept, and it is not started again', async (t) => {
  const tee = await start(t)
  const effects: Effect[] = []
  tee.onEffect((effect) => effects.push(effect))
  await assert.rejects(tee.request('record', trick(TRICKS.rolledBack)), { code: 'STATE_ROLLED_BACK' })
  assert.deepEqual(effects, [{ fx: 'fatal', code: 'STATE_ROLLED_BACK' }])
  assert.equal(tee.state, 'failed')
  assert.equal(tee.failure, 'STATE_ROLLED_BACK')
  await assert.rejects(tee.request('status', {}), { code: 'STATE_ROLLED_BACK' })
  assert.equal(tee.restarts, 0)
})

test('an application that ends at its start is reported, not restarted for ever', async (t) => {
  const path = join(folder, 'ends.mjs')
  writeFileSync(path, 'process.exit(1)')
  const ended = start(t, { taPath: path, expectedMeasurement: measure(readFileSync(path)) })
  await assert.rejects(ended, { code: 'TEE_RESTARTED' })
})

test('too many requests or bytes at once are TEE_BUSY, and those before them are answered', async (t) => {
  const tee = await start(t, { maxOutstanding: 3, maxOutstandingBytes: 1_000 })
  const waiting = [1, 2, 3].map((n) => tee.request('record', trick(n)))
  await assert.rejects(tee.request('record', trick(4)), { code: 'TEE_BUSY' })
  await Promise.all(waiting)
  await assert.rejects(tee.request('record', { record: new Uint8Array(1_000) }), { code: 'TEE_BUSY' })
  await tee.request('record', { record: new Uint8Array(800) })
})

test('effects arrive, before the answer that was written after them', async (t) => {
  const tee = await start(t)
  const seen: string[] = []
  tee.onEffect((effect) => seen.push(effect.fx))
  await tee.request('record', trick(TRICKS.notice))
  assert.deepEqual(seen, ['notice'])
})

test('effects that come before anybody listens are kept for the listener', async (t) => {
  const tee = await start(t)
  await tee.request('record', trick(TRICKS.notice))
  const seen: string[] = []
  tee.onEffect((effect) => seen.push(effect.fx))
  assert.deepEqual(seen, ['notice'])
  await tee.request('record', trick(TRICKS.notice))
  assert.deepEqual(seen, ['notice', 'notice'])
})

test('closing answers what is in flight, ends the process and starts nothing new', async (t) => {
  const tee = await start(t)
  const last = tee.request('record', trick(1))
  await tee.close()
  assert.deepEqual((await last).record, trick(1).record)
  assert.equal(tee.state, 'closed')
  await assert.rejects(tee.request('status', {}), { code: 'SERVER_STOPPING' })
  await tee.close()
})

test('an application that does not stop is killed', async (t) => {
  const tee = await start(t, { stopGraceMs: 50 })
  await tee.request('record', trick(TRICKS.ignoreStop))
  const waiting = assert.rejects(tee.request('record', trick(TRICKS.silence)), { code: 'SERVER_STOPPING' })
  await tee.close()
  await waiting
})

test('what it writes to standard error comes as lines of bounded length', async (t) => {
  const lines: string[] = []
  const tee = await start(t, { onDiagnostic: (line) => lines.push(line) })
  await tee.request('record', trick(TRICKS.complain))
  await tee.close()
  assert.deepEqual(
    lines.map((line) => line.length),
    [500, 11],
  )
})

test('nothing of a request is left on the disk by the driver', async (t) => {
  const storeFolder = mkdtempSync(join(folder, 'store-'))
  const tee = await start(t, { storeFolder })
  const canary = 'canary-of-a-record'
  await tee.request('record', { record: Buffer.from(canary) })
  await tee.close()
  const files = readdirSync(storeFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.ok(files.length >= 1)
  for (const file of files) assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(canary))
})
