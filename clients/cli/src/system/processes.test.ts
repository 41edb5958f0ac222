import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stateFolderAt } from '../state-folder.ts'
import { findLockHolder, takeLock } from './lock.ts'
import { freePort, LOOPBACK } from './ports.ts'
import { endProcess, isAlive, isSameProcess, knownProcess, startOf } from './processes.ts'
import { ProgramRunner, type Program, type RunnerOptions } from './program-runner.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-processes-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const newState = () => stateFolderAt(join(folder, `state-${count++}`))

/** A program that is ready at once, and does what its argument says on SIGTERM. */
const READY = `
process.stdout.write('not json\\n' + JSON.stringify({ url: 'http://127.0.0.1:' + (process.env.PORT ?? 1) }) + '\\n')
process.on('SIGTERM', () => process.exit(0))
setInterval(() => {}, 1000)
`

function programOf(source: string): Program {
  const script = join(folder, `program-${count++}.mjs`)
  writeFileSync(script, source)
  return { name: 'test', title: 'The test program', script, args: [], log: `${script}.log` }
}

const OPTIONS: RunnerOptions = { restart: true, onChange: () => undefined, onDown: () => undefined, firstPauseMs: 1 }

test('a process is known by its id and by when it was started', () => {
  const own = knownProcess(process.pid)
  assert.ok(isSameProcess(own))
  assert.ok(!isSameProcess({ ...own, start: 'another' }))
  assert.ok(!isSameProcess({ pid: 0, start: own.start }))
  assert.equal(startOf(2 ** 30), undefined)
})

test('a process is ended by its id, and another one with that id is left alone', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const pid = child.pid as number
  await endProcess({ pid, start: 'another' }, 10)
  assert.ok(isAlive(pid))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await Promise.all([endProcess(knownProcess(pid), 5_000), ended])
  assert.ok(!isAlive(pid))
})

test('one start on one folder', () => {
  const state = newState()
  const release = takeLock(state)
  assert.equal(findLockHolder(state)?.pid, process.pid)
  assert.throws(() => takeLock(state), { code: 'CLIENT_ALREADY_RUNNING' })
  release()
  assert.equal(findLockHolder(state), undefined)
  takeLock(state)()
})

test('a lock whose process is gone is taken over, a damaged one too', () => {
  const state = newState()
  takeLock(state)()
  for (const stale of [JSON.stringify({ pid: 2 ** 30, start: 'gone' }), '{"pid":', '']) {
    writeFileSync(state.lock, stale)
    assert.equal(findLockHolder(state), undefined)
    takeLock(state)()
    assert.ok(!existsSync(state.lock))
  }
})

test('a port that is taken is not given, nor one that was given before', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  const { port } = server.address() as { port: number }
  assert.notEqual(await freePort(port, new Set()), port)
  await new Promise((resolve) => server.close(resolve))
  assert.equal(await freePort(port, new Set()), port)
  assert.notEqual(await freePort(port, new Set([port])), port)
})

test('a program is started, says its address, and is stopped', async () => {
  const runner = new ProgramRunner(programOf(READY), OPTIONS)
  assert.equal(await runner.start(), 'http://127.0.0.1:1')
  assert.equal(runner.state, 'running')
  const { pid } = runner
  await runner.stop()
  assert.equal(runner.state, 'stopped')
  assert.ok(!isAlive(pid))
  assert.match(readFileSync(runner.program.log, 'utf8'), /not json/)
})

test('a program that is killed is started again', async () => {
  const reasons: string[] = []
  let ready = () => {}
  const runner = new ProgramRunner(programOf(READY), {
    ...OPTIONS,
    onDown: (_program, reason) => reasons.push(reason),
    onChange: () => {
      if (runner.state === 'running' && runner.restarts > 0) ready()
    },
  })
  await runner.start()
  const first = runner.pid
  const again = new Promise<void>((resolve) => (ready = resolve))
  process.kill(first, 'SIGKILL')
  await again
  assert.equal(runner.restarts, 1)
  assert.notEqual(runner.pid, first)
  assert.deepEqual(reasons, ['it was ended by SIGKILL'])
  await runner.stop()
})

test('a program that ends at once does not start, and its last words are the reason', async () => {
  const program = programOf(`console.error('no such ledger'); process.exit(3)`)
  const runner = new ProgramRunner(program, OPTIONS)
  await assert.rejects(runner.start(), (error: { code?: string; words?: { reason?: string } }) => {
    assert.equal(error.code, 'SERVER_UNAVAILABLE')
    assert.match(error.words?.reason ?? '', /code 3: no such ledger/)
    return true
  })
  assert.equal(runner.state, 'stopped')
})

test('a program that never says that it is ready is ended, and that it took too long is the reason', async () => {
  const program = programOf('setInterval(() => {}, 1000)')
  const runner = new ProgramRunner(program, { ...OPTIONS, readyMs: 300 })
  await assert.rejects(runner.start(), (error: { code?: string; words?: { reason?: string } }) => {
    assert.equal(error.code, 'SERVER_UNAVAILABLE')
    assert.match(error.words?.reason ?? '', /^it was not ready after 0.3 s, and was ended$/)
    return true
  })
})

test('without restart it stays down, and that is told', async () => {
  const down = Promise.withResolvers<string>()
  const runner = new ProgramRunner(programOf(READY), {
    ...OPTIONS,
    restart: false,
    onDown: (_program, reason) => down.resolve(reason),
  })
  await runner.start()
  process.kill(runner.pid, 'SIGKILL')
  assert.equal(await down.promise, 'it was ended by SIGKILL')
  assert.equal(runner.state, 'stopped')
})
