/**
 * Requests to a witness and its cosignatures, as stored: they are taken, made again to the byte, and what is wrong is refused.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  formatWitnessRequest,
  openCheckpoint,
  parseNote,
  parseWitnessRequest,
  verifyCosignature,
} from '../../../shared/tlog/src/index.ts'
import type { WitnessVectors } from './make-witness.ts'
import { deterministicCrypto, parties } from './vector-parties.ts'

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, 'witness.json'), 'utf8')) as WitnessVectors

const cryptos: readonly (readonly [string, Crypto])[] = [
  ['node', createNodeCrypto()],
  ['portable', deterministicCrypto('witness.test.ts')],
]
for (const [name, crypto] of cryptos) {
  const keyOf = (party: 'server' | 'hospital') =>
    crypto.importVerifyingKey(crypto.importSigningKey(decodeHex(parties.parties[party].key)).publicKey)
  const witness = { name: vectors.witness, key: keyOf('hospital') }

  test(`${name}: requests are read, made again, and their cosignatures verify`, () => {
    for (const { request, oldSize, size, timeMs, cosigned } of vectors.valid) {
      const parsed = parseWitnessRequest(request)
      assert.equal(parsed.oldSize, oldSize)
      assert.equal(formatWitnessRequest(parsed), request)
      const log = [{ name: vectors.origin, key: keyOf('server') }]
      assert.equal(openCheckpoint(crypto, parsed.checkpoint, vectors.origin, log).checkpoint.size, size)
      assert.equal(parseNote(cosigned).text, parseNote(parsed.checkpoint).text)
      assert.equal(verifyCosignature(crypto, parseNote(cosigned), witness)?.timeMs, timeMs)
    }
  })

  test(`${name}: what is malformed or of another checkpoint is refused`, () => {
    for (const { request, name: what } of vectors.malformed) {
      assert.throws(() => parseWitnessRequest(request), { code: 'LOG_CHECKPOINT_MALFORMED' }, what)
    }
    for (const { cosigned, name: what } of vectors.refused) {
      assert.throws(
        () => verifyCosignature(crypto, parseNote(cosigned), witness),
        { code: 'LOG_SIGNATURE_INVALID' },
        what,
      )
    }
  })
}
