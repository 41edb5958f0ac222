/**
 * Checkpoints: a log's size and root as a note text, signed by the log. Spec: https://c2sp.org/tlog-checkpoint@v1.0.0;
 * ours: docs/protocol/06-log-and-checkpoints.md §6.4. One text for one checkpoint: `format` and `parse` invert each
 * other, and whatever `format` would not write is refused.
 *
 * @module
 */
import { type Crypto, decodeHex, equalBytes, SHA256_BYTES, type SigningKey } from '../../crypto/src/index.ts'
import { encodeBase64, findBase64 } from './base64.ts'
import { LogError } from './errors.ts'
import { formatNote, malformed, type NoteKey, parseNote, type SignedNote, signNote, verifyNote } from './note.ts'

/** What a log says of itself at one moment. */
export interface Checkpoint {
  /** Names the log; for a TEE server see 06 §6.4. Not empty, one line. */
  readonly origin: string
  /** Number of entries, 0 to 2^53 - 1. */
  readonly size: number
  /** 32 bytes, RFC 6962 root at that size. */
  readonly root: Uint8Array
  /** Further lines, opaque, none of them empty. We write none; those of other logs are kept and are signed. */
  readonly extensions: readonly string[]
}

/** A checkpoint whose signature has been verified. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint
  /** The note it came in, for its other signatures. */
  readonly note: SignedNote
  /** Which of the keys given signed it; at least one. */
  readonly signedBy: readonly NoteKey[]
}

/**
 * An entry with the proof that it is in the log, for receipts and read answers. Plain data: whoever sends it chooses
 * the encoding. Check it with `openCheckpoint` and then `verifyInclusion`, under the checkpoint's size and root.
 */
export interface LogProof {
  readonly index: number
  readonly size: number
  /** 32 bytes each. */
  readonly proof: readonly Uint8Array[]
  /** A signed checkpoint note at that size. */
  readonly checkpoint: string
}

// RFC 6962 §2.1: the hash of an empty log is SHA-256 of the empty string.
const EMPTY_ROOT = decodeHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')

/** The origin of a TEE server's log, and the name its key signs with. @param serverRef `s-` and 32 hex digits. */
export function logOrigin(serverRef: string): string {
  return `trusthealth/${serverRef}`
}

/** The note text (unsigned). @throws {LogError} `LOG_CHECKPOINT_MALFORMED` if a field cannot stand in it. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions } = checkpoint
  const text = [origin, String(size), encodeBase64(root), ...extensions, ''].join('\n')
  const parsed = parseCheckpoint(text)
  // An origin or extension with a newline in it would slide into the next line.
  if (parsed.origin !== origin || parsed.extensions.length !== extensions.length) throw malformed('line')
  return text
}

/** @param text of a note, unverified. @throws {LogError} `LOG_CHECKPOINT_MALFORMED` */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) throw malformed('lines')
  const [origin = '', sizeText = '', rootText = '', ...extensions] = lines
  const size = /^(0|[1-9][0-9]{0,15})$/.test(sizeText) ? Number(sizeText) : Number.NaN
  const root = findBase64(rootText)
  if (!Number.isSafeInteger(size)) throw malformed('size')
  if (root === undefined || root.length !== SHA256_BYTES) throw malformed('root')
  if (size === 0 && !equalBytes(root, EMPTY_ROOT)) throw malformed('root of an empty log')
  return { origin, size, root, extensions }
}

/**
 * Signs a checkpoint; the key's name is the origin, as the spec recommends.
 *
 * @returns the signed note as text.
 * @throws {LogError} `LOG_CHECKPOINT_MALFORMED`, `LOG_KEY_MALFORMED` (an origin that cannot be a key name).
 */
export function signCheckpoint(crypto: Crypto, key: SigningKey, checkpoint: Checkpoint): string {
  const text = formatCheckpoint(checkpoint)
  return formatNote({ text, signatures: [signNote(crypto, key, checkpoint.origin, text)] })
}

/**
 * Reads a signed checkpoint of the log named `origin`.
 *
 * @param keys the log's keys that the caller trusts (several while a key is being replaced).
 * @throws {LogError} `LOG_CHECKPOINT_MALFORMED`, `LOG_SIGNATURE_MISSING`, `LOG_SIGNATURE_INVALID`,
 * `LOG_ORIGIN_MISMATCH` (signed by the key, but of another log), `LOG_KEY_ENDED` (by a key that ended before that size).
 */
export function openCheckpoint(
  crypto: Crypto,
  signedNote: string,
  origin: string,
  keys: readonly NoteKey[],
): OpenedCheckpoint {
  const note = parseNote(signedNote)
  const signedBy = verifyNote(crypto, note, keys)
  const checkpoint = parseCheckpoint(note.text)
  if (checkpoint.origin !== origin) throw new LogError('LOG_ORIGIN_MISMATCH', 'a checkpoint of another log')
  if (signedBy.some(({ maxSize = checkpoint.size }) => checkpoint.size > maxSize)) {
    throw new LogError('LOG_KEY_ENDED', 'signed by a key that ended before')
  }
  return { checkpoint, note, signedBy }
}
