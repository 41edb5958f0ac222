/**
 * Records of an open session: `sid(16) ‖ seq(8, big-endian) ‖ ciphertext ‖ tag(16)`, one AES-256-GCM key a direction.
 * Spec: docs/protocol/05-sessions.md §5.7.
 *
 * Limits: 2^20 records a session; a record has at most `MAX_RECORD_BYTES`. The caller never seals twice under one
 * sequence number (that would reuse a nonce): `ClientSession` counts, the server's session answers each once.
 *
 * @module
 */
import { concat, label, type Crypto } from '../../../crypto/src/index.ts'
import { ProtocolError } from '../errors.ts'
import type { SessionKeys, TrafficKey } from './key-schedule.ts'
import type { Freshness } from './replay-window.ts'

export const SID_BYTES = 16
export const RECORD_HEADER_BYTES = SID_BYTES + 8
export const RECORD_TAG_BYTES = 16
/** Sequence numbers 0 to 2^20 - 1; then the session has ended. */
export const MAX_RECORDS = 1 << 20
export const SESSION_LIFETIME_MS = 3_600_000
/** A whole record: 8 MiB of content with room for its command and its header. */
export const MAX_RECORD_BYTES = 8 * 1024 * 1024 + 32 * 1024

const RECORD = label('session-record')
const SEQ_AT = RECORD.length + 1 + SID_BYTES

/** 0: client to server, 1: server to client. */
export type Direction = 0 | 1

/** Seals what one side sends and opens what the other side sends, each in its own direction. */
export class RecordCipher {
  readonly #crypto: Crypto
  readonly #sid: Uint8Array
  readonly #sending: DirectedKey
  readonly #receiving: DirectedKey
  readonly #freshness: Freshness

  private constructor(
    crypto: Crypto,
    sid: Uint8Array,
    [sending, receiving]: readonly [DirectedKey, DirectedKey],
    freshness: Freshness,
  ) {
    this.#crypto = crypto
    this.#sid = sid.slice()
    this.#sending = sending
    this.#receiving = receiving
    this.#freshness = freshness
  }

  /** @param freshness of the numbers that the server answers. */
  static ofClient(crypto: Crypto, sid: Uint8Array, keys: SessionKeys, freshness: Freshness): RecordCipher {
    const directions = [directed(keys.clientToServer, 0, sid), directed(keys.serverToClient, 1, sid)] as const
    return new RecordCipher(crypto, sid, directions, freshness)
  }

  /** @param freshness of the numbers that the client uses: a `ReplayWindow`. */
  static ofServer(crypto: Crypto, sid: Uint8Array, keys: SessionKeys, freshness: Freshness): RecordCipher {
    const directions = [directed(keys.serverToClient, 1, sid), directed(keys.clientToServer, 0, sid)] as const
    return new RecordCipher(crypto, sid, directions, freshness)
  }

  /** One record. @throws {ProtocolError} `SESSION_EXPIRED` past the last number, `RECORD_TOO_LARGE`. */
  seal(seq: number, plaintext: Uint8Array): Uint8Array {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError('seq must be a non-negative integer')
    if (seq >= MAX_RECORDS) throw sessionExpired()
    if (plaintext.length > MAX_RECORD_BYTES - RECORD_HEADER_BYTES - RECORD_TAG_BYTES) throw recordTooLarge()
    const key = prepare(this.#sending, seq)
    const header = new Uint8Array(8)
    writeSeq(header, 0, seq)
    return concat(this.#sid, header, this.#crypto.encrypt(key.key, key.nonce, key.aad, plaintext))
  }

  /**
   * Opens a record of the other side, once.
   *
   * @throws {ProtocolError} `SESSION_RECORD_REJECTED` for another session, a malformed or altered record (the window
   * does not move), `SESSION_REPLAY` for a number that is not fresh, `SESSION_EXPIRED` past the last number.
   */
  open(frame: Uint8Array): { readonly seq: number; readonly plaintext: Uint8Array } {
    const { sid, seq } = peekRecord(frame)
    if (!sameSid(sid, this.#sid)) throw recordRejected()
    if (seq >= MAX_RECORDS) throw sessionExpired()
    if (!this.#freshness.isFresh(seq)) {
      throw new ProtocolError('SESSION_REPLAY', 'the sequence number was used before, is too old or was never sent')
    }
    const key = prepare(this.#receiving, seq)
    let plaintext: Uint8Array
    try {
      plaintext = this.#crypto.decrypt(key.key, key.nonce, key.aad, frame.subarray(RECORD_HEADER_BYTES))
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'CRYPTO_DECRYPTION_FAILED') throw cause
      throw recordRejected()
    }
    this.#freshness.mark(seq)
    return { seq, plaintext }
  }
}

/**
 * Header of a record, unauthenticated: for finding the session and for answers that arrive out of order.
 * `sid` is a view. A number of 2^53 or more reads as `Infinity`.
 * @throws {ProtocolError} `SESSION_RECORD_REJECTED` if the frame is too short or too long to be a record.
 */
export function peekRecord(frame: Uint8Array): { readonly sid: Uint8Array; readonly seq: number } {
  if (frame.length < RECORD_HEADER_BYTES + RECORD_TAG_BYTES || frame.length > MAX_RECORD_BYTES) throw recordRejected()
  const view = new DataView(frame.buffer, frame.byteOffset + SID_BYTES, 8)
  const high = view.getUint32(0)
  return {
    sid: frame.subarray(0, SID_BYTES),
    seq: high >= 0x20_0000 ? Number.POSITIVE_INFINITY : high * 0x1_0000_0000 + view.getUint32(4),
  }
}

export function sessionExpired(): ProtocolError {
  return new ProtocolError('SESSION_EXPIRED', 'the session has ended')
}

/** The one error for every way a record can fail to open. */
export function recordRejected(): ProtocolError {
  return new ProtocolError('SESSION_RECORD_REJECTED', 'the record does not belong to this session')
}

export function recordTooLarge(): ProtocolError {
  return new ProtocolError('RECORD_TOO_LARGE', 'a session record is larger than the limit')
}

/** A traffic key with its nonce and associated data, whose sequence number is written in place for each record. */
interface DirectedKey extends TrafficKey {
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
}

function directed(traffic: TrafficKey, direction: Direction, sid: Uint8Array): DirectedKey {
  if (sid.length !== SID_BYTES) throw new RangeError('sid must have 16 bytes')
  return {
    ...traffic,
    nonce: traffic.iv.slice(),
    aad: concat(RECORD, new Uint8Array([direction]), sid, new Uint8Array(8)),
  }
}

function prepare(traffic: DirectedKey, seq: number): DirectedKey {
  writeSeq(traffic.aad, SEQ_AT, seq)
  // nonce = iv XOR (0^4 ‖ seq)
  for (let i = 0; i < 8; i++) {
    traffic.nonce[4 + i] = (traffic.iv[4 + i] as number) ^ (traffic.aad[SEQ_AT + i] as number)
  }
  return traffic
}

function writeSeq(into: Uint8Array, at: number, seq: number): void {
  const view = new DataView(into.buffer, into.byteOffset + at, 8)
  view.setUint32(0, Math.floor(seq / 0x1_0000_0000))
  view.setUint32(4, seq >>> 0)
}

function sameSid(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < SID_BYTES; i++) if (a[i] !== b[i]) return false
  return true
}
