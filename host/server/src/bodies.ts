/**
 * Bodies of raw bytes.
 *
 * @module
 */
import { Type } from 'typebox'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'

export const OCTETS = 'application/octet-stream'

/** OpenAPI 3.1 describes raw bytes by a media type with an empty schema. */
export const bytesOf = (description: string) => ({ description, content: { [OCTETS]: { schema: Type.Unknown() } } })

/** @throws {ProtocolError} `HTTP_BAD_REQUEST` if there is none. */
export function bodyOf(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array) || body.length === 0) throw new ProtocolError('HTTP_BAD_REQUEST', 'no body')
  return body
}
