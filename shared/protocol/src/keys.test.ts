import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { encodeUtf8 } from '../../crypto/src/bytes.ts'
import { hpkeSeal } from '../../crypto/src/hpke.ts'
import { label } from '../../crypto/src/label.ts'
import { type CborValue, encodeCbor } from './cbor.ts'
import { deriveTreatmentKey, openTreatmentKey, sealTreatmentKey } from './keys.ts'

const { crypto, patient, otherPatient, doctor, otherDoctor, ptk } = makeProtocolParties()
const REJECTED = { name: 'ProtocolError', code: 'ENVELOPE_REJECTED' }
const delivery = { patient: patient.ref, version: 3, ptk }
const sealed = sealTreatmentKey(crypto, delivery, doctor.ref, doctor.sealKey.publicKey)

test('the two derived keys are those of HKDF with the label of the section', () => {
  const key = deriveTreatmentKey(crypto, ptk, 2)
  const prk = crypto.hkdfExtract(encodeUtf8('trusthealth/1/ptk\0'), ptk)
  const message = encodeUtf8('message')
  const tagKey = crypto.importHmacKey(crypto.hkdfExpand(prk, encodeUtf8('tag'), 32))
  assert.deepEqual(crypto.hmac(key.tagKey, message), crypto.hmac(tagKey, message))
  const wrapKey = crypto.importAeadKey(crypto.hkdfExpand(prk, encodeUtf8('wrap'), 32))
  const nonce = new Uint8Array(12)
  const encrypted = crypto.encrypt(key.wrapKey, nonce, nonce, message)
  assert.deepEqual(crypto.decrypt(wrapKey, nonce, nonce, encrypted), message)
  assert.equal(key.version, 2)
})

test('a treatment key opens for its recipient', () => {
  assert.deepEqual(openTreatmentKey(crypto, doctor.sealKey, sealed, patient.ref, 3, doctor.ref), ptk)
})

test('another seal key, patient, version or recipient opens nothing', () => {
  const { sealKey } = doctor
  assert.throws(() => openTreatmentKey(crypto, otherDoctor.sealKey, sealed, patient.ref, 3, doctor.ref), REJECTED)
  assert.throws(() => openTreatmentKey(crypto, sealKey, sealed, otherPatient.ref, 3, doctor.ref), REJECTED)
  assert.throws(() => openTreatmentKey(crypto, sealKey, sealed, patient.ref, 2, doctor.ref), REJECTED)
  assert.throws(() => openTreatmentKey(crypto, sealKey, sealed, patient.ref, 3, otherDoctor.ref), REJECTED)
})

test('every flipped bit and every cut of a delivery is refused', () => {
  const open = (bytes: Uint8Array): unknown =>
    openTreatmentKey(crypto, doctor.sealKey, bytes, patient.ref, 3, doctor.ref)
  forEachFlippedBit(sealed, (flipped, bit) => {
    // RFC 7748 §5: the top bit of an X25519 public key is ignored, but HPKE binds its bytes.
    assert.throws(() => open(flipped), REJECTED, `bit ${bit}`)
  })
  for (let length = 0; length < sealed.length; length++) assert.throws(() => open(sealed.slice(0, length)), REJECTED)
})

test('a delivery whose content names another patient or version than its AAD is refused', () => {
  const aad = encodeCbor([patient.ref, 3, doctor.ref])
  const sealRaw = (content: CborValue): Uint8Array =>
    hpkeSeal(crypto, doctor.sealKey.publicKey, label('ptk-delivery'), aad, encodeCbor(content))
  const right = { v: 1, patientRef: patient.ref, version: 3, ptk }
  assert.doesNotThrow(() => openTreatmentKey(crypto, doctor.sealKey, sealRaw(right), patient.ref, 3, doctor.ref))
  for (const content of [
    { ...right, patientRef: otherPatient.ref },
    { ...right, version: 2 },
    { ...right, v: 2 },
    { ...right, ptk: ptk.slice(1) },
    { ...right, more: 1 },
    [],
  ]) {
    assert.throws(
      () => openTreatmentKey(crypto, doctor.sealKey, sealRaw(content), patient.ref, 3, doctor.ref),
      REJECTED,
    )
  }
})

test('a seal key that is none is refused', () => {
  assert.throws(() => sealTreatmentKey(crypto, delivery, doctor.ref, new Uint8Array(31)), { code: 'CRYPTO_BAD_KEY' })
  assert.throws(() => sealTreatmentKey(crypto, delivery, doctor.ref, new Uint8Array(32)), {
    code: 'CRYPTO_WEAK_SHARED_SECRET',
  })
})

test('wrong sizes of our own keys are mistakes of the caller', () => {
  assert.throws(() => deriveTreatmentKey(crypto, ptk.slice(1), 1), RangeError)
  for (const version of [0, -1, 1.5]) assert.throws(() => deriveTreatmentKey(crypto, ptk, version), RangeError)
  assert.throws(
    () => sealTreatmentKey(crypto, { ...delivery, version: 0 }, doctor.ref, doctor.sealKey.publicKey),
    RangeError,
  )
  assert.throws(
    () => sealTreatmentKey(crypto, { ...delivery, ptk: new Uint8Array(16) }, doctor.ref, doctor.sealKey.publicKey),
    RangeError,
  )
})
