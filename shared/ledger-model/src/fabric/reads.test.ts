import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../crypto/src/index.ts'
import { createNodeCrypto } from '../../../crypto/src/node-crypto.ts'
import { decodeReads, decodeReadsAnswer, encodeReads, encodeReadsAnswer, readLink } from './reads.ts'

const crypto = createNodeCrypto()
const queries = [
  { fn: 'participant', args: ['x'] },
  { fn: 'batch', args: [] },
]

test('questions and answers survive their texts', () => {
  assert.deepEqual(decodeReads(encodeReads(queries)), queries)
  const answer = { timeMs: 5, answers: [{ status: 200 as const, result: '{"a":"ü"}' }] }
  assert.deepEqual(decodeReadsAnswer(encodeUtf8(encodeReadsAnswer(answer))), answer)
})

test('refused: other forms', () => {
  const many = Array.from({ length: 65 }, () => queries[0])
  for (const wrong of ['', '[]', '{}', '[{"fn":"a"}]', '[{"args":[],"fn":"a","more":1}]', JSON.stringify(many)]) {
    assert.throws(() => decodeReads(wrong), { code: 'LEDGER_BAD_ARGUMENT' }, wrong)
  }
  const one = { answers: [{ result: '', status: 200 }], timeMs: 1 }
  const wrong = [
    '',
    '[]',
    JSON.stringify({ ...one, height: 1 }),
    JSON.stringify({ ...one, timeMs: -1 }),
    JSON.stringify({ ...one, answers: [{ result: '', status: 500 }] }),
    JSON.stringify({ ...one, answers: [{ result: '', status: 'NO_CODE' }] }),
    JSON.stringify({ ...one, answers: [{ status: 200 }] }),
  ]
  for (const text of wrong) {
    assert.throws(() => decodeReadsAnswer(encodeUtf8(text)), { code: 'ENDORSEMENT_MALFORMED' }, text)
  }
  assert.throws(() => decodeReadsAnswer(Uint8Array.of(0xff)), { code: 'ENDORSEMENT_MALFORMED' })
})

test('a link is of one nonce and one number of blocks', () => {
  const [nonce, info] = [new Uint8Array(32), new Uint8Array(100)]
  const links = [
    readLink(crypto, nonce, info),
    readLink(
      crypto,
      nonce.map(() => 1),
      info,
    ),
    readLink(
      crypto,
      nonce,
      info.map(() => 1),
    ),
  ]
  assert.equal(new Set(links).size, 3)
  assert.match(links[0] ?? '', /^[0-9a-f]{64}$/)
})
