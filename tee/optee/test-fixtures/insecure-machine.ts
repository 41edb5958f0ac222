/**
 * Stands in for QEMU, its guest and the trusted application in tests of the driver: takes QEMU's arguments, connects to
 * the socket in them and answers as the proxy would. Echoes what it gets, keeps no secret and proves nothing. The first
 * byte of a record makes it misbehave in one way, the text of the TA's file in another.
 *
 * @module
 */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  decodeRequest,
  encodeAnswer,
  encodeEffect,
  encodeFrame,
  FrameReader,
  type HostRequest,
} from '../../../shared/tee-abi/src/index.ts'
import { GREETING, PROXY_OP, readUint32, uint32 } from '../src/proxy-protocol.ts'
import { FLAG, TA_UUID } from '../src/session.ts'
import { TA_TEXT, TRICKS } from './tricks.ts'

const pathIn = (pattern: RegExp): string => {
  for (const text of process.argv) {
    const [, path] = pattern.exec(text) ?? []
    if (path !== undefined) return path
  }
  return ''
}
const store = pathIn(/id=store,path=([^,]+)/)
const taFolder = pathIn(/id=ta,path=([^,]+)/)

const boots = join(store, 'boots')
appendFileSync(boots, 'x')

const RESULT = { ok: 0, security: 0xffff000f, busy: 0xffff000d, dead: 0xffff3024, badState: 0xffff0007 }

class PanicError extends Error {}
class HangError extends Error {}

/** One instance of the trusted application. */
class Ta {
  isStarted = false
  flags = 0
  output = Buffer.alloc(0)
  /** Requests that one exchange completed. */
  #group = 0
  readonly #reader = new FrameReader()
  #later: Uint8Array | undefined
  ignoresStop = false

  exchange(input: Uint8Array, hasMore: boolean): void {
    // Something that was due comes with a call that brings nothing.
    if (input.length === 0 && this.#later !== undefined) {
      this.#write(this.#later)
      this.#later = undefined
      this.flags &= ~FLAG.due
    }
    const messages = this.#reader.push(input)
    this.#group += messages.length
    for (const message of messages) this.#answer(decodeRequest(message))
    if (!hasMore) this.#group = 0
  }

  take(room: number): { readonly output: Uint8Array; readonly flags: number } {
    const output = this.output.subarray(0, room)
    this.output = this.output.subarray(room)
    return { output, flags: this.flags | (this.output.length > 0 ? FLAG.more : 0) }
  }

  #write(message: Uint8Array): void {
    this.output = Buffer.concat([this.output, encodeFrame(message)])
  }

  #answer(request: HostRequest): void {
    switch (request.op) {
      case 'record':
        return this.#answerRecord(request.id, request.record)
      case 'status':
        return this.#write(
          encodeAnswer('status', request.id, {
            state: 'new',
            measurement: new Uint8Array(32),
            logSize: 0,
            epoch: 0,
            sessions: 0,
            waiting: 0,
            isolation: ['trustzone'],
            records: 0,
            patients: 0,
          }),
        )
      case 'stop':
        if (this.ignoresStop) return
        this.#write(encodeAnswer('stop', request.id, {}))
        this.flags |= FLAG.ended
        return
      default:
        throw new PanicError()
    }
  }

  #answerRecord(id: number, record: Uint8Array): void {
    const text = (value: string) => this.#write(encodeAnswer('record', id, { record: encodeUtf8(value) }))
    switch (record[0]) {
      case TRICKS.panic:
        throw new PanicError()
      case TRICKS.crash:
        return process.exit(3)
      case TRICKS.silence:
        return
      case TRICKS.hang:
        throw new HangError()
      case TRICKS.garbage:
        this.output = Buffer.concat([this.output, new Uint8Array(4)])
        return
      case TRICKS.garbageAnswer:
        return void socket.write(new Uint8Array([0, 0, 0, 1, 2, 3]))
      case TRICKS.unasked:
        return void socket.write(answerOf(0, new Uint8Array(8)))
      case TRICKS.rolledBack:
        this.#write(encodeEffect({ fx: 'fatal', code: 'STATE_ROLLED_BACK' }))
        this.flags |= FLAG.ended | FLAG.fatal
        return
      case TRICKS.piecemeal:
        isPiecemeal = true
        break
      case TRICKS.later:
        this.#later = encodeAnswer('record', id, { record })
        this.flags |= FLAG.due
        return
      case TRICKS.countBoots:
        return text(String(readFileSync(boots).length))
      case TRICKS.group:
        return text(String(this.#group))
      case TRICKS.ignoreStop:
        this.ignoresStop = true
        break
      default:
    }
    this.#write(encodeAnswer('record', id, { record }))
  }
}

let ta: Ta | undefined
let isDead = false
let isPiecemeal = false
let opened = 0

function answerOf(result: number, body: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([uint32(8 + body.length), uint32(result), uint32(4), body])
}

function open(uuid: Uint8Array): number {
  const name = `${TA_UUID}.ta`
  const isOurs = Buffer.from(uuid).toString('hex') === TA_UUID.replaceAll('-', '')
  if (!isOurs || !readdirSync(taFolder).includes(name)) return 0xffff0008
  const text = readFileSync(join(taFolder, name), 'utf8')
  if (text === TA_TEXT.otherSigner) return RESULT.security
  if (text === TA_TEXT.busy && opened++ === 0) return RESULT.busy
  isDead = text === TA_TEXT.dead
  ta = new Ta()
  return RESULT.ok
}

/** @returns undefined: the call never returns. */
function exchange(body: Uint8Array): Buffer | undefined {
  if (ta === undefined || !ta.isStarted) return answerOf(RESULT.badState)
  if (isDead) return answerOf(RESULT.dead)
  try {
    ta.exchange(body.slice(5), body[0] === 1)
  } catch (error) {
    if (error instanceof HangError) {
      writeFileSync(join(store, 'hangs'), '')
      return undefined
    }
    isDead = true
    return answerOf(RESULT.dead)
  }
  const { output, flags } = ta.take(readUint32(body, 1))
  return answerOf(RESULT.ok, Buffer.concat([uint32(flags), uint32(ta.output.length), output]))
}

function serve(op: number, body: Uint8Array): Buffer | undefined {
  switch (op) {
    case PROXY_OP.open:
      return answerOf(open(body))
    case PROXY_OP.start:
      if (ta !== undefined) ta.isStarted = true
      return answerOf(ta === undefined ? RESULT.badState : RESULT.ok)
    case PROXY_OP.exchange:
      return exchange(body)
    case PROXY_OP.close:
      ta = undefined
      return answerOf(RESULT.ok)
    case PROXY_OP.memory:
      return answerOf(RESULT.ok, encodeUtf8('heap 1\n'))
    case PROXY_OP.probe:
      return answerOf(RESULT.ok, Buffer.concat([uint32(0), uint32(7), uint32(1)]))
    default:
      return process.exit(5)
  }
}

async function send(answer: Buffer | undefined): Promise<void> {
  if (answer === undefined) return
  if (!isPiecemeal) return void socket.write(answer)
  // Cut where it hurts: inside lengths and headers.
  for (let at = 0; at < answer.length; at += 3) {
    socket.write(answer.subarray(at, at + 3))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const socket = connect(pathIn(/^socket,id=tee,path=(.+)$/))
socket.setNoDelay(true)
socket.on('end', () => process.exit(0)).on('error', () => process.exit(0))
socket.write(answerOf(0, encodeUtf8(GREETING)))
let rest = Buffer.alloc(0)
socket.on('data', (chunk: Buffer) => {
  rest = Buffer.concat([rest, chunk])
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
    const request = Uint8Array.from(rest.subarray(4, 4 + rest.readUInt32BE(0)))
    rest = rest.subarray(4 + request.length)
    void send(serve(request[0] ?? 0, request.subarray(1)))
  }
})
