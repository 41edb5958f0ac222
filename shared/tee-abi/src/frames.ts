/**
 * Frames of the byte stream between the driver and the trusted application: `length(4, big-endian) ‖ message`.
 * Spec: docs/protocol/10-tee-abi.md §10.1.
 *
 * @module
 */
import { AbiError } from './errors.ts'

/** Largest message: the endorsed answers of several organisations to several queries. A record is much smaller. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024

const LENGTH_BYTES = 4

/** One frame, ready to write. @throws {AbiError} `TEE_FRAME_INVALID` for an empty or too large message. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + message.length)
  frame.set(frameHeader(message.length), 0)
  frame.set(message, LENGTH_BYTES)
  return frame
}

/** The 4 bytes before a message, for writers that gather. @throws {AbiError} `TEE_FRAME_INVALID` */
export function frameHeader(length: number): Uint8Array {
  if (length < 1 || length > MAX_FRAME_BYTES) throw frameInvalid()
  return new Uint8Array([length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff])
}

/**
 * Cuts a stream into messages. A message that lies inside one chunk is a view on it, so the reader owns each chunk:
 * who pushes it must not write to it again. Memory: never more than one message and one chunk.
 */
export class FrameReader {
  readonly #header = new Uint8Array(LENGTH_BYTES)
  #headerBytes = 0
  /** The message being collected, allocated once its length is known and within the limit. */
  #message: Uint8Array | undefined
  #messageBytes = 0
  #failed = false

  /**
   * The messages that `chunk` completes, in order.
   * @throws {AbiError} `TEE_FRAME_INVALID` for a length of 0 or above the limit; the stream cannot be used again.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#failed) throw frameInvalid()
    const messages: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#message !== undefined) {
        at += this.#collect(this.#message, chunk, at, messages)
        continue
      }
      const header = chunk.subarray(at, at + LENGTH_BYTES - this.#headerBytes)
      this.#header.set(header, this.#headerBytes)
      this.#headerBytes += header.length
      at += header.length
      if (this.#headerBytes < LENGTH_BYTES) break
      this.#headerBytes = 0
      const length = new DataView(this.#header.buffer).getUint32(0)
      if (length < 1 || length > MAX_FRAME_BYTES) {
        this.#failed = true
        throw frameInvalid()
      }
      if (chunk.length - at >= length) {
        messages.push(chunk.subarray(at, at + length))
        at += length
      } else {
        this.#message = new Uint8Array(length)
        this.#messageBytes = 0
      }
    }
    return messages
  }

  /**
   * Where the next bytes of the stream belong while a message is being collected: who can read straight into it says so
   * by `filled` and spares a chunk. Undefined between messages.
   */
  get room(): Uint8Array | undefined {
    return this.#message?.subarray(this.#messageBytes)
  }

  /** `bytes` of `room` were written, at its begin. @returns the message, when that completes it. */
  filled(bytes: number): Uint8Array | undefined {
    const message = this.#message
    if (message === undefined || bytes > message.length - this.#messageBytes) {
      throw new RangeError('more than there is room')
    }
    this.#messageBytes += bytes
    if (this.#messageBytes < message.length) return undefined
    this.#message = undefined
    return message
  }

  /** Whether the stream stands between two messages: at its end anything else means that it was cut. */
  get isBetweenFrames(): boolean {
    return !this.#failed && this.#message === undefined && this.#headerBytes === 0
  }

  #collect(message: Uint8Array, chunk: Uint8Array, at: number, messages: Uint8Array[]): number {
    const part = chunk.subarray(at, at + message.length - this.#messageBytes)
    message.set(part, this.#messageBytes)
    if (this.filled(part.length) !== undefined) messages.push(message)
    return part.length
  }
}

function frameInvalid(): AbiError {
  return new AbiError('TEE_FRAME_INVALID', 'a frame is empty or larger than the limit')
}
