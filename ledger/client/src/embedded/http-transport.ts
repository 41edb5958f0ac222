/**
 * HTTP to the embedded ledger: few kept connections, a deadline for each request, refusals as `LedgerError`s.
 *
 * @module
 */
import http from 'node:http'
import https from 'node:https'
import { isLedgerErrorCode, LedgerError } from '../../../../shared/ledger-model/src/index.ts'

const MAX_SOCKETS = 64
const MAX_ANSWER_BYTES = 80 * 1024 * 1024

export interface TransportRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly path: string
  /** CBOR. */
  readonly body?: Uint8Array
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

export class HttpTransport {
  readonly #base: URL
  readonly #agent: http.Agent
  readonly #request: typeof http.request
  #isClosed = false

  /** @param url `http://` or `https://`, without path. */
  constructor(url: string) {
    this.#base = new URL(url)
    const isSecure = this.#base.protocol === 'https:'
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS }
    this.#agent = isSecure ? new https.Agent(options) : new http.Agent(options)
    this.#request = isSecure ? https.request : http.request
  }

  /**
   * Body of a successful answer; undefined for 404.
   * @throws {LedgerError} the ledger's refusal; `LEDGER_UNAVAILABLE` if there was no answer in time.
   */
  send(request: TransportRequest): Promise<Uint8Array | undefined> {
    if (this.#isClosed) return Promise.reject(unavailable('the client is closed'))
    const { method, path, body, deadlineMs, signal } = request
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/cbor', 'content-length': body.length }
      const sent = this.#request(new URL(path, this.#base), { method, headers, agent: this.#agent })
      const stop = () => sent.destroy(new Error('stopped'))
      const timer = setTimeout(() => sent.destroy(new Error('deadline')), deadlineMs)
      const finish = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
      }
      if (signal?.aborted === true) stop()
      signal?.addEventListener('abort', stop)
      sent.on('error', (cause) => {
        finish()
        reject(unavailable('no answer', cause))
      })
      sent.on('response', (answer) => {
        const chunks: Buffer[] = []
        let length = 0
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_ANSWER_BYTES) sent.destroy(new Error('answer too large'))
          chunks.push(chunk)
        })
        answer.on('error', (cause) => {
          finish()
          reject(unavailable('the answer was cut short', cause))
        })
        answer.on('end', () => {
          finish()
          const whole = Buffer.concat(chunks)
          const bytes = new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength)
          const status = answer.statusCode ?? 0
          if (status === 200) resolve(bytes)
          else if (status === 404) resolve(undefined)
          else reject(refusalOf(status, bytes))
        })
      })
      sent.end(body)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#agent.destroy()
  }
}

export function unavailable(message: string, cause?: unknown): LedgerError {
  return new LedgerError('LEDGER_UNAVAILABLE', message, { cause })
}

/** The code that the ledger names. Something else in its place (a proxy, another program) is a ledger that is away. */
function refusalOf(status: number, body: Uint8Array): LedgerError {
  const code = codeIn(body)
  if (isLedgerErrorCode(code)) return new LedgerError(code, 'the ledger refused')
  if (code === 'HTTP_TOO_LARGE') return new LedgerError('LEDGER_BAD_PROPOSAL', 'too large for the ledger')
  return unavailable(`unexpected HTTP status ${status}`)
}

function codeIn(body: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    return typeof value === 'object' && value !== null && 'code' in value ? value.code : undefined
  } catch {
    return undefined
  }
}
