/**
 * The suites of the ports, run by the engine inside the secure world of the emulated machine; and the trusted application
 * itself, which says there what it is.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeFrame,
  encodeRequest,
  FrameReader,
} from '../../shared/tee-abi/src/index.ts'
import { builtFiles, builtFolder, QemuMachine } from '../../tee/optee/src/index.ts'
import { ROOT } from '../../tools/files.ts'

const SUITES_UUID = '9601f671-238a-4ea9-bac8-8323317539fb'
const ENDED = 4
const LEAST_TESTS = 30

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-optee-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Each with a disk of its own: a store is of one application, and what the suites write is damage to another. */
function boot(t: TestContext, name: string): QemuMachine {
  const machine = new QemuMachine({
    files: builtFiles(),
    taFolder: join(builtFolder(), 'ta'),
    storeFolder: join(folder, name),
    logFolder: join(folder, `${name}-log`),
  })
  t.after(() => machine.close())
  return machine
}

test('every port passes its suite inside the secure world', async (t) => {
  const session = await boot(t, 'suites').open(SUITES_UUID)
  await session.start()
  const lines: string[] = []
  for (;;) {
    const { output, flags } = await session.exchange(new Uint8Array(0), false)
    if ((flags & ENDED) !== 0) break
    lines.push(Buffer.from(output).toString('utf8').trim())
  }
  assert.ok(lines.length >= LEAST_TESTS)
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('ok ')),
    [],
  )
})

test('the trusted application runs there under the measurement of the one bundle', async (t) => {
  const bundle = createHash('sha256')
    .update(readFileSync(join(ROOT, 'dist/ta/trusted-application.mjs')))
    .digest('hex')
  const machine = boot(t, 'application')
  const session = await machine.open()
  await session.start()
  const { output } = await session.exchange(encodeFrame(encodeRequest({ id: 1, op: 'status' })), false)
  const [message] = new FrameReader().push(output).map(decodeTaMessage)
  assert.equal(message?.kind, 'answer')
  const outcome = decodeOutcome('status', message?.kind === 'answer' ? message.body : null)
  assert.ok(outcome.ok)
  assert.equal(outcome.answer.state, 'new')
  assert.deepEqual(outcome.answer.isolation, ['trustzone', 'emulated'])
  assert.equal(Buffer.from(outcome.answer.measurement).toString('hex'), bundle)
  assert.equal((await machine.describe()).get('measurement'), bundle)
})
