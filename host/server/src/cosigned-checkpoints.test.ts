import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { newRef } from '../../../shared/protocol/src/index.ts'
import {
  addCosignature,
  formatNote,
  leafHash,
  logOrigin,
  merkleRoot,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
} from '../../../shared/tlog/src/index.ts'
import { CosignedCheckpoints } from './cosigned-checkpoints.ts'

const crypto = createNodeCrypto()
const serverKey = crypto.generateSigningKey()
const origin = logOrigin(newRef(crypto, 's'))
const a = { ref: newRef(crypto, 'h'), key: crypto.generateSigningKey() }
const b = { ref: newRef(crypto, 'h'), key: crypto.generateSigningKey() }
const stranger = { ref: newRef(crypto, 'h'), key: crypto.generateSigningKey() }

function open() {
  const at = { monotonicMs: 0, size: 1 }
  const cosigned = new CosignedCheckpoints({
    crypto,
    monotonicMs: () => at.monotonicMs,
    checkpoint() {
      const leaves = Array.from({ length: at.size }, (_, i) => leafHash(crypto, encodeUtf8(String(i))))
      const root = merkleRoot(crypto, leaves)
      return Promise.resolve(signCheckpoint(crypto, serverKey, { origin, size: at.size, root, extensions: [] }))
    },
    findWitness: (name) =>
      Promise.resolve(
        [a, b].filter(({ ref }) => ref === name).map(({ key }) => crypto.importVerifyingKey(key.publicKey))[0],
      ),
  })
  return { at, cosigned }
}

const by = (who: typeof a, note: string, key = who.key) =>
  formatNote(addCosignature(crypto, key, who.ref, parseNote(note), 1_790_000_000_000))
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size

test('while a hospital is waited for, the same checkpoint is offered, though the log grows', async () => {
  const { at, cosigned } = open()
  const first = await cosigned.offered()
  assert.equal(await cosigned.take(by(a, first)), 1)
  at.size = 2
  // Both are known from now on.
  const second = await cosigned.offered()
  assert.equal(await cosigned.take(by(a, second)), 1)
  assert.equal(await cosigned.take(by(b, second)), 2)
  at.size = 3
  const third = await cosigned.offered()
  assert.equal(await cosigned.take(by(a, third)), 1)
  at.size = 4
  assert.equal(await cosigned.offered(), third)
  assert.equal(sizeOf(cosigned.newest(2)), 2)
  assert.equal(sizeOf(cosigned.newest(1)), 3)
  assert.equal(await cosigned.take(by(b, third)), 2)
  assert.equal(sizeOf(await cosigned.offered()), 4)
  assert.equal(sizeOf(cosigned.newest(2)), 3)
})

test('who does not come is waited for a while, then no more', async () => {
  const { at, cosigned } = open()
  const first = await cosigned.offered()
  await cosigned.take(by(a, first))
  await cosigned.take(by(b, first))
  at.size = 2
  await cosigned.take(by(a, await cosigned.offered()))
  at.size = 3
  assert.equal(sizeOf(await cosigned.offered()), 2)
  at.monotonicMs = 15_000
  assert.equal(sizeOf(await cosigned.offered()), 3)
  at.monotonicMs = 61_000
  at.size = 4
  await cosigned.take(by(a, await cosigned.offered()))
  at.size = 5
  assert.equal(sizeOf(await cosigned.offered()), 5)
})

test('what is of nobody, of another text, or does not verify is refused', async () => {
  const { at, cosigned } = open()
  assert.throws(() => cosigned.newest(1), { code: 'WITNESS_TOO_FEW' })
  const offered = await cosigned.offered()
  await assert.rejects(cosigned.take(offered), { code: 'WITNESS_REJECTED' })
  await assert.rejects(cosigned.take(by(stranger, offered)), { code: 'WITNESS_REJECTED' })
  await assert.rejects(cosigned.take(by(a, offered).replace('\n1\n', '\n2\n')), { code: 'WITNESS_REJECTED' })
  // With the key id of another key it is a line of nobody; with the right one and another signature it is wrong.
  await assert.rejects(cosigned.take(by(a, offered, stranger.key)), { code: 'WITNESS_REJECTED' })
  const wrong = by(a, offered)
  const at1 = wrong.lastIndexOf(' ') + 20
  const flipped = wrong.slice(0, at1) + (wrong[at1] === 'A' ? 'B' : 'A') + wrong.slice(at1 + 1)
  await assert.rejects(cosigned.take(flipped), { code: 'LOG_SIGNATURE_INVALID' })
  await assert.rejects(cosigned.take('x'), { code: 'LOG_CHECKPOINT_MALFORMED' })
  assert.throws(() => cosigned.newest(1), { code: 'WITNESS_TOO_FEW' })
  at.size = 1
})

test('the same line again counts once', async () => {
  const { cosigned } = open()
  const offered = await cosigned.offered()
  const note = by(a, offered)
  assert.deepEqual(await Promise.all([cosigned.take(note), cosigned.take(note)]), [1, 1])
  assert.equal(await cosigned.take(by(a, offered)), 1)
  assert.equal(parseNote(cosigned.newest(1)).signatures.length, 2)
})
