/**
 * Bad input over HTTP at the three services of a running system: bodies that are too large, announced or not, of the
 * wrong type, not UTF-8, nested without end, headers without end, clients that never finish. Each is refused early, with
 * a stable code and little memory, and meanwhile everybody else is served. docs/protocol/01 §1.6, 05 §5.8, §5.10.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createHttpServer } from '../../../ledger/embedded/src/http-server.ts'
import { openTestNode } from '../../../testkit/src/embedded-ledger.ts'
import { openScene, refusedWith, type Scene } from '../../../testkit/src/world/index.ts'
import { flood, open, readToEnd, sendBytes, statusAndCode } from './raw-http.ts'

const MEBIBYTE = 2 ** 20
let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

interface Service {
  readonly url: () => string
  /** A path that takes bodies, their type, and the most it reads, in bytes. */
  readonly path: string
  readonly type: string
  readonly limit: number
  /** A path that answers everybody. */
  readonly open: string
  /** Bodies that are none, with the code of each. */
  readonly bad: readonly (readonly [string | Uint8Array, string])[]
}

const SERVICES: Readonly<Record<string, Service>> = {
  'the record server': {
    url: () => scene.world.server.url,
    path: '/v1/session/records',
    type: 'application/octet-stream',
    limit: 2 * (8 * MEBIBYTE + 32_768 + 4),
    open: '/health/live',
    bad: [
      ['', 'HTTP_BAD_REQUEST'],
      [Uint8Array.of(0, 0, 0, 9, 1), 'MESSAGE_MALFORMED'],
      [Uint8Array.of(0xff, 0xff, 0xff, 0xff), 'MESSAGE_MALFORMED'],
      [Uint8Array.of(0, 0, 0, 1, 1), 'SESSION_RECORD_REJECTED'],
    ],
  },
  'the hospital’s service': {
    url: () => scene.world.surroundings('a').hospitalUrl,
    path: '/v1/registrations',
    type: 'application/json',
    limit: 16_384,
    open: '/health/live',
    bad: [
      ['', 'HTTP_BAD_REQUEST'],
      ['{', 'HTTP_BAD_REQUEST'],
      ['{}', 'HTTP_BAD_REQUEST'],
      ['null', 'HTTP_BAD_REQUEST'],
      ['{"code":"AAAAAAAAAAAA","__proto__":{"x":1}}', 'HTTP_BAD_REQUEST'],
      [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), 'HTTP_BAD_REQUEST'],
      [Uint8Array.of(0x22, 0xc3, 0x22), 'HTTP_BAD_REQUEST'],
      [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'HTTP_BAD_REQUEST'],
      ['['.repeat(8_000), 'HTTP_BAD_REQUEST'],
      [`${'['.repeat(8_000)}${']'.repeat(8_000)}`, 'HTTP_BAD_REQUEST'],
      [`${'{"a":'.repeat(2_500)}1${'}'.repeat(2_500)}`, 'HTTP_BAD_REQUEST'],
    ],
  },
  'the ledger': {
    url: () => scene.world.ledger.url,
    path: '/v1/proposals',
    type: 'application/cbor',
    limit: 2 * MEBIBYTE,
    open: '/health',
    bad: [
      ['', 'LEDGER_BAD_PROPOSAL'],
      ['{}', 'LEDGER_BAD_PROPOSAL'],
      [Uint8Array.of(0x61, 0xff), 'LEDGER_BAD_PROPOSAL'],
      [new Uint8Array(100_000).fill(0x81), 'LEDGER_BAD_PROPOSAL'],
      [new Uint8Array(100_000).fill(0xa1), 'LEDGER_BAD_PROPOSAL'],
      [Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'LEDGER_BAD_PROPOSAL'],
      [Uint8Array.of(0x5b, 0, 0, 0, 1, 0, 0, 0, 0), 'LEDGER_BAD_PROPOSAL'],
    ],
  },
}

/** What the sockets of both ends and the parser may hold beyond the limit. */
const BUFFERS = 8 * MEBIBYTE
const head = ({ path, type }: Service) => `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n`
const isServed = async (service: Service) => (await fetch(service.url() + service.open)).status

for (const [name, service] of Object.entries(SERVICES)) {
  describe(name, () => {
    test('100 MB that are announced are refused before any of it comes', async () => {
      const answer = await sendBytes(
        service.url(),
        `${head(service)}connection: close\r\ncontent-length: 100000000\r\n\r\n`,
      )
      assert.deepEqual(statusAndCode(answer), [413, 'HTTP_TOO_LARGE'])
    })

    test('100 MB that nobody announced are refused when the limit is passed, and are not kept', async () => {
      globalThis.gc?.()
      const beforeBytes = process.memoryUsage().arrayBuffers
      const { sent, answer } = await flood(service.url(), head(service), 100)
      assert.ok(sent <= service.limit + BUFFERS, `${sent} bytes were taken`)
      // The line may be cut before the answer is read.
      if (answer !== '') assert.deepEqual(statusAndCode(answer), [413, 'HTTP_TOO_LARGE'])
      assert.ok(process.memoryUsage().arrayBuffers - beforeBytes < 3 * service.limit + 2 * BUFFERS)
      assert.equal(await isServed(service), 200)
    })

    test('another content type, or none, is refused', async () => {
      for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'x']) {
        const answer = await fetch(service.url() + service.path, {
          method: 'POST',
          headers: { 'content-type': type },
          body: 'x',
        })
        assert.deepEqual([answer.status, await codeOf(answer)], [415, 'HTTP_MEDIA_TYPE'], type)
      }
    })

    test('bodies that are no message of it are refused, each with its code', async () => {
      for (const [i, [body, code]] of service.bad.entries()) {
        const answer = await fetch(service.url() + service.path, {
          method: 'POST',
          headers: { 'content-type': service.type },
          body: typeof body === 'string' ? body : new Uint8Array(body),
        })
        assert.equal(await codeOf(answer), code, `body ${i}`)
        assert.ok(answer.status >= 400 && answer.status < 500)
      }
    })

    test('headers without end, and what is no HTTP, are answered in few bytes and hung up on', async () => {
      const requests = [
        `GET ${service.open} HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
        `GET ${service.open} HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(4_000)}\r\n`,
        `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
        `${head(service)}content-length: -1\r\n\r\n`,
        `${head(service)}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
        `${head(service)}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n`,
      ]
      for (const [i, request] of requests.entries()) {
        const answer = await sendBytes(service.url(), request)
        assert.deepEqual(statusAndCode(answer), [400, 'HTTP_BAD_REQUEST'], `request ${i}`)
        assert.ok(answer.length < 1_000)
      }
      // A server that hangs up on a client that still sends cuts its own answer.
      const endless = `GET ${service.open} HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(1_000_000)}`
      assert.ok((await sendBytes(service.url(), endless)).length < 1_000)
      assert.equal(await isServed(service), 200)
    })

    test('paths and methods that are not there', async () => {
      for (const [method, path] of [
        ['GET', '/v1/../../etc/passwd'],
        ['GET', '/%2e%2e/%2e%2e/etc/passwd'],
        ['GET', '/v1/nothing?x=%00'],
        ['PUT', service.path],
        ['DELETE', service.open],
      ] as const) {
        const answer = await sendBytes(
          service.url(),
          `${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
        )
        assert.deepEqual(statusAndCode(answer), [404, 'HTTP_NOT_FOUND'], `${method} ${path}`)
      }
    })

    test('clients that never finish hold up nobody', async () => {
      const beginnings = [
        `POST ${service.path} HTTP/1.1\r\nhost: a\r\n`,
        `${head(service)}content-length: 1000\r\n\r\n{`,
        `${head(service)}transfer-encoding: chunked\r\n\r\n5\r\nab`,
        '',
      ]
      const slow = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const socket = await open(service.url())
          socket.write(beginnings[i % beginnings.length] ?? '')
          return socket
        }),
      )
      assert.equal(await isServed(service), 200)
      const { bob } = scene
      assert.equal((await bob.records()).items.length, 1)
      for (const socket of slow) socket.destroy()
    })
  })
}

test('a client of the ledger that sends its request too slowly is hung up on', async () => {
  const { node, close } = await openTestNode()
  const app = createHttpServer(node, undefined, { requestMs: 60 })
  try {
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    for (const beginning of [
      'POST /v1/proposals HTTP/1.1\r\nhost: a\r\n',
      'POST /v1/proposals HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor\r\ncontent-length: 9\r\n\r\na',
    ]) {
      const socket = await open(url)
      socket.write(beginning)
      assert.match(await readToEnd(socket), /^HTTP\/1\.1 4\d\d /)
    }
  } finally {
    await app.close()
    close()
  }
})

test('who asks too often is told to wait, and health is still answered', async () => {
  const { world } = scene
  const url = `${world.server.url}/v1/session/hello`
  const headers = { 'content-type': 'application/octet-stream' }
  let code: string | undefined
  for (let i = 0; i < 1_300 && code !== 'HTTP_RATE_LIMITED'; i++) {
    const answer = await fetch(url, { method: 'POST', headers, body: Uint8Array.of(0xa0) })
    code = await codeOf(answer)
    assert.ok(code === 'MESSAGE_MALFORMED' || (code === 'HTTP_RATE_LIMITED' && answer.headers.has('retry-after')))
  }
  assert.equal(code, 'HTTP_RATE_LIMITED')
  assert.equal((await fetch(`${world.server.url}/health/live`)).status, 200)
})

test('a server that is not there is told as such, and nothing is lost', async () => {
  const { world, alice, stored } = scene
  await world.server.stop()
  await assert.rejects(alice.read(stored.recordId), refusedWith('SERVER_UNAVAILABLE'))
})

test('after all that no service had a fault of its own, and everything is as it was', async () => {
  const { world } = scene
  assert.deepEqual(world.faults, [])
  // Started again, it counts requests from the beginning.
  await world.server.start()
  await world.server.serving()
  assert.equal((await world.verifyEverything()).records, 1)
})

async function codeOf(answer: Response): Promise<string | undefined> {
  return ((await answer.json()) as { code?: string }).code
}
