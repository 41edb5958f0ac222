/**
 * Stands in for the trusted application in tests of the driver: speaks the same frames, echoes what it gets, keeps no
 * secret and proves nothing. The first byte of a record makes it misbehave in one way.
 * It takes `process` from the global object: importing node:process makes standard input a stream, which does not block.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { decodeHex, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  decodeRequest,
  encodeAnswer,
  encodeEffect,
  encodeFrame,
  FrameReader,
  type HostRequest,
} from '../../../shared/tee-abi/src/index.ts'
import { TRICKS } from './tricks.ts'

const argument = (name: string): string =>
  process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''

let ignoresStop = false

function write(message: Uint8Array): void {
  const frame = encodeFrame(message)
  for (let at = 0; at < frame.length;) at += writeSync(1, frame, at)
}

function answer(request: HostRequest): void {
  switch (request.op) {
    case 'hello':
      return write(encodeAnswer('hello', request.id, { reply: request.hello }))
    case 'record':
      return answerRecord(request.id, request.record)
    case 'status':
      return write(
        encodeAnswer('status', request.id, {
          state: 'new',
          measurement: decodeHex(argument('measurement')),
          logSize: 0,
          epoch: 0,
          sessions: 0,
          waiting: 0,
          isolation: argument('isolation').split(','),
          records: 0,
          patients: 0,
        }),
      )
    case 'stop':
      if (ignoresStop) return
      write(encodeAnswer('stop', request.id, {}))
      return process.exit(0)
    default:
      return process.exit(4)
  }
}

function answerRecord(id: number, record: Uint8Array): void {
  switch (record[0]) {
    case TRICKS.crash:
      return process.exit(3)
    case TRICKS.silence:
      return
    case TRICKS.garbage:
      return void writeSync(1, new Uint8Array([0, 0, 0, 0]))
    case TRICKS.anotherAnswer:
      return write(encodeAnswer('hello', id, { reply: record }))
    case TRICKS.rolledBack:
      write(encodeEffect({ fx: 'fatal', code: 'STATE_ROLLED_BACK' }))
      return process.exit(1)
    case TRICKS.notice:
      write(encodeEffect({ fx: 'notice', kind: 'emergency-open', ref: `p-${'0'.repeat(32)}` as never }))
      break
    case TRICKS.ignoreStop:
      ignoresStop = true
      process.on('SIGTERM', () => undefined)
      break
    case TRICKS.lookAround:
      return write(encodeAnswer('record', id, { record: encodeUtf8(JSON.stringify(lookAround())) }))
    case TRICKS.complain:
      writeSync(2, `${'x'.repeat(2_000)}\nsecond line\n`)
      break
    default:
  }
  write(encodeAnswer('record', id, { record }))
}

/** What this process can reach; every name that comes back is a hole. */
function lookAround(): string[] {
  const tries: Readonly<Record<string, () => unknown>> = {
    'read a file of the machine': () => readFileSync('/etc/passwd'),
    'write beside the store': () => writeFileSync(`${argument('store')}/../outside`, 'x'),
    'change the program': () => writeFileSync(process.argv[1] ?? '', 'x'),
    'see the environment': () => {
      // Shells set the first three; Node hands the last one to its children while coverage is measured.
      const usual = new Set(['PWD', 'SHLVL', '_', 'NODE_V8_COVERAGE'])
      const names = Object.keys(process.env).filter((name) => !usual.has(name))
      if (names.length === 0) throw new Error('none')
    },
    'start a program': () => spawnSync('/bin/true'),
    // Asks the kernel over a netlink socket.
    'open a socket': () => networkInterfaces(),
    'see the network': () => {
      if (Object.keys(networkInterfaces()).length === 0) throw new Error('none is up')
    },
  }
  return Object.entries(tries)
    .filter(([, attempt]) => {
      try {
        attempt()
        return true
      } catch {
        return false
      }
    })
    .map(([name]) => name)
}

const reader = new FrameReader()
const chunk = new Uint8Array(1024 * 1024)
for (;;) {
  const length = readSync(0, chunk)
  if (length === 0) break
  for (const message of reader.push(chunk.slice(0, length))) answer(decodeRequest(message))
}
