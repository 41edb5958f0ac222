import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import { decodeOutcomes, encodeRecords } from '../../../shared/protocol/src/session/record-items.ts'
import { TeeError } from '../../../tee/src/errors.ts'
import { PlayedTee, type Play } from '../test-fixtures/played-tee.ts'
import { startHostServer, type HostServer, type HostServerOptions } from './server.ts'

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values)
const digest = new Uint8Array(32).fill(9)
const STATUS = {
  state: 'serving',
  measurement: digest,
  logSize: 5,
  epoch: 2,
  sessions: 1,
  waiting: 0,
  isolation: [],
  records: 3,
  patients: 1,
} as const

/** Turns records around, so that an answer cannot be taken for its request. */
const ECHO: Play = {
  hello: ({ hello }) => ({ reply: hello.slice().toReversed() }),
  finish: ({ finish }) => ({ record: finish.slice().toReversed() }),
  record: ({ record }) => ({ record: record.slice().toReversed() }),
  status: () => STATUS,
}

async function start(
  t: TestContext,
  play: Play = ECHO,
  options: Partial<HostServerOptions> = {},
): Promise<HostServer & { readonly tee: PlayedTee }> {
  const tee = new PlayedTee(play)
  const server = await startHostServer({ tee, ...options })
  t.after(() => server.close())
  return { ...server, tee }
}

const OCTETS = { 'content-type': 'application/octet-stream' }
function post(url: string, body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = OCTETS): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers })
}

async function refuses(answer: Promise<Response> | Response, status: number, code: ErrorCode): Promise<void> {
  const response = await answer
  assert.equal(response.status, status)
  const { meaning, action } = ERROR_TABLE[code]
  assert.deepEqual(await response.json(), { code, meaning, action })
}

const octetsOf = async (response: Response): Promise<Uint8Array> => {
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/octet-stream')
  return new Uint8Array(await response.arrayBuffer())
}

test('hello and finish are carried as they are, both ways', async (t) => {
  const { url } = await start(t)
  assert.deepEqual(await octetsOf(await post(`${url}/v1/session/hello`, bytes(1, 2, 3))), bytes(3, 2, 1))
  assert.deepEqual(await octetsOf(await post(`${url}/v1/session/finish`, bytes(4, 5))), bytes(5, 4))
})

test('clients of one address have one number, others another', async (t) => {
  const conns: number[] = []
  const play: Play = {
    hello: ({ conn }) => {
      conns.push(conn)
      return { reply: bytes(1) }
    },
  }
  const { url } = await start(t, play, { trustProxy: true })
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.1']) {
    await post(`${url}/v1/session/hello`, bytes(1), { ...OCTETS, 'x-forwarded-for': address })
  }
  assert.deepEqual(conns, [1, 2, 1])
})

test('records are answered each in its place, refused ones with their code', async (t) => {
  const play: Play = {
    record: ({ record }) => {
      if (record[0] === 9) throw new TeeError('SESSION_UNKNOWN')
      return { record: bytes(record[0] ?? 0, 1) }
    },
  }
  const { url } = await start(t, play)
  const path = `${url}/v1/session/records`
  const body = encodeRecords([bytes(1), bytes(9), bytes(3)]) as Uint8Array<ArrayBuffer>
  assert.deepEqual(decodeOutcomes(await octetsOf(await post(path, body))), [
    { record: bytes(1, 1) },
    { code: 'SESSION_UNKNOWN' },
    { record: bytes(3, 1) },
  ])
  await refuses(post(path, encodeRecords([bytes(9)]) as Uint8Array<ArrayBuffer>), 401, 'SESSION_UNKNOWN')
})

test('MESSAGE_MALFORMED: a body of records that is cut, empty or none', async (t) => {
  const { url } = await start(t)
  const whole = encodeRecords([bytes(1, 2, 3), bytes(4)]) as Uint8Array<ArrayBuffer>
  for (const length of [1, 3, 4, 6, 9, 11]) {
    await refuses(post(`${url}/v1/session/records`, whole.slice(0, length)), 400, 'MESSAGE_MALFORMED')
  }
  await refuses(post(`${url}/v1/session/records`, bytes(0x80, 0, 0, 1, 65)), 400, 'MESSAGE_MALFORMED')
  await refuses(post(`${url}/v1/session/records`, bytes()), 400, 'HTTP_BAD_REQUEST')
})

test('the largest record passes; HTTP_TOO_LARGE: 100 MB, whether announced or not', async (t) => {
  const { url } = await start(t)
  const path = `${url}/v1/session/records`
  const largest = new Uint8Array(8 * 1024 * 1024 + 32 * 1024).fill(3)
  largest[0] = 7
  const [outcome] = decodeOutcomes(
    await octetsOf(await post(path, encodeRecords([largest]) as Uint8Array<ArrayBuffer>)),
  )
  assert.ok(outcome !== undefined && 'record' in outcome)
  assert.ok(Buffer.from(outcome.record).equals(Buffer.from(largest).reverse()))

  const { port } = new URL(url)
  const announced = await raw(
    Number(port),
    `POST /v1/session/records HTTP/1.1\r\nhost: a\r\n${octets}content-length: 100000000\r\n\r\n`,
  )
  assert.match(announced, /^HTTP\/1\.1 413 /)
  assert.match(announced, /HTTP_TOO_LARGE/)

  const chunk = new Uint8Array(1024 * 1024)
  let sent = 0
  const stream = new ReadableStream({
    pull(controller) {
      if (sent++ < 100) controller.enqueue(chunk)
      else controller.close()
    },
  })
  const unannounced = fetch(path, { method: 'POST', body: stream, headers: OCTETS, duplex: 'half' })
  // The server stops reading: the client sees the answer, or that the line is cut.
  const seen = await unannounced.then(
    (response) => response.status,
    () => 'cut',
  )
  assert.ok(seen === 413 || seen === 'cut', String(seen))
  assert.ok(sent < 100, 'not everything was read')
})

test('HTTP_TOO_LARGE: small limits for small messages', async (t) => {
  const { url } = await start(t)
  await refuses(post(`${url}/v1/session/hello`, new Uint8Array(2_049)), 413, 'HTTP_TOO_LARGE')
  await refuses(post(`${url}/v1/session/finish`, new Uint8Array(32_769)), 413, 'HTTP_TOO_LARGE')
})

test('HTTP_MEDIA_TYPE: another content type, or none', async (t) => {
  const { url } = await start(t)
  for (const type of ['text/plain', 'application/cbor', 'multipart/form-data; boundary=x']) {
    await refuses(post(`${url}/v1/session/hello`, bytes(1), { 'content-type': type }), 415, 'HTTP_MEDIA_TYPE')
  }
  await refuses(post(`${url}/v1/session/hello`, bytes(1), { 'content-type': '' }), 415, 'HTTP_MEDIA_TYPE')
})

test('HTTP_BAD_REQUEST: JSON that is not UTF-8, not JSON, or not of the schema', async (t) => {
  const { url } = await start(t, { attest: () => ({ evidence: 'a.b.c' }) })
  const json = { 'content-type': 'application/json' }
  const path = `${url}/v1/attest`
  const nonce = encodeBase64url(digest)
  const send = (text: string) => post(path, Buffer.from(text), json)
  assert.deepEqual(await (await send(JSON.stringify({ nonce }))).json(), { evidence: 'a.b.c' })
  const malformed = Buffer.concat([Buffer.from('{"nonce":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
  await refuses(post(path, malformed, json), 400, 'HTTP_BAD_REQUEST')
  for (const text of [
    '{',
    '',
    'null',
    '[]',
    '{}',
    JSON.stringify({ nonce, extra: 1 }),
    JSON.stringify({ nonce: `${nonce}A` }),
    JSON.stringify({ nonce: nonce.slice(1) }),
    JSON.stringify({ nonce: `${nonce.slice(0, 42)}B` }),
  ]) {
    await refuses(send(text), 400, 'HTTP_BAD_REQUEST')
  }
  await refuses(post(path, bytes(1)), 400, 'HTTP_BAD_REQUEST')
})

test('the identity key is exchanged by whoever has the operator’s token: REQUEST_REJECTED, and no path without a token', async (t) => {
  const token = 'operator-of-the-record-server-0123456789'
  const identity: Play = { 'next-identity': () => ({ identityKey: new Uint8Array(65).fill(4), handover: digest }) }
  const ask = (url: string, given: string) =>
    fetch(`${url}/v1/identity/next`, { method: 'POST', headers: { authorization: `Bearer ${given}` } })
  const { url } = await start(t, identity, { operatorToken: token })
  assert.deepEqual(await (await ask(url, token)).json(), {
    identityKey: encodeBase64url(new Uint8Array(65).fill(4)),
    handover: encodeBase64url(digest),
  })
  await refuses(ask(url, `${token}x`), 401, 'REQUEST_REJECTED')
  await refuses(ask((await start(t, identity)).url, token), 404, 'HTTP_NOT_FOUND')
})

test('a configuration update is carried as it is, and so is its refusal', async (t) => {
  const configDigest = new Uint8Array(32).fill(7)
  const play: Play = {
    reconfigure: ({ update }) => {
      if (update.length === 1) throw new TeeError('LEDGER_CONFIGURATION_REJECTED')
      return { configDigest, sequence: update.length }
    },
  }
  const { url } = await start(t, play, { limits: { updatesPerMinute: 6 } })
  const path = `${url}/v1/configurations`
  const answer = await post(path, bytes(1, 2, 3))
  assert.deepEqual([answer.status, await answer.json()], [200, { configDigest: '07'.repeat(32), sequence: 3 }])
  await refuses(post(path, bytes(1)), 403, 'LEDGER_CONFIGURATION_REJECTED')
  await refuses(post(path, bytes()), 400, 'HTTP_BAD_REQUEST')
  await refuses(post(path, bytes(1), { 'content-type': 'text/plain' }), 415, 'HTTP_MEDIA_TYPE')
  await refuses(post(path, new Uint8Array(2 * 1024 * 1024 + 1)), 413, 'HTTP_TOO_LARGE')
  assert.equal((await post(path, bytes(1, 2))).status, 200)
  await refuses(post(path, bytes(1, 2)), 429, 'HTTP_RATE_LIMITED')
})

test('proofs: inclusion or consistency, not half of each', async (t) => {
  const asked: unknown[] = []
  const play: Play = {
    proof: (request) => {
      asked.push(request)
      return { proof: [digest] }
    },
    checkpoint: () => ({ checkpoint: 'note\n' }),
  }
  const { url } = await start(t, play)
  const answer = await fetch(`${url}/v1/proof?index=3&size=8`)
  assert.deepEqual(await answer.json(), { proof: [encodeBase64url(digest)] })
  await fetch(`${url}/v1/proof?from=3&to=8`)
  assert.deepEqual(asked, [
    { index: 3, size: 8 },
    { from: 3, to: 8 },
  ])
  for (const query of [
    '',
    '?index=3',
    '?index=3&to=8',
    '?index=3&size=8&from=1',
    '?index=-1&size=8',
    '?index=x&size=8',
    '?index=1&size=2&z=1',
    '?index=1.5&size=2',
    '?index=1&size=9007199254740993',
  ]) {
    await refuses(fetch(`${url}/v1/proof${query}`), 400, 'HTTP_BAD_REQUEST')
  }
  const checkpoint = await fetch(`${url}/v1/checkpoint`)
  assert.equal(await checkpoint.text(), 'note\n')
  assert.match(checkpoint.headers.get('content-type') ?? '', /^text\/plain/)
})

test('refusals of the trusted application have the status of their kind', async (t) => {
  const codes: readonly (readonly [ErrorCode, number])[] = [
    ['SESSION_TOO_MANY_HALF_OPEN', 503],
    ['TEE_BUSY', 503],
    ['CREDENTIAL_REJECTED', 403],
    ['SESSION_UNKNOWN', 401],
    ['SESSION_RECORD_REJECTED', 422],
    ['CBOR_MALFORMED', 400],
    ['TEE_FAULT', 500],
  ]
  let code: ErrorCode = 'TEE_BUSY'
  const { url } = await start(t, {
    hello: () => {
      throw new TeeError(code)
    },
  })
  for (const [refusal, status] of codes) {
    code = refusal
    const answer = await post(`${url}/v1/session/hello`, bytes(1))
    assert.equal(answer.headers.get('retry-after'), status === 503 ? '1' : null)
    await refuses(answer, status, refusal)
  }
})

test('SERVICE_FAULT: a fault of ours says nothing about itself, in the answer or in the log', async (t) => {
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const play: Play = {
    hello: () => {
      throw new Error('the secret p-0123 of a patient')
    },
  }
  const { url } = await start(t, play, { logger })
  await refuses(post(`${url}/v1/session/hello`, Buffer.from('content-of-the-body')), 500, 'SERVICE_FAULT')
  await refuses(fetch(`${url}/v1/nothing/p-0123?name=alice`), 404, 'HTTP_NOT_FOUND')
  const log = lines.join('')
  assert.match(log, /"route":"\/v1\/session\/hello","status":500/)
  for (const secret of ['secret', 'p-0123', 'content-of-the-body', 'alice', '127.0.0.1"']) {
    assert.ok(!log.includes(secret), secret)
  }
})

test('HTTP_RATE_LIMITED: handshakes of one address, then its requests; health is always answered', async (t) => {
  const { url } = await start(t, ECHO, { limits: { handshakesPerMinute: 2, requestsPerMinute: 5 } })
  const hello = () => post(`${url}/v1/session/hello`, bytes(1))
  for (let i = 0; i < 2; i++) await octetsOf(await hello())
  const refused = await hello()
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  await refuses(refused, 429, 'HTTP_RATE_LIMITED')
  for (let i = 0; i < 5; i++) assert.equal((await fetch(`${url}/v1/status`)).status, 200)
  await refuses(fetch(`${url}/v1/status`), 429, 'HTTP_RATE_LIMITED')
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`${url}/health/live`)).status, 200)
})

test('TEE_BUSY: more bytes at once than fit, and room again when they are answered', async (t) => {
  const held = holdRecords()
  const { url } = await start(t, { record: held.record }, { limits: { bytesAtOnce: 1_000 } })
  const send = () => post(`${url}/v1/session/records`, encodeRecords([new Uint8Array(600)]) as Uint8Array<ArrayBuffer>)
  for (let round = 0; round < 2; round++) {
    const first = send()
    const release = await held.next()
    await refuses(send(), 503, 'TEE_BUSY')
    release()
    await octetsOf(await first)
  }
})

test('who hangs up while the trusted application works gives back the room', async (t) => {
  const held = holdRecords()
  const { url } = await start(t, { record: held.record }, { limits: { bytesAtOnce: 1_000 } })
  const body = encodeRecords([new Uint8Array(600)]) as Uint8Array<ArrayBuffer>
  const hangUp = new AbortController()
  const gone = fetch(`${url}/v1/session/records`, { method: 'POST', body, headers: OCTETS, signal: hangUp.signal })
  await held.next()
  hangUp.abort()
  await assert.rejects(gone)
  // The server hears of it when its socket closes: until then it is busy.
  for (;;) {
    const next = post(`${url}/v1/session/records`, body)
    const release = await Promise.race([held.next(), next.then(() => undefined)])
    if (release === undefined) continue
    release()
    await octetsOf(await next)
    break
  }
})

test('a client that sends its request too slowly is hung up on', async (t) => {
  const { url } = await start(t, ECHO, { limits: { requestMs: 60 } })
  const { port } = new URL(url)
  for (const beginning of [
    'POST /v1/session/hello HTTP/1.1\r\nhost: a\r\n',
    `POST /v1/session/hello HTTP/1.1\r\nhost: a\r\n${octets}content-length: 100\r\n\r\nabc`,
  ]) {
    // On a busy machine the connection's own time may be over first, which ends it without an answer.
    assert.match(await raw(Number(port), beginning), /^(?:HTTP\/1\.1 4\d\d |$)/)
  }
})

test('what is no HTTP is answered in a few bytes', async (t) => {
  const { url } = await start(t)
  const { port } = new URL(url)
  const answer = await raw(Number(port), '\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.match(answer, /HTTP_BAD_REQUEST/)
  assert.match(await raw(Number(port), `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 400 /)
})

test('status tells what runs, also when it does not', async (t) => {
  const server = await start(t, ECHO, { supplicant: () => ({ followedBlock: 7, needs: 1, watched: 2 }) })
  const read = async () => (await (await fetch(`${server.url}/v1/status`)).json()) as Record<string, unknown>
  const status = await read()
  assert.equal(status['state'], 'serving')
  assert.equal(status['measurement'], '09'.repeat(32))
  assert.deepEqual(status['log'], { size: 5, epoch: 2 })
  assert.deepEqual(status['ledger'], { followedBlock: 7, reads: 1, watched: 2 })
  server.tee.state = 'starting'
  assert.equal((await read())['state'], 'starting')
  server.tee.state = 'failed'
  server.tee.failure = 'STATE_ROLLED_BACK'
  assert.deepEqual(await read(), {
    state: 'failed',
    failure: 'STATE_ROLLED_BACK',
    tee: 'test',
    restarts: 2,
    isolation: ['own-process'],
    ledger: { followedBlock: 7, reads: 1, watched: 2 },
  })
})

test('ready is: the trusted application serves', async (t) => {
  let state: 'serving' | 'recovering' = 'recovering'
  const server = await start(t, { status: () => ({ ...STATUS, state }) })
  const ready = async (): Promise<number> => (await fetch(`${server.url}/health/ready`)).status
  assert.equal(await ready(), 503)
  state = 'serving'
  assert.equal(await ready(), 200)
  server.tee.state = 'starting'
  assert.equal(await ready(), 503)
  assert.equal((await fetch(`${server.url}/health/live`)).status, 200)
})

test('metrics count by route, operation and code, and name nobody', async (t) => {
  const { url } = await start(t, {
    ...ECHO,
    finish: () => {
      throw new TeeError('CREDENTIAL_REJECTED')
    },
  })
  await post(`${url}/v1/session/hello`, bytes(1))
  await post(`${url}/v1/session/finish`, bytes(1))
  await fetch(`${url}/v1/nothing-p-0123`)
  const answer = await fetch(`${url}/metrics`)
  const text = await answer.text()
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/)
  assert.match(text, /trusthealth_http_seconds_count\{route="\/v1\/session\/hello",status="200"\} 1/)
  assert.match(text, /trusthealth_http_seconds_count\{route="none",status="404"\} 1/)
  assert.match(text, /trusthealth_tee_seconds_count\{op="finish",code="CREDENTIAL_REJECTED"\} 1/)
  assert.match(text, /trusthealth_tee_restarts 2/)
  assert.ok(!text.includes('p-0123') && !text.includes('127.0.0.1'))
})

test('the API description has every route, and is OpenAPI 3.1', async (t) => {
  const { url } = await start(t)
  const api = (await (await fetch(`${url}/openapi.json`)).json()) as {
    openapi: string
    paths: Record<string, Record<string, { requestBody?: { content: object } }>>
  }
  assert.equal(api.openapi, '3.1.0')
  assert.deepEqual(Object.keys(api.paths).toSorted(), [
    '/health/live',
    '/health/ready',
    '/v1/attest',
    '/v1/checkpoint',
    '/v1/configurations',
    '/v1/proof',
    '/v1/session/finish',
    '/v1/session/hello',
    '/v1/session/records',
    '/v1/status',
  ])
  const hello = api.paths['/v1/session/hello']?.['post']
  assert.deepEqual(Object.keys(hello?.requestBody?.content ?? {}), ['application/octet-stream'])
})

test('only listed web origins may read answers', async (t) => {
  const { url } = await start(t, ECHO, { origins: ['https://portal.example'] })
  const from = (origin: string) =>
    fetch(`${url}/v1/session/hello`, { method: 'POST', body: bytes(1), headers: { ...OCTETS, origin } })
  assert.equal(
    (await from('https://portal.example')).headers.get('access-control-allow-origin'),
    'https://portal.example',
  )
  assert.equal((await from('https://elsewhere.example')).headers.get('access-control-allow-origin'), null)
  const preflight = await fetch(`${url}/v1/session/hello`, {
    method: 'OPTIONS',
    headers: { origin: 'https://portal.example' },
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://portal.example')
})

test('a stop finishes what is under way and takes nothing new', async (t) => {
  const held = holdRecords()
  const server = await start(t, { record: held.record })
  // A connection of its own that is open before the stop.
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  const body = encodeRecords([bytes(1)]) as Uint8Array<ArrayBuffer>
  const under = post(`${server.url}/v1/session/records`, body)
  const release = await held.next()
  const closing = server.close()
  const late = raw(Number(port), 'GET /v1/status HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', socket)
  assert.match(await late, /SERVER_STOPPING/)
  release()
  assert.deepEqual(decodeOutcomes(await octetsOf(await under)), [{ record: bytes(8) }])
  await closing
  await assert.rejects(fetch(`${server.url}/health/live`))
})

/** Records that are answered when the test says so, in the order they came. */
function holdRecords() {
  const arrived: (() => void)[] = []
  const asking: ((release: () => void) => void)[] = []
  return {
    record: () =>
      new Promise<{ record: Uint8Array }>((resolve) => {
        const release = (): void => resolve({ record: bytes(8) })
        const next = asking.shift()
        if (next === undefined) arrived.push(release)
        else next(release)
      }),
    /** What releases the next record that comes, or came. */
    next: (): Promise<() => void> =>
      new Promise((resolve) => {
        const release = arrived.shift()
        if (release === undefined) asking.push(resolve)
        else resolve(release)
      }),
  }
}

const octets = 'content-type: application/octet-stream\r\n'

/** Sends text and gives what came until the server hung up. */
async function raw(port: number, text: string, socket = connect(port, '127.0.0.1')): Promise<string> {
  let answer = ''
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part))
  socket.on('error', () => undefined)
  socket.write(text, 'latin1')
  if (text.includes('content-length: 100000000')) {
    // The server answers and leaves the body unread.
    while (!answer.includes('HTTP_TOO_LARGE') && !socket.destroyed)
      await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
  }
  if (!socket.closed) await once(socket, 'close')
  return answer
}
