import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProcessCompression } from '../../../adapters/node-process/src/index.ts'
import { encodeUtf8, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { deriveTreatmentKey, newRecordId, newRef, type TreatmentKey } from '../../../../shared/protocol/src/index.ts'
import type { CompressionPort } from '../ports.ts'
import { decryptContent, encryptContent } from './record-body.ts'

const crypto: Crypto = createNodeCrypto()
const compression = createProcessCompression()
const key: TreatmentKey = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
const patient = newRef(crypto, 'p')
const name = { recordId: newRecordId(crypto, 1_700_000_000_000), version: 1 }
const salt = crypto.randomBytes(32)

const write = (ehr: Uint8Array, port?: CompressionPort) =>
  encryptContent(crypto, key, patient, name, { ehr, salt }, port)
const read = (stored: ReturnType<typeof write>, port?: CompressionPort) =>
  decryptContent(crypto, key, patient, name, stored, port).ehr

const repeated = (length: number): Uint8Array => encodeUtf8('potassium '.repeat(length / 10))

test('a text comes back as it was, whatever its length and whoever wrote it', () => {
  for (const length of [0, 250, 260, 2_000, 262_140, 262_150, 1_000_000]) {
    const ehr = repeated(length)
    assert.deepEqual(read(write(ehr, compression), compression), ehr, `${length}`)
    // Of a platform without compression, or of a version before it.
    assert.deepEqual(read(write(ehr), compression), ehr, `${length}`)
  }
})

test('only what becomes shorter is stored in the shorter form', () => {
  assert.ok(write(repeated(2_000), compression).body.length < 300)
  assert.ok(write(repeated(1_000_000), compression).body.length > 1_000_000)
  const noise = crypto.randomBytes(2_000)
  assert.equal(write(noise, compression).body.length, write(noise).body.length)
  assert.deepEqual(read(write(noise, compression)), noise)
})

test('STORE_DAMAGED: a short form where there is no compression, and one that does not open or is too long', () => {
  const stored = write(repeated(2_000), compression)
  assert.throws(() => read(stored), { code: 'STORE_DAMAGED' })
  const broken: CompressionPort = { ...compression, pack: (bytes) => bytes.slice(0, 100) }
  assert.throws(() => read(write(repeated(2_000), broken), compression), { code: 'STORE_DAMAGED' })
  const bomb: CompressionPort = { ...compression, pack: () => compression.pack(repeated(300_000)) }
  assert.throws(() => read(write(repeated(2_000), bomb), compression), { code: 'STORE_DAMAGED' })
})
