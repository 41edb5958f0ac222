import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { encodeCbor, type CborValue } from '../../../../shared/protocol/src/cbor.ts'
import { ClientSession, startCipher, MAX_WAITING } from '../../../../shared/protocol/src/session/client-session.ts'
import { deriveSessionKeys } from '../../../../shared/protocol/src/session/key-schedule.ts'
import {
  MAX_RECORD_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_TAG_BYTES,
  RecordCipher,
} from '../../../../shared/protocol/src/session/record-layer.ts'
import { ReplayWindow } from '../../../../shared/protocol/src/session/replay-window.ts'
import { MAX_UNANSWERED, Session } from './session.ts'

const crypto = createNodeCrypto()
const sid = new Uint8Array(16).fill(4)
const newKeys = () => deriveSessionKeys(crypto, new Uint8Array(32), new Uint8Array(32).fill(1), new Uint8Array(32))
const someone = { kind: 'patient', ref: 'p-', mspId: 'HospitalA', kid: 'k', emergency: false } as const

interface Pair {
  readonly client: ClientSession
  readonly server: Session
  /** What a client that breaks the rules would use. */
  readonly cipher: RecordCipher
}

function pair(): Pair {
  const keys = newKeys()
  const server = new Session(crypto, { sid, keys, t2: new Uint8Array(32) }, someone, 3_600_000)
  const [cipher, waiting] = startCipher(crypto, sid, keys)
  cipher.open(server.seal(0, { ok: true }))
  return {
    server,
    client: new ClientSession({ sid, keys, monotonicMs: 0, maxRecordBytes: MAX_RECORD_BYTES }, cipher, waiting),
    cipher: RecordCipher.ofClient(crypto, sid, keys, new ReplayWindow()),
  }
}

function ask({ client, server }: Pair, request: CborValue = { cmd: 'ping' }): { seq: number; frame: Uint8Array } {
  const sealed = client.sealRequest(request, 0)
  assert.deepEqual(server.open(sealed.frame), { seq: sealed.seq, request })
  return sealed
}

test('answers come in any order, each to its own request', () => {
  const both = pair()
  const seqs = Array.from({ length: 200 }, (_, i) => ask(both, { cmd: 'ping', i }).seq)
  const answers = seqs.map((seq) => ({ seq, frame: both.server.seal(seq, { seq }) })).toReversed()
  for (const { seq, frame } of answers) assert.deepEqual(both.client.openAnswer(seq, frame), { seq })
  assert.equal(both.client.waiting, 0)
})

test('two answers that change places are refused, and taken in their own places', () => {
  const both = pair()
  const [a, b] = [ask(both).seq, ask(both).seq]
  const [answerA, answerB] = [both.server.seal(a, { a }), both.server.seal(b, { b })]
  assert.throws(() => both.client.openAnswer(a, answerB), { code: 'SESSION_RECORD_REJECTED' })
  assert.throws(() => both.client.openAnswer(b, answerA), { code: 'SESSION_RECORD_REJECTED' })
  assert.deepEqual(both.client.openAnswer(a, answerA), { a })
  assert.deepEqual(both.client.openNext(answerB), { seq: b, answer: { b } })
})

test('an answer whose number was changed to fit is refused', () => {
  const both = pair()
  const [a, b] = [ask(both).seq, ask(both).seq]
  const answer = both.server.seal(a, { a })
  answer[23] = b
  assert.throws(() => both.client.openAnswer(b, answer), { code: 'SESSION_RECORD_REJECTED' })
})

test('a request is taken once and answered once', () => {
  const both = pair()
  const { seq, frame } = ask(both)
  assert.throws(() => both.server.open(frame), { code: 'SESSION_REPLAY' })
  const answer = both.server.seal(seq, 1)
  assert.throws(() => both.server.seal(seq, 2), TypeError)
  both.client.openAnswer(seq, answer)
  assert.throws(() => both.client.openAnswer(seq, answer), { code: 'SESSION_REPLAY' })
})

test('nothing is sealed for a request that never came, and the finish is answered once', () => {
  const { server } = pair()
  assert.throws(() => server.seal(9, 1), TypeError)
  assert.throws(() => server.seal(0, 1), TypeError)
})

test('number 0 is the finish: a request cannot use it', () => {
  const { server, cipher } = pair()
  assert.throws(() => server.open(cipher.seal(0, encodeCbor({ cmd: 'ping' }))), { code: 'SESSION_REPLAY' })
})

test('reflection: neither side takes its own records', () => {
  const both = pair()
  const { seq, frame } = both.client.sealRequest({ cmd: 'ping' }, 0)
  assert.throws(() => both.client.openAnswer(seq, frame), { code: 'SESSION_RECORD_REJECTED' })
  const { seq: other } = ask(both)
  const answer = both.server.seal(other, 1)
  // The number was used by the request: as a request the answer is old as well as of the wrong direction.
  assert.throws(() => both.server.open(answer), { code: 'SESSION_REPLAY' })
  const fresh = pair()
  assert.throws(() => fresh.server.open(answer), { code: 'SESSION_RECORD_REJECTED' })
})

test('an answer to a request that the client gave up is refused', () => {
  const both = pair()
  const { seq } = ask(both)
  both.client.forget(seq)
  assert.throws(() => both.client.openAnswer(seq, both.server.seal(seq, 1)), { code: 'SESSION_REPLAY' })
})

test('an answer may come after thousands of later ones', () => {
  const both = pair()
  const slow = ask(both).seq
  for (let i = 0; i < 3_000; i++) {
    const { seq } = ask(both)
    both.client.openAnswer(seq, both.server.seal(seq, null))
  }
  assert.equal(both.client.openAnswer(slow, both.server.seal(slow, 'late')), 'late')
})

test('TEE_BUSY: 1,024 requests without an answer, on either side', () => {
  const both = pair()
  for (let i = 0; i < MAX_WAITING; i++) ask(both)
  assert.throws(() => both.client.sealRequest({ cmd: 'ping' }, 0), { code: 'TEE_BUSY' })
  const frame = both.cipher.seal(MAX_UNANSWERED + 1, encodeCbor({ cmd: 'ping' }))
  assert.throws(() => both.server.open(frame), { code: 'TEE_BUSY' })
  both.server.seal(1, null)
  assert.equal(both.server.open(frame).seq, MAX_UNANSWERED + 1)
})

test('CBOR_MALFORMED: what is inside a record is checked, and has no answer', () => {
  const { server, cipher } = pair()
  assert.throws(() => server.open(cipher.seal(1, new Uint8Array([0x18, 1]))), { code: 'CBOR_MALFORMED' })
  assert.throws(() => server.seal(1, null), TypeError)
})

test('RECORD_TOO_LARGE: an answer that does not fit leaves room for another one', () => {
  const both = pair()
  const { seq } = ask(both)
  const large = new Uint8Array(8 * 1024 * 1024 + 32 * 1024)
  assert.throws(() => both.server.seal(seq, large), { code: 'RECORD_TOO_LARGE' })
  assert.deepEqual(both.client.openAnswer(seq, both.server.seal(seq, { ok: false })), { ok: false })
  assert.throws(() => both.client.sealRequest(large, 0), { code: 'RECORD_TOO_LARGE' })
})

test('the client stops after an hour', () => {
  const { client } = pair()
  client.sealRequest({ cmd: 'ping' }, 3_599_999)
  assert.throws(() => client.sealRequest({ cmd: 'ping' }, 3_600_000), { code: 'SESSION_EXPIRED' })
})

test('a client seals no request that is longer than its server takes, and one that just fits', () => {
  const keys = newKeys()
  const [cipher, waiting] = startCipher(crypto, sid, keys)
  const client = new ClientSession({ sid, keys, monotonicMs: 0, maxRecordBytes: 4_096 }, cipher, waiting)
  const requestOf = (bytes: number): CborValue => new Uint8Array(bytes)
  const overhead = encodeCbor(requestOf(4_000)).length - 4_000
  const most = 4_096 - RECORD_HEADER_BYTES - RECORD_TAG_BYTES - overhead
  const before = client.waiting
  assert.throws(() => client.sealRequest(requestOf(most + 1), 0), { code: 'RECORD_TOO_LARGE' })
  assert.equal(client.waiting, before)
  const { seq, frame } = client.sealRequest(requestOf(most), 0)
  assert.deepEqual([seq, frame.length], [1, 4_096])
})
