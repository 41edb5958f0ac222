import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { WebSocket, type RawData } from 'ws'
import { MAX_RECORD_BYTES } from '../../../shared/protocol/src/session/record-layer.ts'
import { TeeError } from '../../../tee/src/errors.ts'
import { PlayedTee, type Play } from '../test-fixtures/played-tee.ts'
import { startHostServer, type HostServer, type HostServerOptions } from './server.ts'
import { MAX_STREAM_WORK } from './stream-api.ts'

async function start(t: TestContext, play: Play, options: Partial<HostServerOptions> = {}): Promise<HostServer> {
  const server = await startHostServer({ tee: new PlayedTee(play), ...options })
  t.after(() => server.close())
  return server
}

async function open(t: TestContext, { url }: HostServer): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session/stream`)
  t.after(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** A record of session 0707…, as far as the host can see. */
function record(seq: number, length = 48): Buffer {
  const bytes = Buffer.alloc(Math.max(48, length), 7)
  bytes.writeBigUInt64BE(BigInt(seq), 16)
  return bytes
}
const seqOf = (bytes: Uint8Array): number => Number(Buffer.from(bytes).readBigUInt64BE(16))

async function next(socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> {
  const [data, isBinary] = (await once(socket, 'message')) as [RawData, boolean]
  return { data: data as Buffer, isBinary }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

const ECHO: Play = { record: ({ record: bytes }) => ({ record: bytes }) }

test('each record is answered, in the order in which answers are ready', async (t) => {
  const release: (() => void)[] = []
  const play: Play = {
    record: ({ record: bytes }) => new Promise((resolve) => release.push(() => resolve({ record: bytes }))),
  }
  const socket = await open(t, await start(t, play))
  for (const seq of [1, 2, 3]) socket.send(record(seq))
  await until(() => release.length === 3)
  const seqs: number[] = []
  for (const i of [2, 0, 1]) {
    const answer = next(socket)
    release[i]?.()
    seqs.push(seqOf((await answer).data))
  }
  assert.deepEqual(seqs, [3, 1, 2])
})

test('a refusal names the request', async (t) => {
  const play: Play = {
    record: () => {
      throw new TeeError('SESSION_REPLAY')
    },
  }
  const socket = await open(t, await start(t, play))
  socket.send(record(5))
  const { data, isBinary } = await next(socket)
  assert.equal(isBinary, false)
  assert.deepEqual(JSON.parse(data.toString()), { sid: '07'.repeat(16), seq: 5, code: 'SESSION_REPLAY' })
})

test('text, and bytes that are no record, end the stream', async (t) => {
  const server = await start(t, {
    record: () => {
      throw new TeeError('SESSION_RECORD_REJECTED')
    },
  })
  const text = await open(t, server)
  text.send('hello')
  assert.equal((await once(text, 'close'))[0], 1003)
  const short = await open(t, server)
  short.send(Buffer.alloc(3))
  assert.equal((await once(short, 'close'))[0], 1008)
  const numberless = await open(t, server)
  numberless.send(Buffer.alloc(48, 0xff))
  assert.equal((await once(numberless, 'close'))[0], 1008)
})

test('a message that is too large ends the stream', async (t) => {
  const server = await start(t, ECHO)
  const large = await open(t, server)
  large.send(record(1, MAX_RECORD_BYTES))
  assert.equal((await next(large)).data.length, MAX_RECORD_BYTES)
  large.on('error', () => undefined)
  large.send(Buffer.alloc(MAX_RECORD_BYTES + 1))
  await once(large, 'close')
})

test('a client that does not take its answers is not read from either', async (t) => {
  let asked = 0
  const play: Play = {
    record: () => {
      asked++
      return { record: new Uint8Array(512 * 1024) }
    },
  }
  const socket = await open(t, await start(t, play))
  socket.pause()
  const count = 4 * MAX_STREAM_WORK
  for (let seq = 1; seq <= count; seq++) socket.send(record(seq, 8_192))
  await until(() => asked >= MAX_STREAM_WORK)
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve))
  // What was in the piece that was being read still comes through.
  assert.ok(asked < MAX_STREAM_WORK + 16, String(asked))
  let answers = 0
  const all = new Promise<void>((resolve) => socket.on('message', () => ++answers === count && resolve()))
  socket.resume()
  await all
  assert.equal(asked, count)
})

test('TEE_BUSY: more bytes at once than fit', async (t) => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const play: Play = { record: async ({ record: bytes }) => (await held, { record: bytes }) }
  const socket = await open(t, await start(t, play, { limits: { bytesAtOnce: 1_000 } }))
  socket.send(record(1, 600))
  socket.send(record(2, 600))
  const { data } = await next(socket)
  assert.deepEqual(JSON.parse(data.toString()), { sid: '07'.repeat(16), seq: 2, code: 'TEE_BUSY' })
  const answer = next(socket)
  release()
  assert.equal(seqOf((await answer).data), 1)
})

test('too many streams of one address, and in all, are asked to come later', async (t) => {
  const server = await start(t, ECHO, { limits: { streamsOfAddress: 2, streams: 3 } })
  const [first] = [await open(t, server), await open(t, server)]
  const third = await open(t, server)
  assert.equal((await once(third, 'close'))[0], 1013)
  first.close()
  await once(first, 'close')
  for (;;) {
    const again = await open(t, server)
    again.send(record(1))
    const outcome = await Promise.race([next(again).then(() => 'answered'), once(again, 'close').then(() => 'later')])
    if (outcome === 'answered') break
  }
})

test('a client that is gone is let go', async (t) => {
  const server = await start(t, ECHO, { limits: { streamDeadAfterMs: 40 } })
  const { port } = new URL(server.url)
  // Speaks the handshake and then never reads or answers a ping.
  const silent = connect(Number(port), '127.0.0.1')
  silent.on('error', () => undefined)
  silent.write(
    'GET /v1/session/stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
      'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  silent.resume()
  const alive = await open(t, server)
  await once(silent, 'close')
  alive.send(record(1))
  assert.equal(seqOf((await next(alive)).data), 1)
})

test('a stop finishes the work of streams, then says goodbye', async (t) => {
  let release = (): void => undefined
  const play: Play = {
    record: ({ record: bytes }) => new Promise((resolve) => (release = () => resolve({ record: bytes }))),
  }
  const server = await start(t, play)
  const [busy, idle] = [await open(t, server), await open(t, server)]
  busy.send(record(1))
  const idleRelease = release
  await until(() => release !== idleRelease)
  const answer = next(busy)
  const goodbyes = [busy, idle].map((socket) => once(socket, 'close'))
  const closing = server.close()
  release()
  assert.equal(seqOf((await answer).data), 1)
  for (const [code] of await Promise.all(goodbyes)) assert.equal(code, 1001)
  await closing
})

test('a stop does not wait for ever for a client that takes nothing', async (t) => {
  const play: Play = { record: () => ({ record: new Uint8Array(8 * 1024 * 1024) }) }
  const server = await start(t, play, { limits: { stopMs: 50 } })
  const socket = await open(t, server)
  socket.pause()
  for (const seq of [1, 2, 3, 4, 5, 6]) socket.send(record(seq))
  await server.close()
})
