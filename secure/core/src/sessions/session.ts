/**
 * One open session in the trusted application: each request number is taken once and answered at most once.
 * Spec: docs/protocol/05-sessions.md §5.7.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../../../shared/protocol/src/cbor.ts'
import { ProtocolError } from '../../../../shared/protocol/src/errors.ts'
import { RecordCipher } from '../../../../shared/protocol/src/session/record-layer.ts'
import { REPLAY_WINDOW, ReplayWindow } from '../../../../shared/protocol/src/session/replay-window.ts'
import type { HalfOpenSession } from '../../../../shared/protocol/src/session/server.ts'
import type { SessionClient } from './client.ts'

/** Requests of one session that may wait for their answers. */
export const MAX_UNANSWERED = REPLAY_WINDOW

export class Session {
  /** 32 hex digits. */
  readonly id: string
  readonly client: SessionClient
  /** Monotonic milliseconds. */
  readonly expiresMs: number
  /** 32 bytes that only this session's client shares. */
  readonly exporter: Uint8Array
  readonly #cipher: RecordCipher
  readonly #unanswered = new Set<number>()

  /** @param expiresMs monotonic milliseconds. */
  constructor(crypto: Crypto, halfOpen: HalfOpenSession, client: SessionClient, expiresMs: number) {
    this.id = encodeHex(halfOpen.sid)
    this.client = client
    this.expiresMs = expiresMs
    this.exporter = halfOpen.keys.exporter
    const window = new ReplayWindow()
    // The finish was number 0: it is answered under it, and no request may use it.
    window.mark(0)
    this.#unanswered.add(0)
    this.#cipher = RecordCipher.ofServer(crypto, halfOpen.sid, halfOpen.keys, window)
  }

  /**
   * Opens one request.
   * @throws {ProtocolError} `SESSION_REPLAY`, `SESSION_RECORD_REJECTED`, `SESSION_EXPIRED` past the last number,
   * `TEE_BUSY` with 1,024 requests unanswered (the number stays usable), `CBOR_MALFORMED` (the number is used up).
   */
  open(frame: Uint8Array): { readonly seq: number; readonly request: CborValue } {
    if (this.#unanswered.size >= MAX_UNANSWERED) {
      throw new ProtocolError('TEE_BUSY', 'too many requests of this session wait for an answer')
    }
    const { seq, plaintext } = this.#cipher.open(frame)
    const request = decodeCbor(plaintext)
    this.#unanswered.add(seq)
    return { seq, request }
  }

  /**
   * Seals the answer to request `seq`, once. After `RECORD_TOO_LARGE` another answer may be sealed.
   * @throws {TypeError} if `seq` was answered before or never asked: a second answer would reuse a nonce.
   * @throws {ProtocolError} `RECORD_TOO_LARGE`
   */
  seal(seq: number, answer: CborValue): Uint8Array {
    if (!this.#unanswered.has(seq)) throw new TypeError('no request of this number waits for an answer')
    const frame = this.#cipher.seal(seq, encodeCbor(answer))
    this.#unanswered.delete(seq)
    return frame
  }
}
