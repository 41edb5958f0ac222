/**
 * The content of a record in the store: text and salt under a key of their own, which is wrapped under the patient's
 * treatment key and stands in the record's row. Erasing the row's key makes the body, and the commitment on the
 * ledger, meaningless.
 *
 * Where the platform can, a text is made shorter before it is encrypted. Nobody outside learns from its length what it
 * says: one author wrote all of it, and rows share encrypted pages.
 *
 * @module
 */
import { concat, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  optional,
  struct,
  type PatientRef,
  type RecordId,
  type TreatmentKey,
} from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { CompressionPort } from '../ports.ts'

const BODY = label('ta-record-body')
const KEY = label('ta-record-key')
const NONCE_BYTES = 12
const MAX_EHR_BYTES = 4 * 1024 * 1024
/** Shorter texts gain nothing; longer ones are documents with attachments, which gain little and would hold others up. */
const PACKED_FROM_BYTES = 256
const PACKED_TO_BYTES = 256 * 1024
/** One of `ehr` and `packed`. */
const contentShape = struct({
  ehr: optional(bytes({ max: MAX_EHR_BYTES })),
  packed: optional(bytes({ max: PACKED_TO_BYTES })),
  salt: bytes({ length: 32 }),
})

export interface RecordContent {
  readonly ehr: Uint8Array
  /** 32 bytes. */
  readonly salt: Uint8Array
}

/** Which version of which record. */
export interface RecordName {
  readonly recordId: RecordId
  readonly version: number
}

export function encryptContent(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  name: RecordName,
  content: RecordContent,
  compression?: CompressionPort,
): { readonly wrapped: Uint8Array; readonly body: Uint8Array } {
  // One call for all that is random: the generator's price is by the call.
  const random = crypto.randomBytes(32 + 2 * NONCE_BYTES)
  const contentKey = random.slice(0, 32)
  const nonce = random.slice(32, 32 + NONCE_BYTES)
  const wrapNonce = random.slice(32 + NONCE_BYTES)
  random.fill(0, 0, 32)
  const plaintext = encodeCbor({ ...pack(content.ehr, compression), salt: content.salt })
  const body = concat(nonce, crypto.encrypt(crypto.importAeadKey(contentKey), nonce, bodyAad(name), plaintext))
  const wrapped = wrapContentKey(crypto, treatmentKey, patient, name, contentKey, wrapNonce)
  contentKey.fill(0)
  return { wrapped, body }
}

/** @throws {StorageError} `STORE_DAMAGED`: row and body do not belong together. */
export function decryptContent(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  name: RecordName,
  stored: { readonly wrapped: Uint8Array; readonly body: Uint8Array },
  compression?: CompressionPort,
): RecordContent {
  const contentKey = unwrapContentKey(crypto, treatmentKey, patient, name, stored.wrapped)
  const key = crypto.importAeadKey(contentKey)
  contentKey.fill(0)
  const plaintext = open(() =>
    crypto.decrypt(key, stored.body.slice(0, NONCE_BYTES), bodyAad(name), stored.body.slice(NONCE_BYTES)),
  )
  const { ehr, packed, salt } = decodeMessage(plaintext, contentShape, 'record content')
  return { ehr: ehr ?? unpack(packed, compression), salt }
}

function pack(ehr: Uint8Array, compression: CompressionPort | undefined): { ehr: Uint8Array } | { packed: Uint8Array } {
  if (compression === undefined || ehr.length < PACKED_FROM_BYTES || ehr.length > PACKED_TO_BYTES) return { ehr }
  const packed = compression.pack(ehr)
  return packed.length < ehr.length ? { packed } : { ehr }
}

function unpack(packed: Uint8Array | undefined, compression: CompressionPort | undefined): Uint8Array {
  if (packed === undefined || compression === undefined) {
    throw new StorageError('STORE_DAMAGED', 'a stored record is in a form that this platform does not have')
  }
  return open(() => compression.unpack(packed, PACKED_TO_BYTES))
}

/** The same content key under another version of the treatment key. */
export function rewrapContentKey(
  crypto: Crypto,
  from: TreatmentKey,
  to: TreatmentKey,
  patient: PatientRef,
  name: RecordName,
  wrapped: Uint8Array,
): Uint8Array {
  const contentKey = unwrapContentKey(crypto, from, patient, name, wrapped)
  const again = wrapContentKey(crypto, to, patient, name, contentKey)
  contentKey.fill(0)
  return again
}

function wrapContentKey(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  name: RecordName,
  contentKey: Uint8Array,
  nonce = crypto.randomBytes(NONCE_BYTES),
): Uint8Array {
  return concat(nonce, crypto.encrypt(treatmentKey.wrapKey, nonce, keyAad(treatmentKey, patient, name), contentKey))
}

function unwrapContentKey(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  name: RecordName,
  wrapped: Uint8Array,
): Uint8Array {
  const nonce = wrapped.slice(0, NONCE_BYTES)
  return open(() =>
    crypto.decrypt(treatmentKey.wrapKey, nonce, keyAad(treatmentKey, patient, name), wrapped.slice(NONCE_BYTES)),
  )
}

function open<T>(decrypt: () => T): T {
  try {
    return decrypt()
  } catch (cause) {
    throw new StorageError('STORE_DAMAGED', 'a stored record does not open', { cause })
  }
}

function bodyAad({ recordId, version }: RecordName): Uint8Array {
  return concat(BODY, encodeCbor([recordId, version]))
}

function keyAad(treatmentKey: TreatmentKey, patient: PatientRef, { recordId, version }: RecordName): Uint8Array {
  return concat(KEY, encodeCbor([recordId, version, patient, treatmentKey.version]))
}
