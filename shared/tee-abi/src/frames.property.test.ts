import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '../../crypto/src/index.ts'
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from './frames.ts'

test('messages arrive whole and in order however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 40 }),
      (messages, cuts) => {
        const stream = concat(...messages.map(encodeFrame))
        const reader = new FrameReader()
        const read: Uint8Array[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length] as number
          read.push(...reader.push(stream.slice(at, at + size)))
          at += size
        }
        assert.deepEqual(
          read.map((message) => [...message]),
          messages.map((message) => [...message]),
        )
        assert.ok(reader.isBetweenFrames)
      },
    ),
  )
})

test('the rest of a message may be written to its place, in pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 2, maxLength: 300 }),
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 9 }),
      (message, cuts) => {
        const reader = new FrameReader()
        assert.deepEqual(reader.push(encodeFrame(message).subarray(0, 5)), [])
        let rest = message.subarray(1)
        for (let i = 0; rest.length > 0; i++) {
          const { room } = reader
          assert.equal(room?.length, rest.length)
          const part = rest.subarray(0, cuts[i % cuts.length])
          room?.set(part)
          rest = rest.subarray(part.length)
          const whole = reader.filled(part.length)
          assert.deepEqual(whole, rest.length === 0 ? message : undefined)
        }
        assert.equal(reader.room, undefined)
        assert.throws(() => reader.filled(1), RangeError)
      },
    ),
  )
})

test('the largest message passes byte exact, the next larger one does not', () => {
  const reader = new FrameReader()
  const message = new Uint8Array(MAX_FRAME_BYTES).fill(7)
  const frame = encodeFrame(message)
  assert.equal(reader.push(frame.subarray(0, 100)).length, 0)
  assert.ok(!reader.isBetweenFrames)
  assert.deepEqual(reader.push(frame.subarray(100)), [message])
  assert.throws(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), { code: 'TEE_FRAME_INVALID' })
  assert.throws(() => reader.push(new Uint8Array([2, 0, 0, 1])), { code: 'TEE_FRAME_INVALID' })
})

test('a length of zero or above the limit ends the stream for good', () => {
  assert.throws(() => encodeFrame(new Uint8Array(0)), { code: 'TEE_FRAME_INVALID' })
  for (const header of [
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [0x80, 0, 0, 1],
  ]) {
    const reader = new FrameReader()
    assert.throws(() => reader.push(new Uint8Array(header)), { code: 'TEE_FRAME_INVALID' })
    assert.throws(() => reader.push(encodeFrame(new Uint8Array(1))), { code: 'TEE_FRAME_INVALID' })
    assert.ok(!reader.isBetweenFrames)
  }
})

test('a cut header or message is not the end of a stream', () => {
  const frame = encodeFrame(new Uint8Array([1, 2]))
  for (let length = 1; length < frame.length; length++) {
    const reader = new FrameReader()
    assert.deepEqual(reader.push(frame.subarray(0, length)), [])
    assert.ok(!reader.isBetweenFrames, `after ${length} bytes`)
  }
})
