/**
 * A hospital's published list of its doctors, signed by its service. It gives names to references and nothing else:
 * whether a reference is an active doctor of that hospital is for the ledger to say.
 * Spec: docs/protocol/02-registration.md §2.11.
 *
 * @module
 */
import { concat, decodeUtf8, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import { ProtocolError } from './errors.ts'
import { hospitalRefShape, practitionerRefShape } from './ids.ts'
import { parseJson } from './json.ts'
import { b64u, list, literal, struct, text, type Infer } from './shape.ts'

/** Of the list, before it is encoded. */
export const MAX_DIRECTORY_BYTES = 1_048_576
/** Of the answer that carries it. */
export const MAX_SIGNED_DIRECTORY_BYTES = 1_500_000
const MAX_LISTED = 8_192
const DIRECTORY = label('directory')

export const directoryShape = struct({
  v: literal(1),
  hospital: hospitalRefShape,
  practitioners: list(
    struct({ ref: practitionerRefShape, name: text({ min: 1, max: 128 }), department: text({ max: 64 }) }),
    { max: MAX_LISTED },
  ),
})
export type Directory = Infer<typeof directoryShape>

/** `list`: the JSON's bytes; `signature`: 64 bytes over `directorySigningInput`. Both in base64url. */
export const signedDirectoryShape = struct({
  list: text({ min: 1, max: MAX_SIGNED_DIRECTORY_BYTES }),
  signature: b64u(64),
})
/** @useDeclaredType */
export type SignedDirectory = Infer<typeof signedDirectoryShape>

/** @throws {ProtocolError} `DIRECTORY_TOO_LARGE` */
export function encodeDirectory(directory: Directory): Uint8Array {
  const bytes = encodeUtf8(JSON.stringify(directory))
  if (directory.practitioners.length > MAX_LISTED || bytes.length > MAX_DIRECTORY_BYTES) {
    throw new ProtocolError('DIRECTORY_TOO_LARGE', 'a directory has at most 8,192 doctors and 1 MiB')
  }
  return bytes
}

/** What the hospital's service signs: `L(directory) ‖ list`. */
export function directorySigningInput(bytes: Uint8Array): Uint8Array {
  return concat(DIRECTORY, bytes)
}

/** @throws {ProtocolError} `MESSAGE_MALFORMED` @throws {CryptoError} `CRYPTO_BAD_ENCODING` */
export function parseDirectory(bytes: Uint8Array): Directory {
  return directoryShape(parseJson(decodeUtf8(bytes), { maxBytes: MAX_DIRECTORY_BYTES }), 'directory')
}
