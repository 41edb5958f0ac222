import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { commitmentToJson, makeCommitment } from './commitment.ts'
import { newId, newRecordId, newRef, sha256Hex, type TxId } from './ids.ts'
import { prepareStatement, signStatement } from './jws.ts'
import { commitmentOfReceipt, issueReceipt, parseReceipt, type Receipt, verifyReceipt } from './receipt.ts'

const { crypto, patient, doctor, server, treatmentKey } = makeProtocolParties()
const first = makeCommitment(crypto, treatmentKey, {
  recordId: newRecordId(crypto, 1),
  version: 1,
  patient: patient.ref,
  author: doctor.ref,
  ehr: Uint8Array.of(1),
  salt: crypto.randomBytes(32),
  warrantHash: crypto.randomBytes(32),
})
const second = { ...first, version: 2, previous: first.ehrHash, ehrHash: crypto.randomBytes(32) }
const receipt: Receipt = {
  iss: server.ref,
  ...commitmentToJson(second),
  batchId: newId(crypto, 'b'),
  index: 3,
  txId: sha256Hex(crypto.randomBytes(32)) as string as TxId,
  block: 12,
  logIndex: 41,
  logSize: 42,
  logRoot: sha256Hex(crypto.randomBytes(32)),
  iat: 100,
}
const jws = issueReceipt(crypto, server.key, receipt)
const check = { server: server.ref, key: server.verifyingKey, commitment: second }
const INVALID = { name: 'ProtocolError', code: 'RECEIPT_INVALID' }

test('a receipt of the server for the commitment is taken', () => {
  assert.deepEqual(verifyReceipt(crypto, jws, check), receipt)
  assert.deepEqual(verifyReceipt(crypto, jws, { server: server.ref, key: server.verifyingKey }), receipt)
  assert.deepEqual(parseReceipt(jws).payload, receipt)
  assert.deepEqual(commitmentOfReceipt(receipt), second)
  const ofFirst = issueReceipt(crypto, server.key, { ...receipt, ...commitmentToJson(first) })
  assert.doesNotThrow(() => verifyReceipt(crypto, ofFirst, { ...check, commitment: first }))
})

test('a receipt of another key or server is refused', () => {
  assert.throws(() => verifyReceipt(crypto, issueReceipt(crypto, doctor.key, receipt), check), INVALID)
  assert.throws(() => verifyReceipt(crypto, jws, { ...check, key: doctor.verifyingKey }), INVALID)
  assert.throws(() => verifyReceipt(crypto, jws, { ...check, server: newRef(crypto, 's') }), INVALID)
  const unsigned = prepareStatement(server.kid, 'trusthealth-receipt+jwt', receipt)
  const forged = unsigned.withSignature(crypto.sign(doctor.key, unsigned.signingInput))
  assert.throws(() => verifyReceipt(crypto, forged, check), INVALID)
})

test('a receipt of an earlier key counts up to the size at which that key ended', () => {
  const later = { ...check, key: doctor.verifyingKey }
  const until = (maxSize?: number) => [{ key: server.verifyingKey, ...(maxSize === undefined ? {} : { maxSize }) }]
  assert.deepEqual(verifyReceipt(crypto, jws, { ...later, earlier: until() }), receipt)
  assert.deepEqual(verifyReceipt(crypto, jws, { ...later, earlier: until(receipt.logSize) }), receipt)
  assert.throws(() => verifyReceipt(crypto, jws, { ...later, earlier: until(receipt.logSize - 1) }), INVALID)
})

test('a receipt for another commitment is refused, whichever part differs', () => {
  for (const member of ['patientTag', 'doctorTag', 'ehrHash', 'warrantHash', 'previous'] as const) {
    const commitment = { ...second, [member]: crypto.randomBytes(32) }
    assert.throws(() => verifyReceipt(crypto, jws, { ...check, commitment }), INVALID)
  }
  assert.throws(() => verifyReceipt(crypto, jws, { ...check, commitment: { ...second, version: 3 } }), INVALID)
  const recordId = newRecordId(crypto, 2)
  assert.throws(() => verifyReceipt(crypto, jws, { ...check, commitment: { ...second, recordId } }), INVALID)
  assert.throws(() => verifyReceipt(crypto, jws, { ...check, commitment: first }), INVALID)
})

test('other forms are neither issued nor read', () => {
  const { txId: _txId, ...without } = receipt
  for (const bad of [
    without,
    { ...receipt, more: 1 },
    { ...receipt, logIndex: 42 },
    { ...receipt, version: 1 },
    { ...receipt, previous: '' },
    { ...receipt, iss: doctor.ref },
    { ...receipt, batchId: newId(crypto, 'c') },
    { ...receipt, block: '12' },
    { ...receipt, ehrHash: receipt.ehrHash.toUpperCase() },
  ]) {
    assert.throws(() => issueReceipt(crypto, server.key, bad as Receipt), { code: 'MESSAGE_MALFORMED' })
    const text = signStatement(crypto, server.key, 'trusthealth-receipt+jwt', bad)
    assert.throws(() => parseReceipt(text), INVALID)
    assert.throws(() => verifyReceipt(crypto, text, check), INVALID)
  }
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(jws, (flipped) => assert.throws(() => verifyReceipt(crypto, flipped, check), INVALID))
})
