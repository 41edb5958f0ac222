/** What somebody pasted is known by its form; what has none of them is unknown, never an error. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { issueReceipt, newRef, type Receipt } from '../../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, signCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { recognise } from './recognise.ts'

const crypto = createNodeCrypto()
const hex = '0123456789abcdef'.repeat(2)
const server = newRef(crypto, 's')

test('numbers are blocks, with and without separators', () => {
  for (const text of ['1204', ' 1204\n', '1,204', '1 204', '1.204', '1\u202f204', '1’204']) {
    assert.deepEqual(recognise(text), { kind: 'block', number: 1204 }, text)
  }
  assert.deepEqual(recognise('0'), { kind: 'block', number: 0 })
  assert.equal(recognise('1,20').kind, 'unknown')
  assert.equal(recognise('1234567890123').kind, 'unknown')
})

test('identifiers and fingerprints', () => {
  assert.deepEqual(recognise(`r-${hex}`), { kind: 'record', record: `r-${hex}` })
  assert.deepEqual(recognise(` W-${hex.toUpperCase()} `), { kind: 'warrant', warrant: `w-${hex}` })
  assert.deepEqual(recognise(`b-${hex}`), { kind: 'batch', batch: `b-${hex}` })
  for (const letter of 'pdhas') {
    const ref = `${letter}-${hex}`
    assert.deepEqual(recognise(ref), { kind: 'participant', ref })
  }
  assert.deepEqual(recognise(hex + hex), { kind: 'fingerprint', hex: hex + hex })
  for (const text of ['', 'r-12', `x-${hex}`, hex, 'hello', `${hex}${hex}0`, '-1']) {
    assert.equal(recognise(text).kind, 'unknown', text)
  }
})

test('a checkpoint, also when the last line end was lost on the way', () => {
  const root = leafHash(crypto, new Uint8Array(1))
  const key = crypto.generateSigningKey()
  const note = signCheckpoint(crypto, key, { origin: logOrigin(server), size: 48_210, root, extensions: [] })
  for (const text of [note, note.trimEnd(), note.replaceAll('\n', '\r\n')]) {
    assert.deepEqual(recognise(text), { kind: 'checkpoint', server, size: 48_210, note })
  }
  assert.equal(recognise(note.slice(0, -30)).kind, 'unknown')
})

test('a receipt', () => {
  const digest = 'ab'.repeat(32)
  const receipt = {
    iss: server,
    recordId: `r-${hex}`,
    version: 1,
    patientTag: digest,
    doctorTag: digest,
    ehrHash: digest,
    warrantHash: digest,
    previous: '',
    batchId: `b-${hex}`,
    index: 0,
    txId: digest,
    block: 7,
    logIndex: 3,
    logSize: 4,
    logRoot: digest,
    iat: 1_800_000_000,
  } as unknown as Receipt
  const jws = issueReceipt(crypto, crypto.generateSigningKey(), receipt)
  const found = recognise(`${jws}\n`)
  assert.equal(found.kind === 'receipt' && found.receipt.block, 7)
  assert.equal(recognise(jws.slice(5)).kind, 'unknown')
})

test('whatever is pasted, it is recognised or unknown', () => {
  const piece = fc.constantFrom(
    'trusthealth/s-',
    '{',
    '"trusthealth":"record/1"',
    '}',
    'r-',
    hex,
    '.',
    '\n',
    '12',
    '\u2014 ',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (pasted) => {
      assert.equal(typeof recognise(pasted).kind, 'string')
    }),
    { numRuns: 2_000 },
  )
})
