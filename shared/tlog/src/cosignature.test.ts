import assert from 'node:assert/strict'
import { createHash, createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { concat, encodeUtf8, label } from '../../crypto/src/index.ts'
import {
  addCosignature,
  addSignature,
  cosign,
  cosignatureKeyId,
  formatCheckpoint,
  formatNote,
  leafHash,
  LogError,
  type LogErrorCode,
  type NoteKey,
  noteKeyId,
  openCheckpoint,
  parseNote,
  signCheckpoint,
  signNote,
  verifyCosignature,
  verifyCosignatures,
  verifyNote,
} from './index.ts'

const crypto = createNodeCrypto()
const ORIGIN = 'trusthealth/s-0'
const logKey = crypto.generateSigningKey()
const keyA = crypto.generateSigningKey()
const keyB = crypto.generateSigningKey()
const witnessA: NoteKey = { name: 'h-a', key: crypto.importVerifyingKey(keyA.publicKey) }
const witnessB: NoteKey = { name: 'h-b', key: crypto.importVerifyingKey(keyB.publicKey) }
const root = leafHash(crypto, encodeUtf8('entry'))
const checkpoint = { origin: ORIGIN, size: 1, root, extensions: [] }
const note = parseNote(signCheckpoint(crypto, logKey, checkpoint))
const TIME_MS = 1_790_000_000_123

function refuses(code: LogErrorCode, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof LogError && error.code === code)
}

test('a cosigned checkpoint shows who saw it and when, and still opens with the log’s key alone', () => {
  const cosigned = addCosignature(crypto, keyA, 'h-a', note, TIME_MS)
  assert.deepEqual(verifyCosignature(crypto, cosigned, witnessA), { witness: witnessA, timeMs: TIME_MS })
  assert.equal(verifyCosignature(crypto, cosigned, witnessB), undefined)
  const logKeys = [{ name: ORIGIN, key: crypto.importVerifyingKey(logKey.publicKey) }]
  const opened = openCheckpoint(crypto, formatNote(cosigned), ORIGIN, logKeys)
  assert.equal(opened.note.signatures.length, 2)
  assert.deepEqual(verifyCosignature(crypto, opened.note, witnessA)?.timeMs, TIME_MS)
})

test('every time that a safe integer can hold reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), (timeMs) => {
      const cosigned = addCosignature(crypto, keyA, 'h-a', note, timeMs)
      assert.equal(verifyCosignature(crypto, cosigned, witnessA)?.timeMs, timeMs)
    }),
    { numRuns: 50 },
  )
  for (const bad of [-1, 0.5, 2 ** 53, Number.NaN]) {
    assert.throws(() => cosign(crypto, keyA, 'h-a', note, bad), RangeError)
  }
})

test('a cosignature breaks with any flipped bit of time or signature', () => {
  const good = cosign(crypto, keyA, 'h-a', note, TIME_MS)
  assert.equal(good.signature.length, 72)
  for (let bit = 0; bit < 72 * 8; bit++) {
    const signature = good.signature.slice()
    signature[bit >> 3]! ^= 1 << (bit & 7)
    const changed = addSignature(note, { ...good, signature })
    refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, changed, witnessA))
  }
  for (const length of [1, 8, 71]) {
    const cut = addSignature(note, { ...good, signature: good.signature.slice(0, length) })
    refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, cut, witnessA))
  }
})

test('a cosignature does not move to another checkpoint or another name', () => {
  const good = cosign(crypto, keyA, 'h-a', note, TIME_MS)
  const larger = parseNote(signCheckpoint(crypto, logKey, { ...checkpoint, size: 2 }))
  refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, addSignature(larger, good), witnessA))
  const alias: NoteKey = { name: 'h-c', key: witnessA.key }
  const renamed = { ...good, name: 'h-c', keyId: cosignatureKeyId(crypto, 'h-c', keyA.publicKey) }
  refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, addSignature(note, renamed), alias))
})

test('a plain note signature is not a cosignature, nor the other way round', () => {
  const text = formatCheckpoint(checkpoint)
  const plain = signNote(crypto, keyA, 'h-a', text)
  assert.equal(verifyCosignature(crypto, addSignature(note, plain), witnessA), undefined)
  const marked = { ...plain, keyId: cosignatureKeyId(crypto, 'h-a', keyA.publicKey) }
  refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, addSignature(note, marked), witnessA))
  const cosigned = addCosignature(crypto, keyA, 'h-a', note, TIME_MS)
  refuses('LOG_SIGNATURE_MISSING', () => verifyNote(crypto, cosigned, [witnessA]))
  const line = { ...cosign(crypto, keyA, 'h-a', note, TIME_MS), keyId: noteKeyId(crypto, keyA.publicKey) }
  refuses('LOG_SIGNATURE_INVALID', () => verifyNote(crypto, addSignature(note, line), [witnessA]))
})

test('the line and the message it signs are those of 06 §6.5', () => {
  const { keyId, signature } = cosign(crypto, keyA, 'h-a', note, TIME_MS)
  const spki = createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: part(1), y: part(33) },
    format: 'jwk',
  }).export({ type: 'spki', format: 'der' })
  const named = createHash('sha256').update('h-a\n').update(Uint8Array.of(0xff)).update('trusthealth/1/cosignature\0')
  assert.deepEqual(keyId, new Uint8Array(named.update(spki).digest().subarray(0, 4)))
  assert.deepEqual(Buffer.from(signature).readBigUInt64BE(), BigInt(TIME_MS))
  const message = encodeUtf8(`trusthealth/1/cosignature\0witness h-a\ntime 1790000000123\n${note.text}`)
  assert.equal(crypto.verify(witnessA.key, message, signature.slice(8)), true)
})

function part(from: number): string {
  return Buffer.from(keyA.publicKey.subarray(from, from + 32)).toString('base64url')
}

test('a quorum needs that many different keys', () => {
  const one = addCosignature(crypto, keyA, 'h-a', note, TIME_MS)
  const both = addCosignature(crypto, keyB, 'h-b', one, TIME_MS + 1)
  assert.equal(verifyCosignatures(crypto, both, [witnessA, witnessB], 2).length, 2)
  assert.equal(verifyCosignatures(crypto, one, [witnessA, witnessB], 1).length, 1)
  refuses('LOG_SIGNATURE_MISSING', () => verifyCosignatures(crypto, one, [witnessA, witnessB], 2))
  refuses('LOG_SIGNATURE_MISSING', () => verifyCosignatures(crypto, note, [witnessA, witnessB], 1))
  const alias: NoteKey = { name: 'h-c', key: witnessA.key }
  const twice = addCosignature(crypto, keyA, 'h-c', one, TIME_MS)
  refuses('LOG_SIGNATURE_MISSING', () => verifyCosignatures(crypto, twice, [witnessA, alias], 2))
  refuses('LOG_SIGNATURE_MISSING', () => verifyCosignatures(crypto, one, [witnessA, witnessA], 2))
  for (const quorum of [0, -1, 0.5]) {
    assert.throws(() => verifyCosignatures(crypto, both, [witnessA], quorum), RangeError)
  }
})

test('two lines of one witness are refused', () => {
  const one = addCosignature(crypto, keyA, 'h-a', note, TIME_MS)
  const twice = addCosignature(crypto, keyA, 'h-a', one, TIME_MS + 1)
  refuses('LOG_CHECKPOINT_MALFORMED', () => verifyCosignature(crypto, twice, witnessA))
})

test('a witness whose name cannot stand in a note does not sign', () => {
  for (const name of ['', 'a b', 'a+b', 'a\nb']) {
    refuses('LOG_KEY_MALFORMED', () => cosign(crypto, keyA, name, note, TIME_MS))
  }
})

test('the first moment is a time; one that no number says exactly is refused, whoever signed it', () => {
  assert.deepEqual(verifyCosignature(crypto, addCosignature(crypto, keyA, 'h-a', note, 0), witnessA)?.timeMs, 0)
  const timeMs = 2 ** 60
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, BigInt(timeMs))
  const text = concat(label('cosignature'), encodeUtf8(`witness h-a\ntime ${timeMs}\n${note.text}`))
  const keyId = cosignatureKeyId(crypto, 'h-a', keyA.publicKey)
  const line = { name: 'h-a', keyId, signature: concat(time, crypto.sign(keyA, text)) }
  refuses('LOG_SIGNATURE_INVALID', () => verifyCosignature(crypto, addSignature(note, line), witnessA))
})
