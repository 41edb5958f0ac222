/**
 * How a client calls the hospital service: requests signed by a participant, answers checked against a shape.
 * Spec: docs/protocol/02-registration.md §2.6.
 *
 * @module
 */
import { encodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  isErrorCode,
  parseJson,
  REQUEST_SCHEME,
  requestStatement,
  type ParticipantRef,
  type Shape,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { signWith, type Signer } from './identity.ts'
import type { Clock } from './ports.ts'

/** What of `fetch` the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ readonly status: number; text(): Promise<string> }>

export interface HospitalApiOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly fetch: Fetch
  /** Base address, without a slash at the end. */
  readonly url: string
}

/** Who signs the requests. */
export interface RequestSigner {
  readonly ref: ParticipantRef
  readonly signer: Signer
}

const MAX_ANSWER_BYTES = 64 * 2 ** 20
const EMPTY = new Uint8Array()

/** Calls of the hospital service: a signed request, an answer of a shape. */
export class HospitalCalls {
  readonly #options: HospitalApiOptions

  constructor(options: HospitalApiOptions) {
    this.#options = options
  }

  /** @throws {ClientError} the code of the hospital's refusal; `SERVER_UNAVAILABLE`; `MESSAGE_MALFORMED` */
  async call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    as: RequestSigner | undefined,
    shape: Shape<T>,
    body?: object,
  ): Promise<T> {
    const bodyText = body === undefined ? undefined : JSON.stringify(body)
    const headers: Record<string, string> = {}
    if (bodyText !== undefined) headers['content-type'] = 'application/json'
    if (as !== undefined) {
      const { crypto, clock } = this.#options
      headers['authorization'] = await authorizationOf(crypto, clock, as, method, path, bodyText)
    }
    const { status, answer } = await this.#fetch(method, path, headers, bodyText)
    if (status === 200) return shape(parseAnswer(answer), 'answer of the hospital')
    throw refusalOf(answer)
  }

  async #fetch(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<{ status: number; answer: string }> {
    try {
      const response = await this.#options.fetch(this.#options.url + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      return { status: response.status, answer: await response.text() }
    } catch (cause) {
      throw new ClientError('SERVER_UNAVAILABLE', { cause })
    }
  }
}

/** The header that says who asks, for what, with which body. */
export async function authorizationOf(
  crypto: Crypto,
  clock: Clock,
  as: RequestSigner,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: string,
): Promise<string> {
  const bytes = body === undefined ? EMPTY : encodeUtf8(body)
  const payload = requestStatement(crypto, { iss: as.ref, method, path }, bytes, clock.nowMs())
  return `${REQUEST_SCHEME} ${await signWith(as.signer, 'trusthealth-request+jwt', payload)}`
}

function parseAnswer(answer: string): unknown {
  try {
    return parseJson(answer, { maxBytes: MAX_ANSWER_BYTES })
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause })
  }
}

function refusalOf(answer: string): ClientError {
  const parsed = parseAnswer(answer)
  const code = typeof parsed === 'object' && parsed !== null && 'code' in parsed ? parsed.code : undefined
  return new ClientError(isErrorCode(code) ? code : 'SERVER_UNAVAILABLE')
}
