/**
 * Envelopes, `Enc(Ptk, x)`: a fresh key encrypts the content and is itself wrapped under the patient's treatment key.
 * Patient, version, kind and which of the two encryptions it is are authenticated with both.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.1.
 *
 * @module
 */
import { concat } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto } from '../../crypto/src/port.ts'
import { encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { type PatientRef, patientRefShape } from './ids.ts'
import type { TreatmentKey } from './keys.ts'
import { decodeMessage } from './message.ts'
import { refuseAlike } from './refusal.ts'
import { bytes, type Infer, literal, oneOf, struct, uint } from './shape.ts'

export const ENVELOPE_KINDS = ['appointment', 'warrant', 'record', 'chain'] as const
export type EnvelopeKind = (typeof ENVELOPE_KINDS)[number]

/** What fits into one session record, whole. */
export const MAX_ENVELOPE_BYTES = 8 * 1024 * 1024

const LABEL = label('envelope')
const REJECTED = 'the envelope does not open for this patient, key version and kind'

const envelopeShape = struct({
  v: literal(1),
  kind: oneOf(...ENVELOPE_KINDS),
  patient: patientRefShape,
  version: uint({ min: 1 }),
  nonce: bytes({ length: 12 }),
  wrapNonce: bytes({ length: 12 }),
  wrapped: bytes({ length: 48 }),
  ciphertext: bytes({ min: 16, max: MAX_ENVELOPE_BYTES }),
})
type Envelope = Infer<typeof envelopeShape>

/** What an envelope says of itself, before anything is authenticated: good for finding the key, for nothing else. */
export interface UnverifiedEnvelopeHeader {
  readonly kind: EnvelopeKind
  readonly patient: PatientRef
  /** Version of the treatment key. */
  readonly version: number
}

/**
 * Encrypts `plaintext` (any length that fits) for everyone who holds this version of the patient's treatment key.
 * @throws {RangeError} if the envelope would be longer than 8 MiB.
 */
export function sealEnvelope(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  kind: EnvelopeKind,
  plaintext: Uint8Array,
): Uint8Array {
  const { version, wrapKey } = treatmentKey
  const header = { kind, patient, version }
  const contentKey = crypto.randomBytes(32)
  const nonce = crypto.randomBytes(12)
  const wrapNonce = crypto.randomBytes(12)
  const wrapped = crypto.encrypt(wrapKey, wrapNonce, aadOf(header, 'key'), contentKey)
  const ciphertext = crypto.encrypt(crypto.importAeadKey(contentKey), nonce, aadOf(header, 'body'), plaintext)
  contentKey.fill(0)
  const envelope = encodeCbor({ v: 1, ...header, nonce, wrapNonce, wrapped, ciphertext })
  if (envelope.length > MAX_ENVELOPE_BYTES) throw new RangeError('an envelope has at most 8 MiB')
  return envelope
}

/** @throws {ProtocolError} `ENVELOPE_REJECTED`, the same for every cause. */
export function openEnvelope(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  patient: PatientRef,
  kind: EnvelopeKind,
  envelopeBytes: Uint8Array,
): Uint8Array {
  return refuseAlike('ENVELOPE_REJECTED', REJECTED, () => {
    const envelope = decodeEnvelope(envelopeBytes)
    if (envelope.patient !== patient || envelope.kind !== kind || envelope.version !== treatmentKey.version) {
      throw new ProtocolError('ENVELOPE_REJECTED', REJECTED)
    }
    const { wrapNonce, wrapped, nonce, ciphertext } = envelope
    const contentKey = crypto.decrypt(treatmentKey.wrapKey, wrapNonce, aadOf(envelope, 'key'), wrapped)
    const key = crypto.importAeadKey(contentKey)
    contentKey.fill(0)
    return crypto.decrypt(key, nonce, aadOf(envelope, 'body'), ciphertext)
  })
}

/** @throws {ProtocolError} `ENVELOPE_REJECTED` if it is no envelope at all. */
export function peekEnvelope(envelopeBytes: Uint8Array): UnverifiedEnvelopeHeader {
  return refuseAlike('ENVELOPE_REJECTED', REJECTED, () => {
    const { kind, patient, version } = decodeEnvelope(envelopeBytes)
    return { kind, patient, version }
  })
}

function decodeEnvelope(envelopeBytes: Uint8Array): Envelope {
  return decodeMessage(envelopeBytes, envelopeShape, 'envelope', { maxBytes: MAX_ENVELOPE_BYTES })
}

function aadOf({ patient, version, kind }: UnverifiedEnvelopeHeader, part: 'key' | 'body'): Uint8Array {
  return concat(LABEL, encodeCbor([patient, version, kind, part]))
}
