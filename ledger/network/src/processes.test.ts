import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { waitUntil } from './health.ts'
import { endProgram, type Program, runningPid, startProgram } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'processes-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A program that says a word and stays; `stubborn`: SIGTERM does not end it. */
function program(name: string, stubborn = false): Program {
  const code = `${stubborn ? "process.on('SIGTERM', () => {});" : ''} setInterval(() => {}, 1000); console.log('ready')`
  return {
    command: process.execPath,
    args: ['-e', code],
    env: {},
    cwd: folder,
    log: join(folder, `${name}.log`),
    record: join(folder, `${name}.json`),
  }
}

const isReady = ({ log }: Program) =>
  waitUntil('ready', () => Promise.resolve(readFileSync(log, 'utf8').includes('ready')))

test('a program that runs is not started twice, and is gone when it was ended', async () => {
  const one = program('one')
  const pid = await startProgram(one)
  assert.equal(await startProgram(one), pid)
  assert.equal(runningPid(one.record), pid)
  await endProgram(one.record, 'SIGTERM')
  assert.equal(runningPid(one.record), 0)
  assert.notEqual(await startProgram(one), pid)
  await endProgram(one.record, 'SIGTERM')
})

test('a process that got the id of an earlier one is left alone', async () => {
  const record = join(folder, 'other.json')
  const mine = program('mine')
  const pid = await startProgram(mine)
  writeFileSync(record, JSON.stringify({ v: 1, pid, start: '1' }))
  assert.equal(runningPid(record), 0)
  await endProgram(record, 'SIGKILL')
  assert.equal(runningPid(mine.record), pid)
  await endProgram(mine.record, 'SIGKILL')
})

test('a record that is damaged, or has no start, means no process', () => {
  const record = join(folder, 'damaged.json')
  for (const text of ['', '{}', JSON.stringify({ v: 1, pid: process.pid })]) {
    writeFileSync(record, text)
    assert.equal(runningPid(record), 0)
  }
})

test('a killed program ends at once, without its own say', async () => {
  const stubborn = program('stubborn', true)
  await startProgram(stubborn)
  await isReady(stubborn)
  await endProgram(stubborn.record, 'SIGKILL')
  assert.equal(runningPid(stubborn.record), 0)
})

test('a program that is not there is told', async () => {
  const missing = { ...program('missing'), command: join(folder, 'no-such-program') }
  await assert.rejects(startProgram(missing), { code: 'NETWORK_TOOL_FAILED' })
})

test('waiting ends when the process is lost', async () => {
  await assert.rejects(
    waitUntil('nothing', () => Promise.resolve(false), { isLost: () => true }),
    {
      code: 'NETWORK_NOT_READY',
    },
  )
})
