/**
 * Treatment keys: the random key of one patient from which envelopes and tags are made, in versions; and its delivery,
 * encrypted to the seal key of the patient's devices and of doctors with a warrant.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * Not promised: that copies of keys in the engine are overwritten. We rely on the TEE, or the device, for this.
 *
 * @module
 */
import { encodeUtf8 } from '../../crypto/src/bytes.ts'
import { hpkeOpen, hpkeSeal } from '../../crypto/src/hpke.ts'
import { label } from '../../crypto/src/label.ts'
import type { AeadKey, AgreementKey, Crypto, HmacKey } from '../../crypto/src/port.ts'
import { requireLength } from '../../crypto/src/sizes.ts'
import { encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { type ParticipantRef, type PatientRef, patientRefShape } from './ids.ts'
import { decodeMessage } from './message.ts'
import { refuseAlike } from './refusal.ts'
import { bytes, literal, struct, uint } from './shape.ts'

export const TREATMENT_KEY_BYTES = 32

const PTK = label('ptk')
const DELIVERY = label('ptk-delivery')
const WRAP = encodeUtf8('wrap')
const TAG = encodeUtf8('tag')

/** What is derived from one version of a treatment key. */
export interface TreatmentKey {
  /** 1 up. */
  readonly version: number
  /** Wraps the content keys of envelopes. */
  readonly wrapKey: AeadKey
  /** Makes the patient's tags on the ledger. */
  readonly tagKey: HmacKey
}

export interface TreatmentKeyDelivery {
  readonly patient: PatientRef
  /** 1 up. */
  readonly version: number
  /** 32 bytes. */
  readonly ptk: Uint8Array
}

const deliveryShape = struct({
  v: literal(1),
  patientRef: patientRefShape,
  version: uint({ min: 1 }),
  ptk: bytes({ length: TREATMENT_KEY_BYTES }),
})

/** @param ptk 32 bytes. @param version 1 up. */
export function deriveTreatmentKey(crypto: Crypto, ptk: Uint8Array, version: number): TreatmentKey {
  requireLength('ptk', ptk, TREATMENT_KEY_BYTES)
  requireVersion(version)
  const pseudoRandomKey = crypto.hkdfExtract(PTK, ptk)
  const wrap = crypto.hkdfExpand(pseudoRandomKey, WRAP, 32)
  const tag = crypto.hkdfExpand(pseudoRandomKey, TAG, 32)
  const key = { version, wrapKey: crypto.importAeadKey(wrap), tagKey: crypto.importHmacKey(tag) }
  for (const secret of [pseudoRandomKey, wrap, tag]) secret.fill(0)
  return key
}

/**
 * Encrypts a treatment key to one recipient. Says nothing about who sent it: it travels inside a session.
 *
 * @param recipientSealKey 32 bytes, X25519, from the ledger.
 * @throws {CryptoError} `CRYPTO_BAD_KEY` or `CRYPTO_WEAK_SHARED_SECRET` for a seal key that is none.
 */
export function sealTreatmentKey(
  crypto: Crypto,
  delivery: TreatmentKeyDelivery,
  recipient: ParticipantRef,
  recipientSealKey: Uint8Array,
): Uint8Array {
  const { patient, version, ptk } = delivery
  requireLength('ptk', ptk, TREATMENT_KEY_BYTES)
  requireVersion(version)
  const plaintext = encodeCbor({ v: 1, patientRef: patient, version, ptk })
  const sealed = hpkeSeal(crypto, recipientSealKey, DELIVERY, deliveryAad(patient, version, recipient), plaintext)
  plaintext.fill(0)
  return sealed
}

/**
 * Decrypts a treatment key that was sealed for this recipient, patient and version.
 *
 * @returns 32 bytes.
 * @throws {ProtocolError} `ENVELOPE_REJECTED`, the same for every cause.
 */
export function openTreatmentKey(
  crypto: Crypto,
  key: AgreementKey,
  sealed: Uint8Array,
  patient: PatientRef,
  version: number,
  recipient: ParticipantRef,
): Uint8Array {
  return refuseAlike('ENVELOPE_REJECTED', 'the treatment key does not open', () => {
    const plaintext = hpkeOpen(crypto, key, DELIVERY, deliveryAad(patient, version, recipient), sealed)
    const delivery = decodeMessage(plaintext, deliveryShape, 'delivery')
    plaintext.fill(0)
    // A sender can write one patient into the AAD and another into the content.
    if (delivery.patientRef !== patient || delivery.version !== version) {
      throw new ProtocolError('ENVELOPE_REJECTED', 'the treatment key is of another patient or version')
    }
    return delivery.ptk
  })
}

function deliveryAad(patient: PatientRef, version: number, recipient: ParticipantRef): Uint8Array {
  return encodeCbor([patient, version, recipient])
}

function requireVersion(version: number): void {
  if (!Number.isSafeInteger(version) || version < 1) throw new RangeError('version must be an integer from 1 up')
}
