/**
 * The driver against a stand-in for the emulated machine (test-fixtures/insecure-machine.ts): what the driver does when
 * the trusted application, the machine or the channel fails. The real machine: test/optee.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { TeeDriver } from '../../src/driver.ts'
import { TA_TEXT, TRICKS } from '../test-fixtures/tricks.ts'
import { startOpteeTee, type OpteeTeeOptions } from './optee-tee.ts'
import { CALL_LIMIT_MS, QemuMachine } from './qemu.ts'
import { MAX_MESSAGE_BYTES, TA_UUID } from './session.ts'

const FIXTURE = join(import.meta.dirname, '../test-fixtures/insecure-machine.ts')
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-optee-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const quick = { firstPauseMs: 5, longestPauseMs: 20 }

function machineWith(text: string = TA_TEXT.good, command: readonly string[] = [process.execPath, FIXTURE]) {
  const own = mkdtempSync(join(folder, 'machine-'))
  const at = (name: string) => join(own, name)
  for (const name of ['flash', 'kernel', 'initrd']) writeFileSync(at(name), name)
  mkdirSync(at('ta'))
  writeFileSync(join(at('ta'), `${TA_UUID}.ta`), text)
  const files = { flash: at('flash'), kernel: at('kernel'), initrd: at('initrd') }
  const options = { files, taFolder: at('ta'), storeFolder: at('store'), logFolder: at('log'), command }
  return { machine: new QemuMachine(options), at }
}

async function start(t: TestContext, options: Partial<OpteeTeeOptions> = {}): Promise<TeeDriver> {
  const tee = await startOpteeTee({ machine: machineWith().machine, restart: quick, ...options })
  t.after(() => tee.close())
  return tee
}

const restarted = (tee: TeeDriver): Promise<void> => new Promise((resolve) => tee.onRestart(resolve))
const trick = (first: number): { record: Uint8Array } => ({ record: new Uint8Array([first, 1]) })
const tell = async (tee: TeeDriver, first: number) =>
  Buffer.from((await tee.request('record', trick(first))).record).toString()

test('it starts, says what separates it, and answers', async (t) => {
  const tee = await start(t)
  assert.equal(tee.kind, 'optee')
  assert.equal(tee.state, 'running')
  assert.deepEqual(tee.isolation, ['trustzone', 'emulated'])
  assert.deepEqual((await tee.request('record', trick(1))).record, trick(1).record)
})

test('requests of one moment are all answered, and handled together', async (t) => {
  const tee = await start(t)
  const records = Array.from({ length: 300 }, (_, i) => new Uint8Array([i & 0x7f, i >> 7, 7]))
  const answers = await Promise.all(records.map((record) => tee.request('record', { record })))
  assert.deepEqual(
    answers.map(({ record }) => record),
    records,
  )
  assert.equal(tee.outstanding, 0)
  const groups = await Promise.all(Array.from({ length: 20 }, () => tell(tee, TRICKS.group)))
  assert.ok(groups.some((size) => Number(size) > 1))
})

test('large messages go in pieces both ways, also when each answer is cut into many', async (t) => {
  const tee = await start(t, { maxMessageBytes: 4 * 1024 * 1024 })
  const record = new Uint8Array(3 * 1024 * 1024 + 17).map((_, i) => i % 251)
  const both = await Promise.all([tee.request('record', { record }), tee.request('record', { record })])
  for (const answer of both) assert.deepEqual(answer.record, record)
  await tee.request('record', trick(TRICKS.piecemeal))
  const small = record.slice(0, 5_000)
  assert.deepEqual((await tee.request('record', { record: small })).record, small)
})

test('a message that secure memory has no room for is not sent', async (t) => {
  const tee = await start(t)
  const record = new Uint8Array(MAX_MESSAGE_BYTES)
  await assert.rejects(tee.request('record', { record }), { code: 'RECORD_TOO_LARGE' })
  assert.deepEqual((await tee.request('record', trick(1))).record, trick(1).record)
})

test('what is due comes without anything being sent', async (t) => {
  const tee = await start(t)
  assert.deepEqual((await tee.request('record', trick(TRICKS.later))).record, trick(TRICKS.later).record)
})

test('too many requests at once are TEE_BUSY, and those before them are answered', async (t) => {
  const tee = await start(t, { maxOutstanding: 2 })
  const both = [tee.request('record', trick(1)), tee.request('record', trick(2))]
  await assert.rejects(tee.request('record', trick(3)), { code: 'TEE_BUSY' })
  await Promise.all(both)
})

test('after a panic what was in flight is TEE_RESTARTED; the machine goes on, the session is a new one', async (t) => {
  const tee = await start(t)
  const again = restarted(tee)
  const silent = assert.rejects(tee.request('record', trick(TRICKS.silence)), { code: 'TEE_RESTARTED' })
  await assert.rejects(tee.request('record', trick(TRICKS.panic)), { code: 'TEE_RESTARTED' })
  await silent
  await again
  assert.equal(tee.restarts, 1)
  assert.equal(await tell(tee, TRICKS.countBoots), '1')
})

test('after the machine crashed it boots again', async (t) => {
  const tee = await start(t)
  const again = restarted(tee)
  await assert.rejects(tee.request('record', trick(TRICKS.crash)), { code: 'TEE_RESTARTED' })
  await assert.rejects(tee.request('record', trick(1)), { code: 'SERVER_UNAVAILABLE' })
  await again
  assert.equal(await tell(tee, TRICKS.countBoots), '2')
})

test('a call that never returns ends with the machine: TEE_RESTARTED, and it boots again', async (t) => {
  const { machine, at } = machineWith()
  const tee = await start(t, { machine })
  const again = restarted(tee)
  // The limit passes at once, and only for this call.
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const hanging = assert.rejects(tee.request('record', trick(TRICKS.hang)), { code: 'TEE_RESTARTED' })
  while (!existsSync(join(at('store'), 'hangs'))) await turn()
  t.mock.timers.tick(CALL_LIMIT_MS)
  t.mock.timers.reset()
  await hanging
  await again
  assert.equal(await tell(tee, TRICKS.countBoots), '2')
})

for (const [name, boots] of [
  ['garbage', '2'],
  ['garbageAnswer', '2'],
  ['unasked', '2'],
] as const) {
  test(`a stream that is none (${name}) ends the machine, and it boots again`, async (t) => {
    const tee = await start(t)
    const again = restarted(tee)
    await assert.rejects(tee.request('record', trick(TRICKS[name])), { code: 'TEE_RESTARTED' })
    await again
    assert.equal(await tell(tee, TRICKS.countBoots), boots)
  })
}

test('a reason that a restart does not mend is kept, and it is not started again', async (t) => {
  const tee = await start(t)
  await assert.rejects(tee.request('record', trick(TRICKS.rolledBack)), { code: 'STATE_ROLLED_BACK' })
  assert.equal(tee.state, 'failed')
  assert.equal(tee.failure, 'STATE_ROLLED_BACK')
  await assert.rejects(tee.request('status', {}), { code: 'STATE_ROLLED_BACK' })
})

test('a program of another signer, or none, is not loaded: TEE_MEASUREMENT', async (t) => {
  await assert.rejects(start(t, { machine: machineWith(TA_TEXT.otherSigner).machine }), { code: 'TEE_MEASUREMENT' })
  const { machine, at } = machineWith()
  rmSync(join(at('ta'), `${TA_UUID}.ta`))
  await assert.rejects(start(t, { machine }), { code: 'TEE_MEASUREMENT' })
})

test('a program that ends at its start is reported, and so are a busy OP-TEE and a machine that does not start', async (t) => {
  await assert.rejects(start(t, { machine: machineWith(TA_TEXT.dead).machine }), { code: 'TEE_RESTARTED' })
  await assert.rejects(start(t, { machine: machineWith(TA_TEXT.busy).machine }), { code: 'SERVER_UNAVAILABLE' })
  const { machine } = machineWith(TA_TEXT.good, [process.execPath, '--eval', 'process.exit(1)'])
  await assert.rejects(start(t, { machine }), { code: 'SERVER_UNAVAILABLE' })
  const absent = machineWith(TA_TEXT.good, [join(folder, 'no-emulator')])
  await assert.rejects(start(t, { machine: absent.machine }), { code: 'SERVER_UNAVAILABLE' })
})

test('files that were not built are named, and nothing starts', async (t) => {
  const { machine, at } = machineWith()
  rmSync(at('kernel'))
  await assert.rejects(start(t, { machine }), { code: 'TEE_MEASUREMENT' })
})

test('closing answers what is in flight and ends the machine', async (t) => {
  const { machine } = machineWith()
  const tee = await start(t, { machine })
  const last = tee.request('record', trick(1))
  await tee.close()
  assert.deepEqual((await last).record, trick(1).record)
  assert.equal(machine.pid, undefined)
  await assert.rejects(tee.request('status', {}), { code: 'SERVER_STOPPING' })
})

test('a program that does not stop is ended, with its machine', async (t) => {
  const { machine } = machineWith()
  const tee = await start(t, { machine, stopGraceMs: 20 })
  await tee.request('record', trick(TRICKS.ignoreStop))
  await tee.close()
  assert.equal(machine.pid, undefined)
})

test('what root of the normal world reads is counted', async (t) => {
  const { machine } = machineWith()
  t.after(() => machine.close())
  assert.deepEqual(await machine.probe(0x0e100000, 0x0f000000, 4096), { readable: 0, faults: 7, refused: 1 })
})
