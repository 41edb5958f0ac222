/**
 * Signed notes: a text and signature lines below it. Spec: https://c2sp.org/signed-note@v1.0.0; what we accept of it:
 * docs/protocol/06-log-and-checkpoints.md §6.4.
 *
 * Our key type is ECDSA P-256 with SHA-256, signature type 0x02 of that spec. As transparency-dev/formats does
 * (note/note_verifier.go, NewECDSAVerifier, the scheme of Sigstore's Rekor): the signature is DER over the note text,
 * and the key id is the first four bytes of SHA-256 over the key's SPKI, without name and type byte.
 *
 * Stricter than the spec: 64 KiB and 16 signatures at most, canonical base64, and a key may sign only once.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  CryptoError,
  decodeHex,
  encodeUtf8,
  equalBytes,
  signatureFromDer,
  signatureToDer,
  type SigningKey,
  type VerifyingKey,
} from '../../crypto/src/index.ts'
import { encodeBase64, findBase64 } from './base64.ts'
import { LogError } from './errors.ts'

export const MAX_NOTE_BYTES = 65_536
export const MAX_NOTE_SIGNATURES = 16
export const KEY_ID_BYTES = 4

/** One line `— <name> base64(keyId ‖ signature)`, not verified. */
export interface NoteSignature {
  readonly name: string
  /** 4 bytes; says which key and algorithm, proves nothing. */
  readonly keyId: Uint8Array
  /** At least 1 byte. */
  readonly signature: Uint8Array
}

/** A parsed note. Its text means nothing until a known key's signature has been verified. */
export interface SignedNote {
  /** Ends with a newline, which is signed too. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A key under the name it signs with. Name and key id together identify it. */
export interface NoteKey {
  readonly name: string
  readonly key: VerifyingKey
  /** Of a log's key that was exchanged: it signed no checkpoint of more entries than this. */
  readonly maxSize?: number
}

// RFC 5480 §2: SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point.
const P256_SPKI = decodeHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')
// Control characters, the characters of Unicode's White_Space property, and plus. Written out: small engines lack \p{…}.
// oxlint-disable-next-line no-control-regex
const NOT_IN_NAMES = /[\u0000-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([^ ]+)$/

/**
 * Splits a signed note. Verifies nothing.
 *
 * @throws {LogError} `LOG_CHECKPOINT_MALFORMED`
 */
export function parseNote(note: string): SignedNote {
  checkNoteText(note)
  const at = note.lastIndexOf('\n\n')
  if (at < 0 || !note.endsWith('\n')) throw malformed('no signatures')
  const lines = note.slice(at + 2, -1).split('\n')
  if (at + 2 === note.length || lines.length > MAX_NOTE_SIGNATURES) throw malformed('number of signatures')
  return { text: note.slice(0, at + 1), signatures: lines.map(parseSignatureLine) }
}

/**
 * The note as text. `parseNote` inverts it.
 *
 * @throws {LogError} `LOG_CHECKPOINT_MALFORMED` if it would not be a note: no signature, too many, a bad name or text.
 */
export function formatNote(note: SignedNote): string {
  const lines = note.signatures.map(({ name, keyId, signature }) => {
    return `\u2014 ${name} ${encodeBase64(concat(keyId, signature))}\n`
  })
  const text = `${note.text}\n${lines.join('')}`
  if (parseNote(text).text !== note.text) throw malformed('text')
  return text
}

/** @throws {LogError} `LOG_CHECKPOINT_MALFORMED`, also when the note would have more than 16 signatures. */
export function addSignature(note: SignedNote, signature: NoteSignature): SignedNote {
  return parseNote(formatNote({ text: note.text, signatures: [...note.signatures, signature] }))
}

/** 4 bytes: how lines signed by `publicKey` (65 bytes) with signature type 0x02 are marked. */
export function noteKeyId(crypto: Crypto, publicKey: Uint8Array): Uint8Array {
  return crypto.sha256(spki(publicKey)).slice(0, KEY_ID_BYTES)
}

/** The SubjectPublicKeyInfo (91 bytes, DER) of a P-256 point of 65 bytes. */
export function spki(publicKey: Uint8Array): Uint8Array {
  return concat(P256_SPKI, publicKey)
}

/** Signs a note text. @param name without spaces and plus; for a log, its origin. */
export function signNote(crypto: Crypto, key: SigningKey, name: string, text: string): NoteSignature {
  checkKeyName(name)
  const signature = signatureToDer(crypto.sign(key, encodeUtf8(text)))
  return { name, keyId: noteKeyId(crypto, key.publicKey), signature }
}

/**
 * Which of the known keys signed the note, at least one. Lines of other keys are ignored, as the spec demands.
 *
 * @throws {LogError} `LOG_SIGNATURE_INVALID` if a line of a known key does not verify;
 * `LOG_SIGNATURE_MISSING` if no known key signed; `LOG_CHECKPOINT_MALFORMED` if one signed twice.
 */
export function verifyNote(crypto: Crypto, note: SignedNote, known: readonly NoteKey[]): readonly NoteKey[] {
  const message = encodeUtf8(note.text)
  const signers = known.filter((key) => {
    const line = findSignature(note, key.name, noteKeyId(crypto, key.key.publicKey))
    if (line === undefined) return false
    if (!verifyDer(crypto, key.key, message, line.signature)) throw signatureInvalid()
    return true
  })
  if (signers.length === 0) throw new LogError('LOG_SIGNATURE_MISSING', 'no known key signed the note')
  return signers
}

/** The line of one key. @throws {LogError} `LOG_CHECKPOINT_MALFORMED` if there are two. */
export function findSignature(note: SignedNote, name: string, keyId: Uint8Array): NoteSignature | undefined {
  const lines = note.signatures.filter((line) => line.name === name && equalBytes(line.keyId, keyId))
  // Stricter than the spec: a quorum must not be made of one key's lines.
  if (lines.length > 1) throw malformed('two signatures of one key')
  return lines[0]
}

/** @throws {LogError} `LOG_KEY_MALFORMED` for an empty name and one with white space or plus. */
export function checkKeyName(name: string): void {
  if (name.length === 0 || NOT_IN_NAMES.test(name)) throw new LogError('LOG_KEY_MALFORMED', 'not a key name')
}

export function signatureInvalid(): LogError {
  return new LogError('LOG_SIGNATURE_INVALID', 'a signature of a known key does not verify')
}

export function malformed(what: string): LogError {
  return new LogError('LOG_CHECKPOINT_MALFORMED', `not a signed checkpoint: ${what}`)
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name, text] = SIGNATURE_LINE.exec(line) ?? []
  const bytes = text === undefined ? undefined : findBase64(text)
  if (name === undefined || NOT_IN_NAMES.test(name)) throw malformed('signature line')
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) throw malformed('signature')
  return { name, keyId: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) }
}

/** Size first, then well-formed UTF-16 (so that it has a UTF-8 form) without control characters below U+0020. */
function checkNoteText(note: string): void {
  if (note.length > MAX_NOTE_BYTES) throw malformed('size')
  if (CONTROL.test(note)) throw malformed('control character')
  if (utf8Length(note) > MAX_NOTE_BYTES) throw malformed('size')
}

function utf8Length(text: string): number {
  try {
    return encodeUtf8(text).length
  } catch (error) {
    if (error instanceof CryptoError) throw malformed('not UTF-8')
    throw error
  }
}

function verifyDer(crypto: Crypto, key: VerifyingKey, message: Uint8Array, der: Uint8Array): boolean {
  try {
    return crypto.verify(key, message, signatureFromDer(der))
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}
