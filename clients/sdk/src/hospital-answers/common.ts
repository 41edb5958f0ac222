/**
 * Shapes that several answers of the hospital service share.
 *
 * @module
 */
import { decodeBase64url } from '../../../../shared/crypto/src/index.ts'
import {
  hospitalRefShape,
  list,
  literal,
  struct,
  text,
  uint,
  type Shape,
} from '../../../../shared/protocol/src/index.ts'

export const bytesText: Shape<Uint8Array> = (value, where) => decodeBase64url(text({ max: 11_184_811 })(value, where))
export const hospitalMembers = { ref: hospitalRefShape, name: text({ max: 128 }) }
export const hospitalShape = struct(hospitalMembers)
export const okShape = struct({ ok: literal(true) })
export const sealedKeys = list(struct({ version: uint({ min: 1 }), sealed: bytesText }), { max: 1_024 })
