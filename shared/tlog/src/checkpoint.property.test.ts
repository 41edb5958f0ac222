import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import {
  type Checkpoint,
  formatCheckpoint,
  formatNote,
  LogError,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
} from './index.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const verifyingKey = crypto.importVerifyingKey(key.publicKey)

const line = fc
  .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
  .filter((text) => text !== '' && !/[\p{Cc}\n]/u.test(text))
const name = line.filter((text) => !/[\p{White_Space}\p{Cc}+]/u.test(text))
const root = fc.uint8Array({ minLength: 32, maxLength: 32 })
const checkpoint = (origin: fc.Arbitrary<string>): fc.Arbitrary<Checkpoint> =>
  fc.record(
    {
      origin,
      size: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
      root: root.map((bytes) => Uint8Array.from(bytes)),
      extensions: fc.array(line, { maxLength: 3 }),
    },
    { noNullPrototype: true },
  )

test('parse inverts format for checkpoints', () => {
  fc.assert(fc.property(checkpoint(line), (one) => assert.deepEqual(parseCheckpoint(formatCheckpoint(one)), one)))
})

test('whatever is accepted as a checkpoint or a note is in its one form', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('a', '0', '7', '\n', '\u2014 ', 'n ', 'AAAAAAA=', `${'A'.repeat(43)}=`))
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (input) => {
      try {
        assert.equal(formatCheckpoint(parseCheckpoint(input)), input)
      } catch (error) {
        if (!(error instanceof LogError)) throw error
      }
      try {
        assert.equal(formatNote(parseNote(input)), input)
      } catch (error) {
        if (!(error instanceof LogError)) throw error
      }
    }),
    { numRuns: 5_000 },
  )
})

test('a signed checkpoint opens, and not after any single character changed', () => {
  fc.assert(
    fc.property(checkpoint(name), fc.nat(), fc.string({ maxLength: 2 }), (one, at, put) => {
      const signed = signCheckpoint(crypto, key, one)
      const keys = [{ name: one.origin, key: verifyingKey }]
      assert.deepEqual(openCheckpoint(crypto, signed, one.origin, keys).checkpoint, one)
      const i = at % signed.length
      const changed = signed.slice(0, i) + put + signed.slice(i + 1)
      if (changed !== signed) assert.throws(() => openCheckpoint(crypto, changed, one.origin, keys), LogError)
    }),
    { numRuns: 300 },
  )
})
