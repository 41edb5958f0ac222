/**
 * The client's side of an open session. Requests may be answered in any order; each answer belongs to exactly one
 * request, because it is sealed under that request's number. Spec: docs/protocol/05-sessions.md §5.7.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../crypto/src/index.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../cbor.ts'
import { ProtocolError } from '../errors.ts'
import type { SessionKeys } from './key-schedule.ts'
import {
  MAX_RECORDS,
  peekRecord,
  RECORD_HEADER_BYTES,
  RECORD_TAG_BYTES,
  RecordCipher,
  recordRejected,
  recordTooLarge,
  sessionExpired,
  SESSION_LIFETIME_MS,
} from './record-layer.ts'
import { REPLAY_WINDOW, type Freshness } from './replay-window.ts'

/** Requests that may wait for an answer at the same time: more would fall out of the server's window. */
export const MAX_WAITING = REPLAY_WINDOW

/** The finish takes the place of number 0; its answer comes under it. */
export const FINISH_SEQ = 0

/** @internal What the handshake hands over. */
export interface ClientSessionStart {
  readonly sid: Uint8Array
  readonly keys: SessionKeys
  readonly monotonicMs: number
  /** What the server takes as one record (§5.6). */
  readonly maxRecordBytes: number
}

export class ClientSession {
  /** 32 hex digits. */
  readonly sid: string
  /** 32 bytes shared with the trusted application and nobody else. */
  readonly exporter: Uint8Array
  /** In the caller's monotonic milliseconds. */
  readonly expiresMs: number
  /** Of one request, sealed. */
  readonly maxRecordBytes: number
  readonly #cipher: RecordCipher
  readonly #waiting: WaitingNumbers
  #nextSeq = FINISH_SEQ + 1

  /** @internal Made by `UnconfirmedClient.confirm`, which is the only way to a session. */
  constructor(start: ClientSessionStart, cipher: RecordCipher, waiting: WaitingNumbers) {
    this.sid = encodeHex(start.sid)
    this.exporter = start.keys.exporter.slice()
    this.expiresMs = start.monotonicMs + SESSION_LIFETIME_MS
    this.maxRecordBytes = start.maxRecordBytes
    this.#cipher = cipher
    this.#waiting = waiting
  }

  /** Whether a new handshake is needed: the hour or the numbers are used up. */
  isExpired(monotonicMs: number): boolean {
    return monotonicMs >= this.expiresMs || this.#nextSeq >= MAX_RECORDS
  }

  /** Requests without an answer. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Seals one request, `{cmd, …}`.
   * @throws {ProtocolError} `SESSION_EXPIRED`, `TEE_BUSY` with 1,024 requests unanswered, `RECORD_TOO_LARGE`.
   */
  sealRequest(request: CborValue, monotonicMs: number): { readonly seq: number; readonly frame: Uint8Array } {
    if (this.isExpired(monotonicMs)) throw sessionExpired()
    if (this.#waiting.size >= MAX_WAITING) throw new ProtocolError('TEE_BUSY', 'too many requests wait for an answer')
    const seq = this.#nextSeq
    const plaintext = encodeCbor(request)
    if (plaintext.length > this.maxRecordBytes - RECORD_HEADER_BYTES - RECORD_TAG_BYTES) throw recordTooLarge()
    const frame = this.#cipher.seal(seq, plaintext)
    this.#nextSeq++
    this.#waiting.add(seq)
    return { seq, frame }
  }

  /**
   * Opens the answer to request `seq`.
   * @throws {ProtocolError} `SESSION_RECORD_REJECTED` if it is altered or answers another request, `SESSION_REPLAY`
   * if `seq` was answered before or never asked, `CBOR_MALFORMED`.
   */
  openAnswer(seq: number, frame: Uint8Array): CborValue {
    if (peekRecord(frame).seq !== seq) throw recordRejected()
    return this.openNext(frame).answer
  }

  /** Opens an answer to any request that waits, for streams that answer out of order; errors as `openAnswer`. */
  openNext(frame: Uint8Array): { readonly seq: number; readonly answer: CborValue } {
    const { seq, plaintext } = this.#cipher.open(frame)
    return { seq, answer: decodeCbor(plaintext) }
  }

  /** Gives up waiting for an answer that was lost; should it come, it is refused. */
  forget(seq: number): void {
    this.#waiting.mark(seq)
  }
}

/**
 * Numbers whose answer is awaited. Not a sliding window: the answer to a slow request may come after thousands of
 * quick ones.
 */
export class WaitingNumbers implements Freshness {
  readonly #numbers = new Set<number>()

  get size(): number {
    return this.#numbers.size
  }
  add(seq: number): void {
    this.#numbers.add(seq)
  }
  isFresh(seq: number): boolean {
    return this.#numbers.has(seq)
  }
  mark(seq: number): void {
    this.#numbers.delete(seq)
  }
}

/** @internal The cipher of a session whose finish waits for its answer. */
export function startCipher(crypto: Crypto, sid: Uint8Array, keys: SessionKeys): [RecordCipher, WaitingNumbers] {
  const waiting = new WaitingNumbers()
  waiting.add(FINISH_SEQ)
  return [RecordCipher.ofClient(crypto, sid, keys, waiting), waiting]
}
