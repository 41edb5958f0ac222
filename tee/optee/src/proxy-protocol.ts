/**
 * What the driver and the proxy in the guest of an emulated machine say to each other: the calls of libteec, one at a
 * time. Frames both ways `length(4) ‖ body`, numbers big-endian. The channel is untrusted: what matters is encrypted
 * between client and trusted application. Spec: optee/proxy/README.md.
 *
 * @module
 */
import { TeeError } from '../../src/errors.ts'
import { MAX_INPUT_BYTES, OUTPUT_BYTES } from './session.ts'

export const GREETING = 'trusthealth-proxy/1'

export const PROXY_OP = { open: 1, start: 2, exchange: 3, close: 4, memory: 5, probe: 6 } as const

/** Result, origin, flags, waiting bytes, and the largest output. */
const MAX_ANSWER_BYTES = 16 + OUTPUT_BYTES

export interface ProxyAnswer {
  /** Of libteec; 0 is success. */
  readonly result: number
  readonly body: Uint8Array
}

/** One request, ready to write. @param parts what follows the operation. */
export function encodeProxyRequest(op: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat([Uint8Array.of(op), ...parts])
  return Buffer.concat([uint32(body.length), body])
}

export function encodeExchange(input: Uint8Array, hasMore: boolean): Uint8Array {
  if (input.length > MAX_INPUT_BYTES) throw new RangeError('input of an exchange is at most 1 MiB')
  return encodeProxyRequest(PROXY_OP.exchange, Uint8Array.of(hasMore ? 1 : 0), uint32(OUTPUT_BYTES), input)
}

/** Answers as they come, cut anywhere. */
export class ProxyAnswerReader {
  #rest = Buffer.alloc(0)

  /** The answers that `chunk` completes. @throws {TeeError} `TEE_FRAME_INVALID` */
  push(chunk: Uint8Array): ProxyAnswer[] {
    const answers: ProxyAnswer[] = []
    let bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0)
      if (length < 8 || length > MAX_ANSWER_BYTES) throw new TeeError('TEE_FRAME_INVALID')
      if (bytes.length < 4 + length) break
      answers.push({ result: bytes.readUInt32BE(4), body: Uint8Array.from(bytes.subarray(12, 4 + length)) })
      bytes = bytes.subarray(4 + length)
    }
    this.#rest = bytes
    return answers
  }
}

export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function uint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Number at `at`. @throws {TeeError} `TEE_FRAME_INVALID` if there is none. */
export function readUint32(bytes: Uint8Array, at: number): number {
  if (bytes.length < at + 4) throw new TeeError('TEE_FRAME_INVALID')
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
}
