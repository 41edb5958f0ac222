/**
 * Cosignatures: a witness (a hospital gateway) says that it saw this checkpoint at a time, and that it is consistent
 * with every earlier one it saw of this log. Spec: docs/protocol/06-log-and-checkpoints.md §6.5.
 *
 * Modelled on https://c2sp.org/tlog-cosignature (cosignature/v1), but not it: that one is Ed25519 (0x04) or ML-DSA-44
 * (0x06) only, and our suite has neither. So these lines have their own type, which other tools ignore as the
 * signed-note spec demands of unknown keys. Differences: ECDSA P-256, time in milliseconds, our label in place of
 * `cosignature/v1`, and the witness's name is signed too (in C2SP only ML-DSA does so): one key under two names
 * cannot count twice by copying a line.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  encodeUtf8,
  label,
  P256_SIGNATURE_BYTES,
  type SigningKey,
} from '../../crypto/src/index.ts'
import { LogError } from './errors.ts'
import {
  addSignature,
  checkKeyName,
  findSignature,
  KEY_ID_BYTES,
  type NoteKey,
  type NoteSignature,
  type SignedNote,
  signatureInvalid,
  spki,
} from './note.ts'

const LABEL = label('cosignature')
const TIME_BYTES = 8

/** One witness's verified statement. */
export interface Cosignature {
  readonly witness: NoteKey
  /** Unix milliseconds, by the witness's clock. */
  readonly timeMs: number
}

/**
 * 4 bytes: how cosignatures by `publicKey` (65 bytes) under `name` are marked. The signed-note spec's recommended form,
 * SHA-256(name ‖ 0x0A ‖ type ‖ public key), with its type for unassigned algorithms: 0xff and a long identifier.
 */
export function cosignatureKeyId(crypto: Crypto, name: string, publicKey: Uint8Array): Uint8Array {
  const type = concat(Uint8Array.of(0xff), LABEL)
  return crypto.sha256(concat(encodeUtf8(`${name}\n`), type, spki(publicKey))).slice(0, KEY_ID_BYTES)
}

/**
 * Cosigns a checkpoint note. The caller has opened it and checked its consistency with the newest one it cosigned.
 *
 * @param name of the witness, without white space and plus.
 * @param timeMs Unix milliseconds, 0 to 2^53 - 1.
 * @returns the line to add with `addSignature`: time (8 bytes, big-endian) ‖ signature (64 bytes).
 * @throws {LogError} `LOG_KEY_MALFORMED` for a bad name. @throws {RangeError} for a bad time.
 */
export function cosign(crypto: Crypto, key: SigningKey, name: string, note: SignedNote, timeMs: number): NoteSignature {
  checkKeyName(name)
  if (!Number.isSafeInteger(timeMs) || timeMs < 0) throw new RangeError('timeMs must be a safe integer from 0 up')
  const signature = crypto.sign(key, message(name, timeMs, note.text))
  return {
    name,
    keyId: cosignatureKeyId(crypto, name, key.publicKey),
    signature: concat(encodeTime(timeMs), signature),
  }
}

/** The same, as a note with the line in it. */
export function addCosignature(
  crypto: Crypto,
  key: SigningKey,
  name: string,
  note: SignedNote,
  timeMs: number,
): SignedNote {
  return addSignature(note, cosign(crypto, key, name, note, timeMs))
}

/**
 * What one witness said of the note, or `undefined` if it said nothing.
 *
 * Whether `timeMs` is recent enough, and not in the future, is the caller's policy.
 * @throws {LogError} `LOG_SIGNATURE_INVALID`, `LOG_CHECKPOINT_MALFORMED` (two lines of one witness).
 */
export function verifyCosignature(crypto: Crypto, note: SignedNote, witness: NoteKey): Cosignature | undefined {
  const { name, key } = witness
  const line = findSignature(note, name, cosignatureKeyId(crypto, name, key.publicKey))
  if (line === undefined) return undefined
  if (line.signature.length !== TIME_BYTES + P256_SIGNATURE_BYTES) throw signatureInvalid()
  const timeMs = decodeTime(line.signature)
  if (!Number.isSafeInteger(timeMs)) throw signatureInvalid()
  if (!crypto.verify(key, message(name, timeMs, note.text), line.signature.slice(TIME_BYTES))) throw signatureInvalid()
  return { witness, timeMs }
}

/**
 * Checks that at least `quorum` of the witnesses cosigned. Two entries with one public key count once.
 *
 * @throws {RangeError} if `quorum` is not from 1 up: no witnesses asked is no check.
 * @throws {LogError} `LOG_SIGNATURE_MISSING` if there are fewer, and as `verifyCosignature`.
 */
export function verifyCosignatures(
  crypto: Crypto,
  note: SignedNote,
  witnesses: readonly NoteKey[],
  quorum: number,
): readonly Cosignature[] {
  if (!Number.isSafeInteger(quorum) || quorum < 1) throw new RangeError('quorum must be an integer from 1 up')
  const found = witnesses.map((witness) => verifyCosignature(crypto, note, witness)).filter((one) => one !== undefined)
  const keys = new Set(found.map(({ witness }) => witness.key.publicKey.join()))
  if (keys.size < quorum) throw new LogError('LOG_SIGNATURE_MISSING', 'too few witnesses cosigned')
  return found
}

/** The label ends with a zero byte, which no note can contain: this is never the text of a plain note signature. */
function message(name: string, timeMs: number, text: string): Uint8Array {
  return concat(LABEL, encodeUtf8(`witness ${name}\ntime ${timeMs}\n${text}`))
}

function encodeTime(timeMs: number): Uint8Array {
  const out = new Uint8Array(TIME_BYTES)
  const view = new DataView(out.buffer)
  view.setUint32(0, Math.floor(timeMs / 2 ** 32))
  view.setUint32(4, timeMs % 2 ** 32)
  return out
}

function decodeTime(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, TIME_BYTES)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}
