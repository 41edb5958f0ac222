import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { type CborValue, encodeCbor } from './cbor.ts'
import { newId, newRecordId } from './ids.ts'
import {
  type ChainLink,
  decodeChainUpload,
  decodeRecordUpload,
  encodeChainUpload,
  encodeRecordUpload,
  MAX_EHR_BYTES,
  type RecordUpload,
} from './upload.ts'

const { crypto, doctor, hospital } = makeProtocolParties()
const MALFORMED = { code: 'MESSAGE_MALFORMED' }
const upload: RecordUpload = {
  recordId: newRecordId(crypto, 1),
  version: 1,
  ehr: Uint8Array.of(1, 2),
  salt: crypto.randomBytes(32),
  warrant: 'a.b.c',
  previous: new Uint8Array(0),
}
const link: ChainLink = {
  recordId: upload.recordId,
  author: doctor.ref,
  ehr: upload.ehr,
  salt: upload.salt,
  warrant: upload.warrant,
  signature: crypto.randomBytes(64),
}
const chain = { chainId: newId(crypto, 'c'), links: [link, { ...link, recordId: newRecordId(crypto, 2) }] }

test('decode inverts encode', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.integer({ min: 2 }),
      (ehr, digest, version) => {
        const one = { ...upload, ehr, salt: digest }
        assert.deepEqual(decodeRecordUpload(encodeRecordUpload(one)), one)
        const later = { ...one, version, previous: digest }
        assert.deepEqual(decodeRecordUpload(encodeRecordUpload(later)), later)
        const parts = { ...chain, links: [{ ...link, ehr, salt: digest }, ...chain.links] }
        assert.deepEqual(decodeChainUpload(encodeChainUpload(parts)), parts)
      },
    ),
  )
})

test('other forms of a record are neither written nor read', () => {
  const { salt: _salt, ...without } = upload
  for (const bad of [
    without,
    { ...upload, more: 1 },
    { ...upload, recordId: doctor.ref },
    { ...upload, version: 0 },
    { ...upload, version: 2 },
    { ...upload, previous: upload.salt },
    { ...upload, version: 2, previous: new Uint8Array(31) },
    { ...upload, ehr: new Uint8Array(0) },
    { ...upload, ehr: '{}' },
    { ...upload, salt: new Uint8Array(31) },
    { ...upload, warrant: '' },
    { ...upload, warrant: 'x'.repeat(16_385) },
  ]) {
    assert.throws(() => decodeRecordUpload(encodeCbor({ v: 1, ...bad })), MALFORMED)
  }
  assert.throws(() => decodeRecordUpload(encodeCbor({ ...upload, v: 2 })), MALFORMED)
  assert.throws(() => encodeRecordUpload({ ...upload, salt: new Uint8Array(31) }), MALFORMED)
  assert.throws(() => decodeRecordUpload(Uint8Array.of(0xff)), { code: 'CBOR_MALFORMED' })
})

test('a record of more than 4 MiB has a refusal of its own', () => {
  const most = { ...upload, ehr: new Uint8Array(MAX_EHR_BYTES) }
  assert.equal(decodeRecordUpload(encodeRecordUpload(most)).ehr.length, MAX_EHR_BYTES)
  const ehr = new Uint8Array(MAX_EHR_BYTES + 1)
  assert.throws(() => encodeRecordUpload({ ...upload, ehr }), { code: 'RECORD_TOO_LARGE' })
  assert.throws(() => decodeRecordUpload(encodeCbor({ v: 1, ...upload, ehr })), { code: 'RECORD_TOO_LARGE' })
  const links = [link, { ...link, ehr }]
  assert.throws(() => encodeChainUpload({ ...chain, links }), { code: 'RECORD_TOO_LARGE', link: 2 })
  const bytes = encodeCbor({ v: 1, chainId: chain.chainId, links: links.map((each) => ({ ...each })) })
  assert.throws(() => decodeChainUpload(bytes), { code: 'RECORD_TOO_LARGE', link: 2 })
})

test('other forms of a chain are neither written nor read', () => {
  const { signature: _signature, ...without } = link
  const withLink = (bad: object): object => ({ v: 1, chainId: chain.chainId, links: [link, bad] })
  for (const bad of [
    { v: 1, chainId: chain.chainId, links: [] },
    { v: 1, chainId: chain.chainId, links: Array.from({ length: 17 }, () => link) },
    { v: 1, chainId: newId(crypto, 'b'), links: [link] },
    { v: 2, chainId: chain.chainId, links: [link] },
    { v: 1, chainId: chain.chainId, links: [link], more: 1 },
    withLink(without),
    withLink({ ...link, more: 1 }),
    withLink({ ...link, author: hospital.ref }),
    withLink({ ...link, signature: new Uint8Array(63) }),
    withLink({ ...link, ehr: new Uint8Array(0) }),
  ]) {
    assert.throws(() => decodeChainUpload(encodeCbor(bad as CborValue)), MALFORMED)
  }
  assert.throws(() => encodeChainUpload({ ...chain, links: [] }), MALFORMED)
})
