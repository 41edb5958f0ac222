/**
 * Carries session records over one WebSocket, answers in any order: for clients with many requests under way.
 * Handshakes go over HTTP. Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { isErrorCode, parseJson, struct, text, uint, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import { peekRecord } from '../../../shared/protocol/src/session/index.ts'
import { ClientError } from './errors.ts'
import type { Transport } from './ports.ts'

/** What of a WebSocket the transport uses; those of browsers and of Node have it. */
export interface Socket {
  binaryType: string
  send(data: Uint8Array<ArrayBuffer> | string): void
  close(): void
  addEventListener(type: 'open' | 'error' | 'close', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
}

export type OpenSocket = (url: string) => Socket

interface Waiting {
  readonly resolve: (record: Uint8Array) => void
  readonly reject: (error: ClientError) => void
}

const refusalShape = struct({ sid: text({ max: 32 }), seq: uint(), code: text({ max: 64 }) })

export class StreamTransport implements Transport {
  readonly #handshakes: Transport
  readonly #url: string
  readonly #openSocket: OpenSocket
  readonly #waiting = new Map<string, Waiting>()
  #socket: Promise<Socket> | undefined

  /** @param url base address of the TEE server, `http:` or `https:`. */
  constructor(url: string, handshakes: Transport, openSocket: OpenSocket) {
    this.#url = `${url.replace(/^http/, 'ws')}/v1/session/stream`
    this.#handshakes = handshakes
    this.#openSocket = openSocket
  }

  hello(hello: Uint8Array): Promise<Uint8Array> {
    return this.#handshakes.hello(hello)
  }

  finish(finish: Uint8Array): Promise<Uint8Array> {
    return this.#handshakes.finish(finish)
  }

  async record(record: Uint8Array): Promise<Uint8Array> {
    const socket = await this.#connected()
    return await new Promise((resolve, reject) => {
      this.#waiting.set(nameOf(record), { resolve, reject })
      socket.send(new Uint8Array(record))
    })
  }

  close(): void {
    this.#socket?.then(
      (socket) => socket.close(),
      () => undefined,
    )
    this.#handshakes.close()
  }

  #connected(): Promise<Socket> {
    this.#socket ??= new Promise((resolve, reject) => {
      const socket = this.#openSocket(this.#url)
      socket.binaryType = 'arraybuffer'
      const lost = (): void => {
        this.#socket = undefined
        this.#failAll()
        reject(new ClientError('SERVER_UNAVAILABLE'))
      }
      socket.addEventListener('open', () => resolve(socket))
      socket.addEventListener('error', lost)
      socket.addEventListener('close', lost)
      socket.addEventListener('message', ({ data }) => this.#take(data))
    })
    return this.#socket
  }

  #take(data: unknown): void {
    try {
      this.#takeMessage(data)
    } catch {
      // Not a message of §5.10: the connection is of no use any more.
      this.#socket?.then(
        (socket) => socket.close(),
        () => undefined,
      )
    }
  }

  #takeMessage(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const record = new Uint8Array(data)
      this.#answer(nameOf(record), ({ resolve }) => resolve(record))
    } else if (typeof data === 'string') {
      const { sid, seq, code } = refusalShape(parseJson(data, { maxBytes: 1_024 }), 'refusal')
      const known: ErrorCode = isErrorCode(code) ? code : 'SERVER_UNAVAILABLE'
      this.#answer(`${sid} ${seq}`, ({ reject }) => reject(new ClientError(known)))
    }
  }

  /** An answer that nobody waits for is dropped: the host may send what it likes. */
  #answer(name: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(name)
    this.#waiting.delete(name)
    if (waiting !== undefined) how(waiting)
  }

  #failAll(): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of all) reject(new ClientError('SERVER_UNAVAILABLE'))
  }
}

function nameOf(record: Uint8Array): string {
  const { sid, seq } = peekRecord(record)
  return `${encodeHex(sid)} ${seq}`
}
