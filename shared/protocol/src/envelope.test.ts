import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { forEachFlippedBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { concat, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from './cbor.ts'
import { ENVELOPE_KINDS, openEnvelope, peekEnvelope, sealEnvelope } from './envelope.ts'
import { deriveTreatmentKey } from './keys.ts'

const { crypto, patient, otherPatient, ptk, treatmentKey } = makeProtocolParties()
const REJECTED = { name: 'ProtocolError', code: 'ENVELOPE_REJECTED' }
const content = encodeUtf8('content')
const envelope = sealEnvelope(crypto, treatmentKey, patient.ref, 'record', content)
const open = (bytes: Uint8Array): Uint8Array => openEnvelope(crypto, treatmentKey, patient.ref, 'record', bytes)

test('decryption inverts encryption, for every kind', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.constantFrom(...ENVELOPE_KINDS), (plaintext, kind) => {
      const bytes = sealEnvelope(crypto, treatmentKey, patient.ref, kind, plaintext)
      assert.deepEqual(openEnvelope(crypto, treatmentKey, patient.ref, kind, bytes), plaintext)
    }),
  )
})

test('the header can be read without a key', () => {
  assert.deepEqual(peekEnvelope(envelope), { kind: 'record', patient: patient.ref, version: 1 })
})

test('equal contents give different envelopes: key and nonces are fresh', () => {
  const other = decodeCbor(sealEnvelope(crypto, treatmentKey, patient.ref, 'record', content)) as Record<
    string,
    CborValue
  >
  const first = decodeCbor(envelope) as Record<string, CborValue>
  for (const member of ['nonce', 'wrapNonce', 'wrapped', 'ciphertext']) {
    assert.notDeepEqual(other[member], first[member])
  }
})

test('both encryptions authenticate label, patient, version, kind and their part', () => {
  const { wrapNonce, wrapped, nonce, ciphertext } = decodeCbor(envelope) as Record<string, Uint8Array>
  const aad = (part: string): Uint8Array =>
    concat(encodeUtf8('trusthealth/1/envelope\0'), encodeCbor([patient.ref, 1, 'record', part]))
  const contentKey = crypto.decrypt(treatmentKey.wrapKey, wrapNonce!, aad('key'), wrapped!)
  assert.deepEqual(crypto.decrypt(crypto.importAeadKey(contentKey), nonce!, aad('body'), ciphertext!), content)
})

test('another treatment key, patient, version or kind opens nothing', () => {
  const rejects = (...args: Parameters<typeof openEnvelope>): void => {
    assert.throws(() => openEnvelope(...args), REJECTED)
  }
  rejects(crypto, deriveTreatmentKey(crypto, crypto.randomBytes(32), 1), patient.ref, 'record', envelope)
  rejects(crypto, deriveTreatmentKey(crypto, ptk, 2), patient.ref, 'record', envelope)
  rejects(crypto, treatmentKey, otherPatient.ref, 'record', envelope)
  rejects(crypto, treatmentKey, patient.ref, 'chain', envelope)
})

test('a header rewritten to what the reader expects opens nothing', () => {
  const members = decodeCbor(envelope) as Record<string, CborValue>
  const rewritten = encodeCbor({ ...members, patient: otherPatient.ref })
  assert.throws(() => openEnvelope(crypto, treatmentKey, otherPatient.ref, 'record', rewritten), REJECTED)
  const chain = encodeCbor({ ...members, kind: 'chain' })
  assert.throws(() => openEnvelope(crypto, treatmentKey, patient.ref, 'chain', chain), REJECTED)
  const version = encodeCbor({ ...members, version: 2 })
  assert.throws(
    () => openEnvelope(crypto, deriveTreatmentKey(crypto, ptk, 2), patient.ref, 'record', version),
    REJECTED,
  )
})

test('parts of two envelopes do not combine', () => {
  const other = decodeCbor(sealEnvelope(crypto, treatmentKey, patient.ref, 'record', encodeUtf8('others'))) as Record<
    string,
    CborValue
  >
  const members = decodeCbor(envelope) as Record<string, CborValue>
  assert.throws(() => open(encodeCbor({ ...members, ciphertext: other['ciphertext'] as CborValue })), REJECTED)
  assert.throws(() => open(encodeCbor({ ...members, wrapped: other['wrapped'] as CborValue })), REJECTED)
})

test('every flipped bit, every cut and bytes after the end are refused', () => {
  forEachFlippedBit(envelope, (flipped, bit) => assert.throws(() => open(flipped), REJECTED, `bit ${bit}`))
  for (let length = 0; length < envelope.length; length++) {
    assert.throws(() => open(envelope.slice(0, length)), REJECTED)
    assert.throws(() => peekEnvelope(envelope.slice(0, length)), REJECTED)
  }
  assert.throws(() => open(concat(envelope, Uint8Array.of(0))), REJECTED)
})

test('every refusal has one message and no cause', () => {
  const messages = new Set<string>()
  for (const bytes of [new Uint8Array(0), envelope.slice(1), concat(envelope.slice(0, -1), Uint8Array.of(1))]) {
    assert.throws(
      () => open(bytes),
      (error: Error) => {
        messages.add(error.message)
        return error.cause === undefined
      },
    )
  }
  assert.equal(messages.size, 1)
})

test('other members and forms are refused', () => {
  const members = decodeCbor(envelope) as Record<string, CborValue>
  const { nonce: _nonce, ...without } = members
  for (const bad of [
    { ...members, v: 2 },
    { ...members, more: 1 },
    { ...members, nonce: new Uint8Array(11) },
    { ...members, wrapped: new Uint8Array(47) },
    { ...members, ciphertext: new Uint8Array(15) },
    { ...members, version: 0 },
    { ...members, kind: 'other' },
    { ...members, patient: 'd-00000000000000000000000000000000' },
    without,
  ]) {
    assert.throws(() => open(encodeCbor(bad)), REJECTED)
    assert.throws(() => peekEnvelope(encodeCbor(bad)), REJECTED)
  }
})

test('an envelope has at most 8 MiB', () => {
  const most = 8 * 1024 * 1024 - envelope.length + content.length - 4 // a longer head of the byte string
  const longest = sealEnvelope(crypto, treatmentKey, patient.ref, 'record', new Uint8Array(most))
  assert.equal(longest.length, 8 * 1024 * 1024 - 0)
  assert.equal(open(longest).length, most)
  assert.throws(() => sealEnvelope(crypto, treatmentKey, patient.ref, 'record', new Uint8Array(most + 1)), RangeError)
  assert.throws(() => peekEnvelope(new Uint8Array(8 * 1024 * 1024 + 1)), REJECTED)
})
