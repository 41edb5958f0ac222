/**
 * Sessions through the real HTTP server, with a host that is honest, careless or malicious. The trusted side is the
 * real session table; only the commands behind it are a stand-in that answers what it was asked.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { startHostServer } from '../../host/server/src/index.ts'
import { PlayedTee, type Play } from '../../host/server/test-fixtures/played-tee.ts'
import { SessionTable } from '../../secure/core/src/sessions/index.ts'
import type { ErrorCode } from '../../shared/protocol/src/error-table.ts'
import { ProtocolError } from '../../shared/protocol/src/errors.ts'
import {
  decodeOutcomes,
  encodeRecords,
  startHandshake,
  type ClientSession,
  type SigningClientIdentity,
} from '../../shared/protocol/src/session/index.ts'
import { NOW, openSessionWorld } from '../../testkit/src/session-world.ts'
import { TeeError } from '../../tee/src/errors.ts'

const world = openSessionWorld()
const doctor = world.participant('doctor')
const hospital = world.participant('hospital')
const patient = world.patient(hospital)

async function openHost(t: TestContext, change: (play: Required<Pick<Play, 'record'>>) => Play = (play) => play) {
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const asTee = <T>(step: () => T): T => {
    try {
      return step()
    } catch (error) {
      if (error instanceof ProtocolError) throw new TeeError(error.code)
      throw error
    }
  }
  const record: Required<Play>['record'] = ({ record: frame }) =>
    asTee(() => {
      const { session, seq, request } = table.openRecord(frame, NOW)
      return { record: table.sealAnswer(session, seq, { ok: true, request, ref: session.client.ref }) }
    })
  const tee = new PlayedTee({
    hello: ({ hello, conn }) => asTee(() => ({ reply: table.hello(hello, conn, NOW) })),
    finish: ({ finish }) =>
      asTee(() => ({
        record: table.completeFinish(table.finish(finish, NOW), world.facts([doctor, hospital]), NOW).record,
      })),
    ...change({ record }),
  })
  const server = await startHostServer({ tee })
  t.after(() => server.close())
  return { url: server.url, table }
}

async function post(url: string, body: Uint8Array): Promise<Uint8Array> {
  const headers = { 'content-type': 'application/octet-stream' }
  const response = await fetch(url, { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer> })
  if (response.ok) return new Uint8Array(await response.arrayBuffer())
  const { code } = (await response.json()) as { code: ErrorCode }
  throw new ProtocolError(code, 'refused by the host')
}

async function connect(url: string, identity: SigningClientIdentity): Promise<ClientSession> {
  const pending = startHandshake(world.crypto)
  const reply = await post(`${url}/v1/session/hello`, pending.hello)
  const unconfirmed = pending.complete(reply, world.check, identity)
  return unconfirmed.confirm(await post(`${url}/v1/session/finish`, unconfirmed.finish), 0)
}

test('a doctor and a patient talk to the trusted side through the host', async (t) => {
  const { url } = await openHost(t)
  for (const identity of [doctor.identity, patient.identity]) {
    const session = await connect(url, identity)
    const sealed = [1, 2, 3].map((i) => session.sealRequest({ cmd: 'ping', i }, 0))
    const body = await post(`${url}/v1/session/records`, encodeRecords(sealed.map(({ frame }) => frame)))
    decodeOutcomes(body).forEach((outcome, i) => {
      assert.ok('record' in outcome)
      const { seq } = sealed[i] as (typeof sealed)[number]
      assert.deepEqual(session.openAnswer(seq, outcome.record), {
        ok: true,
        ref: identity.ref,
        request: { cmd: 'ping', i: i + 1 },
      })
    })
  }
})

test('a stream carries a thousand requests of two sessions, and every answer finds its request', async (t) => {
  const { url } = await openHost(t)
  const sessions = [await connect(url, doctor.identity), await connect(url, patient.identity)]
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session/stream`)
  t.after(() => socket.terminate())
  await once(socket, 'open')
  let left = 1_000
  const done = new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      try {
        const session = sessions.find(({ sid }) => data.subarray(0, 16).toString('hex') === sid)
        const { seq, answer } = session?.openNext(data) ?? {}
        assert.deepEqual((answer as { request: unknown }).request, { cmd: 'ping', n: seq })
        if (--left === 0) resolve()
      } catch (error) {
        reject(error)
      }
    })
  })
  for (let n = 1; n <= 500; n++) {
    for (const session of sessions) socket.send(session.sealRequest({ cmd: 'ping', n }, 0).frame)
  }
  await done
})

test('a host that repeats a request gets nothing done twice', async (t) => {
  const { url } = await openHost(t)
  const session = await connect(url, doctor.identity)
  const { frame } = session.sealRequest({ cmd: 'ping' }, 0)
  const path = `${url}/v1/session/records`
  await post(path, encodeRecords([frame]))
  await assert.rejects(post(path, encodeRecords([frame])), { code: 'SESSION_REPLAY' })
})

test('a host that gives the answer to another request, or an old one, is found out', async (t) => {
  const seen: Uint8Array[] = []
  const { url } = await openHost(t, ({ record }) => ({
    record: async (request) => {
      const { record: answer } = await record(request)
      seen.push(answer)
      return { record: seen[0] ?? answer }
    },
  }))
  const session = await connect(url, doctor.identity)
  const ask = async () => {
    const { seq, frame } = session.sealRequest({ cmd: 'ping' }, 0)
    const [outcome] = decodeOutcomes(await post(`${url}/v1/session/records`, encodeRecords([frame])))
    assert.ok(outcome !== undefined && 'record' in outcome)
    return session.openAnswer(seq, outcome.record)
  }
  await ask()
  await assert.rejects(ask, { code: 'SESSION_RECORD_REJECTED' })
})

test('a host that stands between as a server of its own is found out before anything is sent', async (t) => {
  const elsewhere = openSessionWorld(world.crypto)
  const table = new SessionTable(world.crypto, elsewhere.server, elsewhere.organizations)
  const { url } = await openHost(t, (play) => ({
    ...play,
    hello: ({ hello, conn }) => ({ reply: table.hello(hello, conn, NOW) }),
  }))
  await assert.rejects(connect(url, doctor.identity), { code: 'SESSION_SERVER_SIGNATURE' })
})

test('the host sees neither who connects nor what is asked', async (t) => {
  const carried: Uint8Array[] = []
  const { url } = await openHost(t, ({ record }) => ({
    record: async (request) => {
      carried.push(request.record)
      const answer = await record(request)
      carried.push(answer.record)
      return answer
    },
  }))
  const pending = startHandshake(world.crypto)
  const reply = await post(`${url}/v1/session/hello`, pending.hello)
  const unconfirmed = pending.complete(reply, world.check, patient.identity)
  const session = unconfirmed.confirm(await post(`${url}/v1/session/finish`, unconfirmed.finish), 0)
  const { frame } = session.sealRequest({ cmd: 'record.read', secret: 'penicillin-canary' }, 0)
  await post(`${url}/v1/session/records`, encodeRecords([frame]))
  carried.push(pending.hello, reply, unconfirmed.finish)
  assert.equal(carried.length, 5)
  for (const bytes of carried) {
    const text = Buffer.from(bytes).toString('latin1')
    for (const secret of [patient.ref, hospital.ref, 'record.read', 'penicillin-canary']) {
      assert.ok(!text.includes(secret), secret)
    }
  }
})
