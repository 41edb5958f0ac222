/**
 * The channel to the proxy: one call at a time over a socket, and the session with the trusted application on it.
 *
 * @module
 */
import type { Socket } from 'node:net'
import { TeeError } from '../../src/errors.ts'
import {
  encodeExchange,
  encodeProxyRequest,
  GREETING,
  PROXY_OP,
  ProxyAnswerReader,
  readUint32,
  uint32,
  uint64,
  type ProxyAnswer,
} from './proxy-protocol.ts'
import { checkResult, OUTPUT_BYTES, TA_UUID, type Exchange, type TaSession } from './session.ts'
import { inTime } from './time-limit.ts'

interface Waiting {
  readonly resolve: (answer: ProxyAnswer) => void
  readonly reject: (error: TeeError) => void
}

/** What the normal world's root got from physical memory, one read at each step. */
export interface Probe {
  readonly readable: number
  /** Reads that ended with a bus error. */
  readonly faults: number
  /** Reads that the normal world's own system refused. */
  readonly refused: number
}

/** One channel to one proxy; it is lost with its socket. */
export class ProxyChannel {
  readonly #socket: Socket
  readonly #callLimitMs: number
  readonly #reader = new ProxyAnswerReader()
  #waiting: Waiting | undefined
  #last: Promise<unknown> = Promise.resolve()
  #isLost = false
  #tellLost: () => void = () => {}
  readonly lost = new Promise<void>((resolve) => (this.#tellLost = resolve))

  private constructor(socket: Socket, callLimitMs: number) {
    this.#socket = socket
    this.#callLimitMs = callLimitMs
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#lose())
  }

  /**
   * Waits for the proxy's greeting.
   * @param callLimitMs a call that takes longer never returns: the channel is given up.
   * @throws {TeeError} `SERVER_UNAVAILABLE` if the channel ends before.
   */
  static async open(socket: Socket, callLimitMs: number): Promise<ProxyChannel> {
    const channel = new ProxyChannel(socket, callLimitMs)
    const { body } = await channel.#next()
    if (Buffer.from(body).toString('latin1') !== GREETING) {
      socket.destroy()
      throw new TeeError('TEE_MESSAGE_INVALID', 'the guest has another proxy')
    }
    return channel
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Opens the one session; an earlier one that was left open is closed by the proxy. @throws {TeeError} */
  async openSession(uuid = TA_UUID): Promise<TaSession> {
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex')
    checkResult((await this.#call(encodeProxyRequest(PROXY_OP.open, bytes))).result, 'open')
    return {
      lost: this.lost,
      start: async () => checkResult((await this.#call(encodeProxyRequest(PROXY_OP.start))).result, 'start'),
      exchange: (input, hasMore) => this.#exchange(input, hasMore),
      close: async () => void (await this.#call(encodeProxyRequest(PROXY_OP.close)).catch(() => undefined)),
    }
  }

  /** What the trusted application says of itself: memory, and the values of its evidence. @throws {TeeError} */
  async describe(): Promise<ReadonlyMap<string, string>> {
    const { result, body } = await this.#call(encodeProxyRequest(PROXY_OP.memory, uint32(65_536)))
    checkResult(result, 'describe')
    const lines = Buffer.from(body).toString('latin1').trim().split('\n')
    return new Map(lines.map((line) => line.split(' ') as [string, string]))
  }

  /**
   * What whoever is root in the guest can do: reads physical memory from `start` to `end` at every `step` bytes.
   * @throws {TeeError}
   */
  async probe(start: number, end: number, step: number): Promise<Probe> {
    const { result, body } = await this.#call(
      encodeProxyRequest(PROXY_OP.probe, uint64(start), uint64(end), uint32(step)),
    )
    checkResult(result, 'probe')
    return { readable: readUint32(body, 0), faults: readUint32(body, 4), refused: readUint32(body, 8) }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #exchange(input: Uint8Array, hasMore: boolean): Promise<Exchange> {
    const { result, body } = await this.#call(encodeExchange(input, hasMore))
    checkResult(result, 'exchange')
    if (body.length > 8 + OUTPUT_BYTES) throw new TeeError('TEE_FRAME_INVALID')
    return { flags: readUint32(body, 0), output: body.subarray(8) }
  }

  /** One call at a time: others wait for those before them. */
  async #call(request: Uint8Array): Promise<ProxyAnswer> {
    const call = this.#last.then(
      () => this.#callNow(request),
      () => this.#callNow(request),
    )
    this.#last = call
    return await call
  }

  async #callNow(request: Uint8Array): Promise<ProxyAnswer> {
    const answer = this.#next()
    this.#socket.write(request)
    return await inTime(answer, this.#callLimitMs, () => this.#socket.destroy())
  }

  #next(): Promise<ProxyAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#isLost) reject(lost())
      else this.#waiting = { resolve, reject }
    })
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const answer of this.#reader.push(chunk)) {
        const waiting = this.#waiting
        // Nobody asked: not the proxy that we know.
        if (waiting === undefined) throw new TeeError('TEE_FRAME_INVALID')
        this.#waiting = undefined
        waiting.resolve(answer)
      }
    } catch {
      this.#socket.destroy()
    }
  }

  #lose(): void {
    this.#isLost = true
    this.#tellLost()
    this.#waiting?.reject(lost())
    this.#waiting = undefined
  }
}

function lost(): TeeError {
  return new TeeError('SERVER_UNAVAILABLE', 'the channel to the machine was lost')
}
