import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeFrame,
  encodeRequest,
  FrameReader,
  type TaMessage,
} from '../../../shared/tee-abi/src/index.ts'
import { parseArguments } from './arguments.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const MEASUREMENT = '5a'.repeat(32)
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-main-'))
  folders.push(folder)
  return folder
}

class Ta {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<number | null>
  readonly #reader = new FrameReader()
  readonly #messages: TaMessage[] = []
  #wake: () => void = () => {}
  diagnostics = ''

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, ['--no-warnings', MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.ended = once(this.child, 'close').then(([code]) => code as number | null)
    this.child.stdout.on('data', (chunk: Buffer) => {
      for (const message of this.#reader.push(chunk)) this.#messages.push(decodeTaMessage(message))
      this.#wake()
    })
    this.child.stderr.on('data', (text: Buffer) => (this.diagnostics += text.toString()))
    this.child.stdin.on('error', () => {})
  }

  send(message: Uint8Array): void {
    this.child.stdin.write(encodeFrame(message))
  }

  async next(): Promise<TaMessage> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#messages.shift() as TaMessage
  }
}

test('a new store answers status, keeps its device key to its user, and ends with stop', async () => {
  const folder = freshFolder()
  const ta = new Ta([`--store=${folder}`, `--measurement=${MEASUREMENT}`, '--isolation=own-process'])
  ta.send(encodeRequest({ id: 1, op: 'status' }))
  const answer = await ta.next()
  assert.equal(answer.kind, 'answer')
  const outcome = decodeOutcome('status', answer.kind === 'answer' ? answer.body : null)
  assert.ok(outcome.ok)
  assert.equal(outcome.answer.state, 'new')
  assert.deepEqual(outcome.answer.isolation, ['own-process'])
  assert.equal(statSync(join(folder, 'device.key')).mode & 0o777, 0o600)
  ta.send(encodeRequest({ id: 2, op: 'stop' }))
  const stopped = await ta.next()
  assert.ok(stopped.kind === 'answer' && stopped.id === 2)
  assert.equal(await ta.ended, 0)
  assert.equal(ta.diagnostics, '')
})

test('the end of the input ends it, and the same store opens again', async () => {
  const folder = freshFolder()
  for (let i = 0; i < 2; i++) {
    const ta = new Ta([`--store=${folder}`, `--measurement=${MEASUREMENT}`])
    ta.send(encodeRequest({ id: 1, op: 'status' }))
    await ta.next()
    ta.child.stdin.end()
    assert.equal(await ta.ended, 0)
  }
})

test('a store of another device is fatal, said in a frame and in the exit code', async () => {
  const folder = freshFolder()
  const first = new Ta([`--store=${folder}`, `--measurement=${MEASUREMENT}`])
  first.send(encodeRequest({ id: 1, op: 'stop' }))
  await first.ended
  writeFileSync(join(folder, 'device.key'), new Uint8Array(32).fill(1))
  const second = new Ta([`--store=${folder}`, `--measurement=${MEASUREMENT}`])
  assert.deepEqual(await second.next(), { kind: 'effect', effect: { fx: 'fatal', code: 'STORE_DAMAGED' } })
  assert.equal(await second.ended, 1)
})

test('a length above the limit ends it with 1', async () => {
  const folder = freshFolder()
  const ta = new Ta([`--store=${folder}`, `--measurement=${MEASUREMENT}`])
  ta.child.stdin.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
  assert.equal(await ta.ended, 1)
  assert.match(ta.diagnostics, /TEE_FRAME_INVALID/)
})

test('wrong arguments end it with 2, without a store', async () => {
  const folder = freshFolder()
  const ta = new Ta([`--store=${folder}`, '--measurement=short'])
  assert.equal(await ta.ended, 2)
  assert.deepEqual(readdirSync(folder), [])
})

test('arguments: unknown, repeated, missing and malformed ones are refused', () => {
  const good = ['--store=a', `--measurement=${MEASUREMENT}`]
  assert.equal(parseArguments(good).cipher, 'sqlcipher')
  assert.deepEqual(parseArguments([...good, '--isolation=a,b']).isolation, ['a', 'b'])
  assert.equal(parseArguments([...good, '--cache-kib=1024']).cacheKib, 1024)
  for (const bad of [
    ['--store='],
    [`--measurement=${MEASUREMENT}`],
    [...good, '--store=b'],
    [...good, '--other=1'],
    [...good, '--cipher=none'],
    [...good, '--cache-kib=0'],
    [...good, '--runtime=zz'],
    [...good, 'word'],
  ]) {
    assert.throws(() => parseArguments(bad), TypeError, bad.join(' '))
  }
})
