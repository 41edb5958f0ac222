/**
 * Stands between the record server's host and the ledger, as a lying host can: passes everything on, and when told to,
 * answers each question with the answer to it that was right some time ago, or keeps what should be written.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  decodeEndorsedAnswers,
  decodeQuery,
  decodeSignedQuery,
  encodeEndorsedAnswers,
  type EndorsedAnswer,
} from '../../../../shared/ledger-model/src/index.ts'

const READS = '/v1/endorsed-reads'
const WRITES = '/v1/proposals'

export class LyingLedger {
  readonly #server: Server
  readonly #target: string
  /** Newest answers by question: which ones are asked together depends on how long ago the last ones were. */
  readonly #remembered = new Map<string, readonly EndorsedAnswer[]>()
  #lies = false
  #keepsWrites = false
  #lied = 0

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer((request, response) => {
      this.#pass(request, response).catch(() => response.destroy())
    })
  }

  static async start(target: string): Promise<LyingLedger> {
    const lying = new LyingLedger(target)
    await new Promise<void>((resolve) => lying.#server.listen(0, '127.0.0.1', resolve))
    return lying
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Answers given in place of the ledger's. */
  get lied(): number {
    return this.#lied
  }

  /** From now on nothing is written: checkpoints do not reach the ledger. */
  keepWrites(): void {
    this.#keepsWrites = true
  }

  /** From now on every question that was asked before gets the newest answer of then. */
  lie(): void {
    this.#lies = true
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isRead = request.url === READS
    if (request.url === WRITES && this.#keepsWrites) {
      response.destroy()
      return
    }
    const stop = new AbortController()
    response.on('close', () => stop.abort())
    const contentType = request.headers['content-type']
    const answer = await fetch(`${this.#target}${request.url ?? ''}`, {
      method: request.method ?? 'GET',
      headers: contentType === undefined ? {} : { 'content-type': contentType },
      signal: stop.signal,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    })
    const told = Buffer.from(await answer.arrayBuffer())
    const body = isRead && answer.ok ? this.#answerOf(Buffer.concat(chunks), told) : told
    response
      .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' })
      .end(body)
  }

  /** @param told what the ledger answers. */
  #answerOf(question: Uint8Array, told: Uint8Array): Uint8Array {
    const truth = decodeEndorsedAnswers(told)
    let lies = false
    const answers = decodeQuery(decodeSignedQuery(question).query).queries.map(({ fn, args }, i) => {
      const key = JSON.stringify([fn, args])
      const before = this.#remembered.get(key)
      if (this.#lies && before !== undefined) {
        lies = true
        return before
      }
      const now = truth[i] ?? []
      if (!this.#lies) this.#remembered.set(key, now)
      return now
    })
    if (!lies) return told
    this.#lied++
    return encodeEndorsedAnswers(answers)
  }
}
