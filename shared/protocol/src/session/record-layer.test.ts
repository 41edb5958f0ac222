import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '../../../crypto/src/index.ts'
import { createNodeCrypto } from '../../../crypto/src/node-crypto.ts'
import { deriveSessionKeys } from './key-schedule.ts'
import {
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  peekRecord,
  RECORD_HEADER_BYTES,
  RECORD_TAG_BYTES,
  RecordCipher,
} from './record-layer.ts'
import { ReplayWindow } from './replay-window.ts'

const crypto = createNodeCrypto()
const hello = new Uint8Array([1, 2, 3])

function pair(fill = 7): { client: RecordCipher; server: RecordCipher } {
  const keys = () => deriveSessionKeys(crypto, filled(32, 1), filled(32, fill), filled(32, 3))
  const sid = filled(16, 9)
  return {
    client: RecordCipher.ofClient(crypto, sid, keys(), new ReplayWindow()),
    server: RecordCipher.ofServer(crypto, sid, keys(), new ReplayWindow()),
  }
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

test('a record opens on the other side, with its number', () => {
  const { client, server } = pair()
  assert.deepEqual(server.open(client.seal(3, hello)), { seq: 3, plaintext: hello })
  assert.deepEqual(client.open(server.seal(3, hello)), { seq: 3, plaintext: hello })
})

test('a record is sid, number, ciphertext and tag', () => {
  const frame = pair().client.seal(258, hello)
  assert.equal(frame.length, RECORD_HEADER_BYTES + hello.length + RECORD_TAG_BYTES)
  assert.deepEqual(frame.slice(0, 24), concat(filled(16, 9), new Uint8Array([0, 0, 0, 0, 0, 0, 1, 2])))
})

test('a side does not open its own record', () => {
  const { client, server } = pair()
  assert.throws(() => client.open(client.seal(0, hello)), { code: 'SESSION_RECORD_REJECTED' })
  assert.throws(() => server.open(server.seal(0, hello)), { code: 'SESSION_RECORD_REJECTED' })
})

test('a record opens once', () => {
  const { client, server } = pair()
  const frame = client.seal(0, hello)
  server.open(frame)
  assert.throws(() => server.open(frame), { code: 'SESSION_REPLAY' })
})

test('records open in any order inside the window, and not behind it', () => {
  const { client, server } = pair()
  const old = [0, 1, 2].map((seq) => client.seal(seq, hello))
  server.open(client.seal(1_025, hello))
  assert.equal(server.open(old[2] as Uint8Array).seq, 2)
  assert.throws(() => server.open(old[1] as Uint8Array), { code: 'SESSION_REPLAY' })
  assert.throws(() => server.open(old[0] as Uint8Array), { code: 'SESSION_REPLAY' })
})

test('every altered byte is refused and leaves the number usable', () => {
  const { client, server } = pair()
  const frame = client.seal(4, hello)
  for (let at = 0; at < frame.length; at++) {
    const altered = frame.slice()
    altered[at] = (altered[at] as number) ^ 0x40
    // A high bit of the number makes it larger than any number of a session.
    const code = at >= 16 && at <= 21 ? 'SESSION_EXPIRED' : 'SESSION_RECORD_REJECTED'
    assert.throws(() => server.open(altered), { code }, `byte ${at}`)
  }
  assert.equal(server.open(frame).seq, 4)
})

test('a record of another session with the same id is refused', () => {
  assert.throws(() => pair(7).server.open(pair(8).client.seal(0, hello)), { code: 'SESSION_RECORD_REJECTED' })
})

test('numbers end at 2^20', () => {
  const { client, server } = pair()
  assert.equal(server.open(client.seal(MAX_RECORDS - 1, hello)).seq, MAX_RECORDS - 1)
  assert.throws(() => client.seal(MAX_RECORDS, hello), { code: 'SESSION_EXPIRED' })
  const frame = client.seal(1, hello)
  for (const header of [
    [0, 0, 0, 0, 0, 0x10, 0, 0],
    [0, 0, 0, 1, 0, 0, 0, 1],
    [255, 255, 255, 255, 255, 255, 255, 255],
  ]) {
    frame.set(header, 16)
    assert.throws(() => server.open(frame), { code: 'SESSION_EXPIRED' })
  }
})

test('a record has a least and a largest size', () => {
  const { client, server } = pair()
  assert.throws(() => server.open(client.seal(0, new Uint8Array(0)).slice(0, 39)), { code: 'SESSION_RECORD_REJECTED' })
  assert.throws(() => peekRecord(new Uint8Array(MAX_RECORD_BYTES + 1)), { code: 'SESSION_RECORD_REJECTED' })
  const largest = new Uint8Array(MAX_RECORD_BYTES - 40)
  assert.equal(server.open(client.seal(1, largest)).plaintext.length, largest.length)
  assert.throws(() => client.seal(2, new Uint8Array(MAX_RECORD_BYTES - 39)), { code: 'RECORD_TOO_LARGE' })
})

test('a number that is none is a bug of the caller', () => {
  assert.throws(() => pair().client.seal(-1, hello), RangeError)
  assert.throws(() => pair().client.seal(0.5, hello), RangeError)
})

test('a session id of another length is a mistake of the caller: what it protects would no longer stand in its place', () => {
  const keys = deriveSessionKeys(crypto, filled(32, 1), filled(32, 7), filled(32, 3))
  for (const length of [0, 15, 17]) {
    assert.throws(() => RecordCipher.ofClient(crypto, filled(length, 9), keys, new ReplayWindow()), RangeError)
  }
})
