/**
 * The binding to libteec against a stand-in in C with the structures of libteec 4: calls, shared memory, results, and what
 * goes wrong. With a real OP-TEE: test/e2e/optee-libteec.optee.test.ts. On a board it has not been run.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CALL_LIMIT_MS, openLibteec } from './libteec.ts'
import { MAX_INPUT_BYTES, type OpteeMachine, type TaSession } from './session.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-libteec-'))
const library = join(folder, 'libteec.so')
after(() => rmSync(folder, { recursive: true, force: true }))
before(() => {
  const source = join(import.meta.dirname, '../test-fixtures/insecure-libteec.c')
  execFileSync('gcc', ['-O1', '-Wall', '-shared', '-fPIC', '-o', library, source])
})

test('pieces go through shared memory, with flags both ways', async () => {
  const machine = await openLibteec({ library })
  assert.deepEqual(machine.isolation, ['trustzone'])
  const session = await machine.open()
  await session.start()
  const input = new Uint8Array(MAX_INPUT_BYTES).map((_, i) => i % 251)
  assert.deepEqual(await session.exchange(input, false), { flags: 0x10, output: input })
  assert.deepEqual(await session.exchange(Uint8Array.of(1, 2), true), { flags: 0x20, output: Uint8Array.of(1, 2) })
  await assert.rejects(session.exchange(new Uint8Array(MAX_INPUT_BYTES + 1), false), RangeError)
  await session.close()
  await machine.close()
})

test('one session at a time; after the program died a new one is had', async () => {
  const machine = await openLibteec({ library })
  const session = await machine.open()
  await session.start()
  await assert.rejects(machine.open(), { code: 'SERVER_UNAVAILABLE' })
  await assert.rejects(session.exchange(Uint8Array.of(0xff), false), { code: 'SERVER_UNAVAILABLE' })
  await assert.rejects(session.exchange(Uint8Array.of(1), false), { code: 'SERVER_UNAVAILABLE' })
  await session.close()
  const second = await machine.open()
  await assert.rejects(second.exchange(Uint8Array.of(1), false), { code: 'TEE_FAULT' })
  await second.start()
  assert.equal((await second.exchange(new Uint8Array(), false)).output.length, 0)
  await second.close()
  await second.close()
  await machine.close()
})

test('a call that never returns is given up; its session is had again once it did return', async (t) => {
  const machine = await openLibteec({ library })
  const session = await machine.open()
  await session.start()
  const hangs = join(folder, 'hangs')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const call = assert.rejects(session.exchange(Buffer.from(`\xfe${hangs}\0`, 'latin1'), false), {
    code: 'SERVER_UNAVAILABLE',
  })
  while (!existsSync(hangs)) await turn()
  t.mock.timers.tick(CALL_LIMIT_MS)
  t.mock.timers.reset()
  await call
  await session.lost
  await assert.rejects(session.exchange(Uint8Array.of(1), false), { code: 'SERVER_UNAVAILABLE' })
  await session.close()
  // The secure world is still in that call: nobody else gets in.
  await assert.rejects(machine.open(), { code: 'SERVER_UNAVAILABLE' })
  rmdirSync(hangs)
  const second = await untilOpen(machine)
  await second.start()
  assert.deepEqual((await second.exchange(Uint8Array.of(3), false)).output, Uint8Array.of(3))
  await second.close()
  await machine.close()
})

test('whoever ends the machine does not wait for a call that hangs', async () => {
  const machine = await openLibteec({ library })
  const session = await machine.open()
  await session.start()
  const hangs = join(folder, 'hangs-too')
  const call = assert.rejects(session.exchange(Buffer.from(`\xfe${hangs}\0`, 'latin1'), false), {
    code: 'SERVER_UNAVAILABLE',
  })
  while (!existsSync(hangs)) await turn()
  machine.kill()
  await call
  await session.close()
  rmdirSync(hangs)
  await (await untilOpen(machine)).close()
  await machine.close()
})

test('a machine without libteec says so', async () => {
  await assert.rejects(openLibteec({ library: join(folder, 'absent.so') }), { code: 'SERVER_UNAVAILABLE' })
})

/** As the driver does: again and again until the secure world is done with the call before. */
async function untilOpen(machine: OpteeMachine): Promise<TaSession> {
  for (;;) {
    try {
      return await machine.open()
    } catch {
      await turn()
    }
  }
}
