/**
 * Looks at the record server's log again and again: takes the checkpoint that the server offers for cosigning, cosigns it
 * or refuses, and brings the cosignature back. The hospital asks and nobody calls it, so that it may stay behind its
 * firewall. What the ledger has anchored is compared, too: the server cannot show the ledger another log.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import type { Fetch } from '../../../clients/sdk/src/hospital-calls.ts'
import { decodeBase64url } from '../../../shared/crypto/src/index.ts'
import {
  isErrorCode,
  list,
  parseJson,
  ProtocolError,
  struct,
  text,
  type ErrorCode,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import { addSignature, formatNote, parseCheckpoint, parseNote } from '../../../shared/tlog/src/index.ts'
import { AWAY, every, type Repeated } from '../repeated.ts'
import type { Witness } from './witness.ts'

const MAX_ANSWER_BYTES = 2 ** 17
const proofShape = struct({ proof: list(text({ max: 43 }), { max: 54 }) })

export interface FeederParts {
  readonly witness: Witness
  readonly server: { readonly ref: ServerRef; readonly url: string }
  readonly fetch: Fetch
  /** The newest checkpoint that the ledger has of the server; undefined: none. */
  readonly anchored: (ref: ServerRef) => Promise<string | undefined>
}

export class WitnessFeeder {
  readonly #parts: FeederParts
  #compared = ''
  #repeated: Repeated | undefined

  constructor(parts: FeederParts) {
    this.#parts = parts
  }

  /**
   * One look.
   * @param url another address of the same server.
   * @returns size that was cosigned.
   * @throws {ProtocolError | LogError} as `Witness.add`; `SERVER_UNAVAILABLE`, `LEDGER_UNAVAILABLE`
   */
  async look(url = this.#parts.server.url): Promise<number> {
    const { witness, server, anchored } = this.#parts
    const onLedger = await anchored(server.ref)
    if (onLedger !== undefined && onLedger !== this.#compared) {
      await witness.compare(server.ref, onLedger, (from, to) => this.#proof(url, from, to))
      this.#compared = onLedger
    }
    const offered = await this.#ask('GET', `${url}/v1/checkpoint/offered`)
    const note = parseNote(offered)
    const { size } = parseCheckpoint(note.text)
    const oldSize = witness.remembered(server.ref).size
    const proof = oldSize === 0 || oldSize >= size ? [] : await this.#proof(url, oldSize, size)
    const line = await witness.add({ oldSize, proof, checkpoint: offered }, { isFetched: true })
    await this.#ask('POST', `${url}/v1/cosignatures`, formatNote(addSignature(note, line)))
    return size
  }

  /** @param onTrouble a refusal, which a person should look at; not told of a part that does not answer. */
  start(everyMs: number, onTrouble: (error: unknown) => void): void {
    const look = async (): Promise<number> => {
      await this.look()
      return everyMs
    }
    this.#repeated = every({ look, retryMs: everyMs, expected: AWAY, onTrouble })
  }

  async stop(): Promise<void> {
    await this.#repeated?.stop()
  }

  async #proof(url: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    let answer: string
    try {
      answer = await this.#ask('GET', `${url}/v1/proof?from=${from}&to=${to}`)
    } catch (error) {
      // It says that it has no such size, of a checkpoint with its own signature: there is no proof, and that is kept.
      if (error instanceof ProtocolError && error.code === 'LOG_SIZE_INVALID') return []
      throw error
    }
    return proofShape(parseJson(answer, { maxBytes: MAX_ANSWER_BYTES }), 'proof').proof.map(decodeBase64url)
  }

  async #ask(method: 'GET' | 'POST', url: string, body?: string): Promise<string> {
    const { fetch } = this.#parts
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'text/plain; charset=utf-8' }
    let status: number
    let answer: string
    try {
      const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
      status = response.status
      answer = await response.text()
    } catch (cause) {
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the record server does not answer', { cause })
    }
    if (status === 200 && answer.length <= MAX_ANSWER_BYTES) return answer
    throw new ProtocolError(codeIn(answer), 'the record server refused')
  }
}

function codeIn(answer: string): ErrorCode {
  try {
    const code = (parseJson(answer, { maxBytes: MAX_ANSWER_BYTES }) as { readonly code?: unknown } | null)?.code
    return isErrorCode(code) ? code : 'SERVER_UNAVAILABLE'
  } catch {
    return 'SERVER_UNAVAILABLE'
  }
}
