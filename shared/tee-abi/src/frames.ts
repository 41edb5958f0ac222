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

export interface FrameReading {
  /** Whether who pushes a chunk writes to it again; without it the reader owns each chunk, and messages may be views. */
  readonly isChunkReused?: boolean
}

/** Cuts a stream into messages. Memory: never more than one message and one chunk. */
export class FrameReader {
  readonly #isChunkReused: boolean
  readonly #header = new Uint8Array(LENGTH_BYTES)
  #headerBytes = 0
  /** The message being collected, allocated once its length is known and within the limit. */
  #message: Uint8Array | undefined
  #messageBytes = 0
  #failed = false

  constructor({ isChunkReused = false }: FrameReading = {}) {
    this.#isChunkReused = isChunkReused
  }

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
        const end = at + length
        messages.push(this.#isChunkReused ? new Uint8Array(chunk.subarray(at, end)) : chunk.subarray(at, end))
        at += length
      } else {
        this.#message = new Uint8Array(length)
        this.#messageBytes = 0
      }
    }
    return messages
  }

  /** Whether the stream stands between two messages: at its end anything else means that it was cut. */
  get isBetweenFrames(): boolean {
    return !this.#failed && this.#message === undefined && this.#headerBytes === 0
  }

  #collect(message: Uint8Array, chunk: Uint8Array, at: number, messages: Uint8Array[]): number {
    const part = chunk.subarray(at, at + message.length - this.#messageBytes)
    message.set(part, this.#messageBytes)
    this.#messageBytes += part.length
    if (this.#messageBytes === message.length) {
      messages.push(message)
      this.#message = undefined
    }
    return part.length
  }
}

function frameInvalid(): AbiError {
  return new AbiError('TEE_FRAME_INVALID', 'a frame is empty or larger than the limit')
}
