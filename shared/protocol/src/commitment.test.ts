import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { forEachFlippedBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { concat, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { encodeCbor } from './cbor.ts'
import {
  batchSigningInput,
  type Commitment,
  commitmentFromJson,
  commitmentLeaf,
  commitmentShape,
  commitmentToJson,
  doctorTag,
  ehrHash,
  encodeCommitment,
  makeCommitment,
  patientTag,
  signCommitments,
  verifyCommitments,
} from './commitment.ts'
import { newRecordId } from './ids.ts'
import { deriveTreatmentKey } from './keys.ts'

const { crypto, patient, otherPatient, doctor, otherDoctor, ptk, treatmentKey } = makeProtocolParties()
const MALFORMED = { name: 'ProtocolError', code: 'MESSAGE_MALFORMED' }
const text = encodeUtf8

const input = {
  recordId: newRecordId(crypto, 1_700_000_000_000),
  version: 1,
  patient: patient.ref,
  author: doctor.ref,
  ehr: text('{"resourceType":"Basic"}'),
  salt: crypto.randomBytes(32),
  warrantHash: crypto.randomBytes(32),
}
const first = makeCommitment(crypto, treatmentKey, input)
const second = makeCommitment(crypto, treatmentKey, { ...input, version: 2, previous: first.ehrHash })

test('tags and hash are those of the section', () => {
  const key = deriveTreatmentKey(crypto, ptk, 1)
  assert.deepEqual(first.patientTag, crypto.hmac(key.tagKey, text('trusthealth/1/patient-tag\0'), text(patient.ref)))
  const doctorInput = encodeCbor([doctor.ref, first.patientTag])
  assert.deepEqual(first.doctorTag, crypto.sha256(text('trusthealth/1/doctor-tag\0'), doctorInput))
  assert.deepEqual(first.ehrHash, crypto.sha256(text('trusthealth/1/ehr\0'), input.salt, input.ehr))
  assert.deepEqual(
    commitmentLeaf(crypto, first),
    crypto.sha256(
      Uint8Array.of(0),
      encodeCbor([
        input.recordId,
        1,
        first.patientTag,
        first.doctorTag,
        first.ehrHash,
        input.warrantHash,
        new Uint8Array(0),
      ]),
    ),
  )
})

test('the patient tag is stable for one version and another for each patient and version', () => {
  const tag = patientTag(crypto, treatmentKey, patient.ref)
  assert.deepEqual(patientTag(crypto, deriveTreatmentKey(crypto, ptk, 1), patient.ref), tag)
  assert.notDeepEqual(patientTag(crypto, treatmentKey, otherPatient.ref), tag)
  assert.notDeepEqual(patientTag(crypto, deriveTreatmentKey(crypto, crypto.randomBytes(32), 2), patient.ref), tag)
  assert.notDeepEqual(doctorTag(crypto, otherDoctor.ref, tag), doctorTag(crypto, doctor.ref, tag))
})

test('a signature holds for its author, items and order, and for nothing else', () => {
  const items = [first, second]
  const signature = signCommitments(crypto, doctor.key, doctor.ref, items)
  const verify = (author: typeof doctor.ref, list: readonly Commitment[], s = signature, key = doctor.verifyingKey) =>
    verifyCommitments(crypto, key, author, list, s)
  assert.ok(verify(doctor.ref, items))
  assert.ok(!verify(otherDoctor.ref, items))
  assert.ok(!verify(doctor.ref, [second, first]))
  assert.ok(!verify(doctor.ref, [first]))
  assert.ok(!verify(doctor.ref, [first, second, second]))
  assert.ok(!verify(doctor.ref, [first, { ...second, ehrHash: first.warrantHash }]))
  assert.ok(!verify(doctor.ref, items, signature, otherDoctor.verifyingKey))
  assert.ok(!verify(doctor.ref, items, signature.slice(1)))
})

test('every flipped bit of a batch signature is refused', () => {
  const signature = signCommitments(crypto, doctor.key, doctor.ref, [first])
  forEachFlippedBit(signature, (flipped) => {
    assert.ok(!verifyCommitments(crypto, doctor.verifyingKey, doctor.ref, [first], flipped))
  })
})

test('every flipped bit of an item changes what is signed', () => {
  const expected = batchSigningInput(crypto, doctor.ref, [second])
  for (const member of ['patientTag', 'doctorTag', 'ehrHash', 'warrantHash', 'previous'] as const) {
    forEachFlippedBit(second[member], (flipped) => {
      assert.notDeepEqual(batchSigningInput(crypto, doctor.ref, [{ ...second, [member]: flipped }]), expected)
    })
  }
  assert.notDeepEqual(batchSigningInput(crypto, doctor.ref, [{ ...second, version: 3 }]), expected)
  const other = { ...second, recordId: newRecordId(crypto, 1) }
  assert.notDeepEqual(batchSigningInput(crypto, doctor.ref, [other]), expected)
})

test('what is signed is the label and the author, number and root of the items', () => {
  const left = commitmentLeaf(crypto, first)
  const right = commitmentLeaf(crypto, second)
  const root = crypto.sha256(Uint8Array.of(1), left, right)
  assert.deepEqual(
    batchSigningInput(crypto, doctor.ref, [first, second]),
    concat(text('trusthealth/1/commit\0'), encodeCbor([doctor.ref, 2, root])),
  )
  assert.deepEqual(
    batchSigningInput(crypto, doctor.ref, [first]),
    concat(text('trusthealth/1/commit\0'), encodeCbor([doctor.ref, 1, left])),
  )
})

test('a batch has 1 to 1,000 items', () => {
  assert.throws(() => batchSigningInput(crypto, doctor.ref, []), RangeError)
  const most = Array.from({ length: 1_000 }, () => first)
  assert.doesNotThrow(() => batchSigningInput(crypto, doctor.ref, most))
  assert.throws(() => batchSigningInput(crypto, doctor.ref, [...most, first]), RangeError)
})

test('the JSON form goes there and back', () => {
  for (const commitment of [first, second]) {
    const json = commitmentToJson(commitment)
    assert.deepEqual(commitmentFromJson(JSON.parse(JSON.stringify(json))), commitment)
  }
  assert.equal(commitmentToJson(first).previous, '')
})

test('other JSON is refused', () => {
  const json = commitmentToJson(second)
  const { previous: _previous, ...without } = json
  for (const bad of [
    { ...json, version: 0 },
    { ...json, version: 1 },
    { ...commitmentToJson(first), version: 2 },
    { ...json, previous: '00' },
    { ...json, ehrHash: json.ehrHash.toUpperCase() },
    { ...json, ehrHash: json.ehrHash.slice(2) },
    { ...json, recordId: 'r-1' },
    { ...json, more: 1 },
    without,
    [],
    null,
  ]) {
    assert.throws(() => commitmentFromJson(bad), MALFORMED)
  }
})

test('a message form whose predecessor does not fit its version is refused', () => {
  assert.deepEqual(commitmentShape(second, 'c'), second)
  for (const bad of [
    { ...first, version: 2 },
    { ...second, version: 1 },
    { ...second, previous: new Uint8Array(31) },
  ]) {
    assert.throws(() => commitmentShape(bad, 'c'), MALFORMED)
  }
})

test('wrong sizes of our own values are mistakes of the caller', () => {
  assert.throws(() => ehrHash(crypto, new Uint8Array(31), input.ehr), RangeError)
  assert.throws(() => doctorTag(crypto, doctor.ref, new Uint8Array(31)), RangeError)
  assert.throws(() => makeCommitment(crypto, treatmentKey, { ...input, version: 2 }), RangeError)
  assert.throws(() => makeCommitment(crypto, treatmentKey, { ...input, version: 0 }), RangeError)
  assert.throws(() => makeCommitment(crypto, treatmentKey, { ...input, previous: first.ehrHash }), RangeError)
  for (const member of ['patientTag', 'doctorTag', 'ehrHash', 'warrantHash'] as const) {
    const bad = { ...first, [member]: new Uint8Array(33) }
    assert.throws(() => encodeCommitment(bad), RangeError)
    assert.throws(() => commitmentToJson(bad), RangeError)
  }
})

test('different commitments have different encodings', () => {
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const commitment = fc.record({
    ehrHash: digest,
    warrantHash: digest,
    previous: digest,
    version: fc.integer({ min: 2, max: 9 }),
  })
  fc.assert(
    fc.property(commitment, commitment, (a, b) => {
      const left = { ...first, ...a }
      const right = { ...first, ...b }
      const same = JSON.stringify(commitmentToJson(left)) === JSON.stringify(commitmentToJson(right))
      assert.equal(Buffer.compare(encodeCommitment(left), encodeCommitment(right)) === 0, same)
    }),
  )
})

test('a version that is none is not encoded', () => {
  const commitment = makeCommitment(crypto, treatmentKey, input)
  for (const version of [0, -1, 1.5, 2 ** 53]) {
    assert.throws(() => encodeCommitment({ ...commitment, version }), RangeError)
  }
})
