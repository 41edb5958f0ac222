/**
 * Sessions over one WebSocket: each binary message is a record, answers come as they are ready. A client that does not
 * read its answers is not read from either. Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { peekRecord } from '../../../shared/protocol/src/session/record-layer.ts'
import type { AskTee } from './ask-tee.ts'
import type { ByteBudget } from '../../../shared/protocol/src/byte-budget.ts'
import type { Metrics } from './metrics.ts'
import { outcomeOf } from './sessions-api.ts'

/**
 * Records of one stream that are being worked on, or whose answers the client has not taken. Then its stream is not
 * read; what one piece of the stream (64 KiB) still holds is taken.
 */
export const MAX_STREAM_WORK = 256

export const STREAM_PATH = '/v1/session/stream'

export interface StreamApi {
  readonly ask: AskTee
  readonly metrics: Metrics
  readonly budget: ByteBudget
  readonly maxStreams: number
  readonly maxStreamsOfAddress: number
  /** A stream is ended when a ping stays without an answer this long, or an answer is not taken. */
  readonly deadAfterMs: number
}

// RFC 6455 §7.4.1
const POLICY_VIOLATION = 1008
const GOING_AWAY = 1001
const UNSUPPORTED_DATA = 1003
const TRY_AGAIN_LATER = 1013

export interface Streams {
  /** Reads nothing more, finishes what is under way, says goodbye, and waits until all are closed. */
  drain(): Promise<void>
  /** Hangs up on those that are left. */
  terminate(): void
}

export function registerStreamApi(server: FastifyInstance, api: StreamApi): Streams {
  const streams = new Map<WebSocket, Stream>()
  const ofAddress = new Map<string, number>()

  server.get(STREAM_PATH, { websocket: true, schema: { hide: true } }, (socket, request) => {
    const address = request.ip
    const count = (ofAddress.get(address) ?? 0) + 1
    if (streams.size >= api.maxStreams || count > api.maxStreamsOfAddress) {
      socket.close(TRY_AGAIN_LATER)
      return
    }
    streams.set(socket, new Stream(socket, request.raw.socket, api))
    ofAddress.set(address, count)
    api.metrics.streamOpened()
    const stopWatching = watch(socket, api.deadAfterMs)
    socket.once('close', () => {
      stopWatching()
      streams.delete(socket)
      const left = (ofAddress.get(address) ?? 1) - 1
      if (left === 0) ofAddress.delete(address)
      else ofAddress.set(address, left)
      api.metrics.streamClosed()
    })
  })
  return {
    async drain() {
      await Promise.all([...streams.values()].map((stream) => stream.drain()))
    },
    terminate() {
      for (const socket of streams.keys()) socket.terminate()
    },
  }
}

/** One client's stream. The work for a record is done when the client has taken the answer. */
class Stream {
  readonly #socket: WebSocket
  readonly #raw: Socket
  readonly #api: StreamApi
  #work = 0
  #isCorked = false
  #isDraining = false
  #idle: () => void = () => undefined

  constructor(socket: WebSocket, raw: Socket, api: StreamApi) {
    this.#socket = socket
    this.#raw = raw
    this.#api = api
    // Its close tells the same.
    socket.on('error', () => undefined)
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) void this.#take(data)
      else socket.close(UNSUPPORTED_DATA)
    })
  }

  async drain(): Promise<void> {
    const socket = this.#socket
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    this.#isDraining = true
    socket.pause()
    if (this.#work > 0) await Promise.race([closed, new Promise<void>((resolve) => (this.#idle = resolve))])
    socket.resume()
    socket.close(GOING_AWAY)
    await closed
  }

  async #take(record: Buffer): Promise<void> {
    if (++this.#work >= MAX_STREAM_WORK) this.#socket.pause()
    let giveBack = (): void => undefined
    try {
      giveBack = this.#api.budget.take(record.length)
    } catch {
      return refuse(this.#socket, record, 'TEE_BUSY', () => this.#done(giveBack))
    }
    const outcome = await outcomeOf(this.#api.ask, record)
    this.#cork()
    if ('record' in outcome) this.#socket.send(outcome.record, () => this.#done(giveBack))
    else refuse(this.#socket, record, outcome.code, () => this.#done(giveBack))
  }

  /** Answers of one turn of the event loop leave in one write. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#raw.cork()
    setImmediate(() => {
      this.#isCorked = false
      this.#raw.uncork()
    })
  }

  #done(giveBack: () => void): void {
    giveBack()
    if (--this.#work === 0) this.#idle()
    if (this.#work < MAX_STREAM_WORK && this.#socket.isPaused && !this.#isDraining) this.#socket.resume()
  }
}

function refuse(socket: WebSocket, record: Uint8Array, code: string, done: () => void): void {
  let where: { readonly sid: string; readonly seq: number }
  try {
    const { sid, seq } = peekRecord(record)
    if (!Number.isSafeInteger(seq)) throw new RangeError('no number of a record')
    where = { sid: encodeHex(sid), seq }
  } catch {
    // Nobody could tell which request this answers.
    socket.close(POLICY_VIOLATION)
    return done()
  }
  socket.send(JSON.stringify({ ...where, code }), done)
}

/** Ends streams of clients that are gone. @returns a function that ends the watching. */
function watch(socket: WebSocket, deadAfterMs: number): () => void {
  let isAlive = true
  socket.on('pong', () => (isAlive = true))
  const timer = setInterval(() => {
    // A paused stream reads no pongs: what it has not taken by now it will not take.
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, deadAfterMs)
  return () => clearInterval(timer)
}
