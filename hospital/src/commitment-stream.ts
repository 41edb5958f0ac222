/**
 * Commitments over one WebSocket: for a ward's or a department's gateway, and for everybody who writes much. Who opens it
 * signs for it once; after that each group needs its author's signature only, which the contract checks anyway.
 * Spec: docs/protocol/04-records.md §4.8.
 *
 * Limits: 4,096 streams, 4,096 groups of one stream without an answer, 1 MiB a message. A stream whose groups the
 * contract refuses as not signed is ended after the eighth: each costs the others of its batch a second transaction.
 *
 * @module
 */
import { setImmediate } from 'node:timers'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import { commitGroupShape, type CommitGroup } from '../../shared/ledger-model/src/index.ts'
import { isErrorCode, struct, uint, type ErrorCode } from '../../shared/protocol/src/index.ts'
import type { CommittedPlace } from './commitments.ts'
import type { Caller } from './request-auth.ts'

export const STREAM_PATH = '/v1/commitments/stream'
export const MAX_STREAM_MESSAGE_BYTES = 1024 * 1024
const MAX_STREAMS = 4_096
const MAX_WAITING = 4_096
const MAX_UNSIGNED = 8
/** Until whoever opened the stream has said who it is. */
const OPENING_MS = 10_000
const PING_EVERY_MS = 30_000
/** Bytes of answers that a client has not taken; then it is not read from. */
const MAX_UNTAKEN_BYTES = 1024 * 1024

// RFC 6455 §7.4.1
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013

/** What only a forger's groups are refused with. */
const UNSIGNED: ReadonlySet<string> = new Set(['COMMIT_SIGNATURE_INVALID', 'COMMIT_TAG_MISMATCH'])

export interface CommitmentStreamParts {
  /** @throws with a code of the error table. */
  readonly commit: (caller: Caller, group: CommitGroup) => Promise<CommittedPlace>
  /** @param authorization of a GET of the stream's path. */
  readonly authenticate: (authorization: string) => Promise<Caller>
  readonly onFault: (error: unknown) => void
}

export function registerCommitmentStream(server: FastifyInstance, parts: CommitmentStreamParts): void {
  let streams = 0
  server.register((scope, _options, done) => {
    scope.get(STREAM_PATH, { websocket: true, schema: { hide: true } }, (socket, request) => {
      if (streams >= MAX_STREAMS) {
        socket.close(TRY_AGAIN_LATER)
        return
      }
      streams++
      socket.once('close', () => streams--)
      new CommitmentStream(socket, request.raw.socket, parts).start()
    })
    done()
  })
}

const requestShape = struct({ id: uint(), group: commitGroupShape })

class CommitmentStream {
  readonly #socket: WebSocket
  readonly #raw: Socket
  readonly #parts: CommitmentStreamParts
  #waiting = 0
  #unsigned = 0
  #isCorked = false
  #isAlive = true

  constructor(socket: WebSocket, raw: Socket, parts: CommitmentStreamParts) {
    this.#socket = socket
    this.#raw = raw
    this.#parts = parts
  }

  start(): void {
    const socket = this.#socket
    const opening = setTimeout(() => socket.close(POLICY_VIOLATION), OPENING_MS)
    const pings = setInterval(() => {
      if (!this.#isAlive) return socket.terminate()
      this.#isAlive = false
      socket.ping()
    }, PING_EVERY_MS)
    socket.on('pong', () => (this.#isAlive = true))
    // Its close tells the same.
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(opening)
      clearInterval(pings)
    })
    socket.once('message', (data: Buffer, isBinary: boolean) => {
      clearTimeout(opening)
      const caller = this.#authenticate(isBinary ? '' : data.toString('latin1'))
      socket.on('message', (next: Buffer, nextIsBinary: boolean) => void this.#take(caller, next, nextIsBinary))
    })
  }

  /** Undefined: the stream is ended. */
  async #authenticate(authorization: string): Promise<Caller | undefined> {
    const socket = this.#socket
    // Before it is known who sends them, no groups are read but those that came with the same piece of the stream.
    socket.pause()
    try {
      const caller = await this.#parts.authenticate(authorization)
      this.#send({ ok: true })
      return caller
    } catch (error) {
      if (codeOf(error) === undefined) this.#parts.onFault(error)
      socket.close(POLICY_VIOLATION)
      return undefined
    } finally {
      socket.resume()
    }
  }

  async #take(opening: Promise<Caller | undefined>, data: Buffer, isBinary: boolean): Promise<void> {
    const caller = await opening
    if (caller === undefined) return
    const request = isBinary ? undefined : parse(data)
    // Nobody could tell which request an answer is for.
    if (request === undefined) return this.#socket.close(POLICY_VIOLATION)
    const { id, group } = request
    if (this.#waiting >= MAX_WAITING) return this.#send({ id, code: 'LEDGER_BUSY' })
    this.#waiting++
    const answer = await this.#commit(caller, group)
    this.#waiting--
    this.#send({ id, ...answer })
    if (this.#unsigned >= MAX_UNSIGNED) this.#socket.close(POLICY_VIOLATION)
  }

  async #commit(caller: Caller, group: CommitGroup): Promise<CommittedPlace | { readonly code: ErrorCode }> {
    try {
      return await this.#parts.commit(caller, group)
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) this.#parts.onFault(error)
      else if (UNSIGNED.has(code)) this.#unsigned++
      return { code: code ?? 'SERVICE_FAULT' }
    }
  }

  /** Answers of one turn of the event loop leave in one write. */
  #send(answer: object): void {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#raw.cork()
      setImmediate(() => {
        this.#isCorked = false
        this.#raw.uncork()
      })
    }
    socket.send(JSON.stringify(answer), () => {
      if (socket.isPaused && socket.bufferedAmount < MAX_UNTAKEN_BYTES) socket.resume()
    })
    if (socket.bufferedAmount >= MAX_UNTAKEN_BYTES) socket.pause()
  }
}

function parse(data: Buffer): { readonly id: number; readonly group: CommitGroup } | undefined {
  try {
    return requestShape(JSON.parse(data.toString('utf8')), 'request')
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): ErrorCode | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return isErrorCode(code) ? code : undefined
}
