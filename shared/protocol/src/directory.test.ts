import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeDirectory, MAX_DIRECTORY_BYTES, parseDirectory, type Directory } from './directory.ts'
import { newRef } from './ids.ts'

const crypto = createNodeCrypto()
const directory = (people: number, name = 'A. Doctor'): Directory => ({
  v: 1,
  hospital: newRef(crypto, 'h'),
  practitioners: Array.from({ length: people }, () => ({ ref: newRef(crypto, 'd'), name, department: 'Cardiology' })),
})

test('a directory survives the way', () => {
  const listed = directory(3)
  assert.deepEqual(parseDirectory(encodeDirectory(listed)), listed)
})

test('refused before it travels: a directory that no reader would take', () => {
  const large = directory(6_000, 'x'.repeat(128))
  assert.ok(JSON.stringify(large).length > MAX_DIRECTORY_BYTES)
  assert.throws(() => encodeDirectory(large), { code: 'DIRECTORY_TOO_LARGE' })
})

test('the longest and the largest directory travel, one doctor or one byte more do not', () => {
  const longest = directory(8_192, 'x')
  assert.deepEqual(parseDirectory(encodeDirectory(longest)), longest)
  assert.throws(() => encodeDirectory(directory(8_193, 'x')), { code: 'DIRECTORY_TOO_LARGE' })
  const { practitioners: named } = directory(6_000, 'x'.repeat(120))
  const filled = (bytes: number): Directory => {
    const list = { ...longest, practitioners: named }
    const short = JSON.stringify(list).length - bytes
    const practitioners = list.practitioners.map((practitioner, i) => {
      const cut = Math.min(119, Math.max(0, short - 119 * i))
      return { ...practitioner, name: practitioner.name.slice(cut) }
    })
    return { ...list, practitioners }
  }
  const largest = filled(MAX_DIRECTORY_BYTES)
  assert.equal(encodeDirectory(largest).length, MAX_DIRECTORY_BYTES)
  assert.deepEqual(parseDirectory(encodeDirectory(largest)), largest)
  assert.throws(() => encodeDirectory(filled(MAX_DIRECTORY_BYTES + 1)), { code: 'DIRECTORY_TOO_LARGE' })
})

test('refused: what is no directory', () => {
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const { practitioners, ...without } = directory(1)
  for (const wrong of [without, { ...without, practitioners, v: 2 }, { ...without, practitioners: [{ name: 'x' }] }]) {
    assert.throws(() => parseDirectory(encode(wrong)), { code: 'MESSAGE_MALFORMED' })
  }
})
