/**
 * Carries session messages over HTTP, one request each. Works wherever there is `fetch`.
 * Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import { decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { isErrorCode, parseJson } from '../../../shared/protocol/src/index.ts'
import { decodeOutcomes, encodeRecords } from '../../../shared/protocol/src/session/index.ts'
import { ClientError } from './errors.ts'
import type { Transport } from './ports.ts'

/** What of `fetch` the transport uses. */
export type BinaryFetch = (
  url: string,
  init: { method: 'POST'; headers: Record<string, string>; body: Uint8Array<ArrayBuffer> },
) => Promise<{ readonly status: number; arrayBuffer(): Promise<ArrayBuffer> }>

const HEADERS = { 'content-type': 'application/octet-stream' }

export class HttpTransport implements Transport {
  readonly address: string
  readonly #url: string
  readonly #fetch: BinaryFetch
  readonly #sessions: string

  /**
   * @param url base address of the TEE server, without a slash at the end.
   * @param sessions path of its sessions: another one of a server that is being restored (12.4).
   */
  constructor(url: string, fetch: BinaryFetch, sessions = '/v1/session') {
    this.address = url
    this.#url = url
    this.#fetch = fetch
    this.#sessions = sessions
  }

  hello(hello: Uint8Array): Promise<Uint8Array> {
    return this.#post(`${this.#sessions}/hello`, hello)
  }

  finish(finish: Uint8Array): Promise<Uint8Array> {
    return this.#post(`${this.#sessions}/finish`, finish)
  }

  async record(record: Uint8Array): Promise<Uint8Array> {
    const [outcome] = decodeOutcomes(await this.#post(`${this.#sessions}/records`, encodeRecords([record])))
    if (outcome === undefined) throw new ClientError('MESSAGE_MALFORMED')
    if ('code' in outcome) throw new ClientError(outcome.code)
    return outcome.record
  }

  close(): void {
    // `fetch` owns its connections.
  }

  async #post(path: string, body: Uint8Array): Promise<Uint8Array> {
    let status: number
    let answer: Uint8Array
    try {
      const response = await this.#fetch(this.#url + path, {
        method: 'POST',
        headers: HEADERS,
        body: new Uint8Array(body),
      })
      status = response.status
      answer = new Uint8Array(await response.arrayBuffer())
    } catch (cause) {
      throw new ClientError('SERVER_UNAVAILABLE', { cause })
    }
    if (status === 200) return answer
    throw refusalOf(answer)
  }
}

/** The code of a JSON error; anything else than that is not one of our servers. */
function refusalOf(answer: Uint8Array): ClientError {
  try {
    const parsed = parseJson(decodeUtf8(answer), { maxBytes: 65_536 })
    if (typeof parsed === 'object' && parsed !== null && 'code' in parsed && isErrorCode(parsed.code)) {
      return new ClientError(parsed.code)
    }
  } catch {
    // Falls through: no JSON, so no code.
  }
  return new ClientError('SERVER_UNAVAILABLE')
}
