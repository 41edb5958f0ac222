/**
 * Carries signed commitments to the hospital over one WebSocket, answers in any order: for gateways and for clients that
 * write much. Whoever opens it signs for the stream once; the groups carry their authors' signatures.
 * Spec: docs/protocol/04-records.md §4.8.
 *
 * @module
 */
import { encodeBase64url, type Crypto } from '../../../shared/crypto/src/index.ts'
import { encodeCommitGroup } from '../../../shared/ledger-model/src/index.ts'
import {
  commitmentToJson,
  optional,
  parseJson,
  struct,
  text,
  uint,
  type AuthorRef,
  type Commitment,
} from '../../../shared/protocol/src/index.ts'
import { ClientError, codeOf } from './errors.ts'
import { placeShape, type CommittedPlace } from './hospital-answers/ledger.ts'
import { authorizationOf, type RequestSigner } from './hospital-calls.ts'
import type { Clock } from './ports.ts'
import type { OpenSocket, Socket } from './stream-transport.ts'

/** Brings one author's signed commitments to the ledger. */
export interface CommitmentCarrier {
  /**
   * Resolves when they are in a block. Sending the same again commits them twice, which does no harm.
   * @throws {ClientError} the code with which the hospital or the contract refused; `SERVER_UNAVAILABLE`: nobody knows.
   */
  commit(author: AuthorRef, signature: Uint8Array, items: readonly Commitment[]): Promise<CommittedPlace>
}

export interface CommitmentStreamOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  /** Base address of the hospital service. */
  readonly url: string
  /** Who opens the stream: an author for itself, or the hospital's own service for its doctors. */
  readonly as: RequestSigner
  readonly openSocket: OpenSocket
}

interface Waiting {
  readonly resolve: (place: CommittedPlace) => void
  readonly reject: (error: ClientError) => void
}

const STREAM_PATH = '/v1/commitments/stream'
const MAX_ANSWER_BYTES = 4_096
const anyAnswerShape = struct({
  ok: optional((value: unknown) => value === true),
  id: optional(uint()),
  code: optional(text({ max: 64 })),
  batchId: optional(text({ max: 34 })),
  index: optional(uint()),
  txId: optional(text({ max: 64 })),
  block: optional(uint()),
})

export class CommitmentStream implements CommitmentCarrier {
  readonly #options: CommitmentStreamOptions
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #socket: Promise<Socket> | undefined

  constructor(options: CommitmentStreamOptions) {
    this.#options = options
  }

  async commit(author: AuthorRef, signature: Uint8Array, items: readonly Commitment[]): Promise<CommittedPlace> {
    const group = { author, signature: encodeBase64url(signature), items: items.map(commitmentToJson) }
    const socket = await this.#opened()
    const id = ++this.#lastId
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      socket.send(`{"id":${id},"group":${encodeCommitGroup(group)}}`)
    })
  }

  close(): void {
    this.#socket?.then(
      (socket) => socket.close(),
      () => undefined,
    )
  }

  #opened(): Promise<Socket> {
    this.#socket ??= this.#open()
    return this.#socket
  }

  async #open(): Promise<Socket> {
    const { crypto, clock, url, as, openSocket } = this.#options
    const authorization = await authorizationOf(crypto, clock, as, 'GET', STREAM_PATH)
    return await new Promise((resolve, reject) => {
      const socket = openSocket(`${url.replace(/^http/, 'ws')}${STREAM_PATH}`)
      const lost = (): void => {
        this.#socket = undefined
        this.#failAll()
        reject(new ClientError('SERVER_UNAVAILABLE'))
      }
      socket.addEventListener('open', () => socket.send(authorization))
      socket.addEventListener('error', lost)
      socket.addEventListener('close', lost)
      socket.addEventListener('message', ({ data }) => {
        if (!this.#take(data, () => resolve(socket))) socket.close()
      })
    })
  }

  /** @returns false for what is no message of §4.8: the stream is of no use any more. */
  #take(data: unknown, opened: () => void): boolean {
    try {
      const { ok, id, code, ...place } = anyAnswerShape(
        parseJson(String(data), { maxBytes: MAX_ANSWER_BYTES }),
        'answer',
      )
      if (ok === true) {
        opened()
        return true
      }
      const waiting = id === undefined ? undefined : this.#waiting.get(id)
      if (id === undefined || waiting === undefined) return false
      const outcome = code === undefined ? placeShape(place, 'answer') : codeOf({ code })
      this.#waiting.delete(id)
      if (typeof outcome === 'object') waiting.resolve(outcome)
      else waiting.reject(new ClientError(outcome ?? 'SERVER_UNAVAILABLE'))
      return true
    } catch {
      return false
    }
  }

  #failAll(): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of all) reject(new ClientError('SERVER_UNAVAILABLE'))
  }
}
