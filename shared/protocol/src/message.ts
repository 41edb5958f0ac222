/**
 * Messages: deterministic CBOR of a known shape.
 *
 * @module
 */
import { type CborLimits, decodeCbor } from './cbor.ts'
import type { Shape } from './shape.ts'

/**
 * Decodes one message and checks its shape. `where` names the message in error messages.
 * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`
 */
export function decodeMessage<T>(bytes: Uint8Array, shape: Shape<T>, where: string, limits?: CborLimits): T {
  return shape(decodeCbor(bytes, limits), where)
}
