import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import websocket from '@fastify/websocket'
import fastify from 'fastify'
import { WebSocket } from 'ws'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { encodeCommitGroup, type CommitGroup } from '../../shared/ledger-model/src/index.ts'
import { newId, newRecordId, newRef, ProtocolError, type Kid, type Sha256Hex } from '../../shared/protocol/src/index.ts'
import { registerCommitmentStream, STREAM_PATH, type CommitmentStreamParts } from './commitment-stream.ts'
import type { Caller } from './request-auth.ts'

const crypto = createNodeCrypto()
const caller: Caller = { ref: newRef(crypto, 'd'), role: 'practitioner', kid: 'k' as Kid, sealKey: new Uint8Array(32) }

function group(): CommitGroup {
  const digest = encodeHex(crypto.randomBytes(32)) as Sha256Hex
  const item = {
    recordId: newRecordId(crypto, 1_800_000_000_000),
    version: 1,
    patientTag: digest,
    doctorTag: digest,
    ehrHash: digest,
    warrantHash: digest,
    previous: '',
  } as const
  return { author: caller.ref as CommitGroup['author'], signature: encodeBase64url(new Uint8Array(64)), items: [item] }
}

const ask = (id: number, one = group()): string => `{"id":${id},"group":${encodeCommitGroup(one)}}`
const place = { batchId: newId(crypto, 'b'), index: 0, txId: 'ab'.repeat(32), block: 3 }

/** A stream, with a way to read its messages one by one. */
async function open(t: TestContext, parts: Partial<CommitmentStreamParts> = {}) {
  const faults: unknown[] = []
  const server = fastify()
  await server.register(websocket)
  registerCommitmentStream(server, {
    commit: () => Promise.resolve(place),
    authenticate: (authorization) =>
      authorization === 'TrustHealth good'
        ? Promise.resolve(caller)
        : Promise.reject(new ProtocolError('REQUEST_REJECTED', 'no')),
    onFault: (error) => faults.push(error),
    ...parts,
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const socket = new WebSocket(`${url.replace('http', 'ws')}${STREAM_PATH}`)
  t.after(async () => {
    socket.terminate()
    await server.close()
  })
  const messages: unknown[] = []
  let arrived = (): void => undefined
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()))
    arrived()
  })
  const closed = once(socket, 'close').then(([code]) => code as number)
  await once(socket, 'open')
  return {
    socket,
    faults,
    closed,
    next: async (): Promise<unknown> => {
      while (messages.length === 0) await new Promise<void>((resolve) => (arrived = resolve))
      return messages.shift()
    },
  }
}

test('who opened the stream is asked once; each group gets its own answer, in any order', async (t) => {
  const seen: CommitGroup[] = []
  const first = Promise.withResolvers<typeof place>()
  const { socket, next } = await open(t, {
    commit: (who, one) => {
      assert.equal(who, caller)
      seen.push(one)
      return seen.length === 1 ? first.promise : Promise.resolve({ ...place, index: 7 })
    },
  })
  const [one, two] = [group(), group()]
  // Sent before the answer to the opening: nothing of it is lost.
  socket.send('TrustHealth good')
  socket.send(ask(1, one))
  socket.send(ask(2, two))
  assert.deepEqual(await next(), { ok: true })
  assert.deepEqual(await next(), { id: 2, ...place, index: 7 })
  first.resolve(place)
  assert.deepEqual(await next(), { id: 1, ...place })
  assert.deepEqual(seen, [one, two])
})

test('without a signed request there is no stream', async (t) => {
  let commits = 0
  const commit = () => Promise.resolve({ ...place, index: commits++ })
  for (const opening of ['TrustHealth bad', ask(1), Buffer.from('TrustHealth good')]) {
    const { socket, closed } = await open(t, { commit })
    socket.send(opening)
    socket.send(ask(1))
    assert.equal(await closed, 1008)
  }
  assert.equal(commits, 0)
})

test('a refusal has its code; a fault of the service is told to the operator, not to the client', async (t) => {
  const errors = [new ProtocolError('PARTICIPANT_SUSPENDED', 'no'), new Error('something with contents')]
  const { socket, next, faults } = await open(t, { commit: () => Promise.reject(errors.shift() ?? new Error('more')) })
  socket.send('TrustHealth good')
  await next()
  socket.send(ask(1))
  assert.deepEqual(await next(), { id: 1, code: 'PARTICIPANT_SUSPENDED' })
  socket.send(ask(2))
  assert.deepEqual(await next(), { id: 2, code: 'SERVICE_FAULT' })
  assert.equal(faults.length, 1)
})

for (const [name, message] of [
  ['text that is no JSON', 'x'],
  ['a group without a signature', JSON.stringify({ id: 1, group: { ...group(), signature: undefined } })],
  ['a member too many', JSON.stringify({ id: 1, group: group(), more: 1 })],
  ['bytes', Buffer.from(ask(1))],
] as const) {
  test(`${name} ends the stream`, async (t) => {
    let commits = 0
    const { socket, next, closed } = await open(t, { commit: () => Promise.resolve({ ...place, index: commits++ }) })
    socket.send('TrustHealth good')
    await next()
    socket.send(message)
    assert.equal(await closed, 1008)
    assert.equal(commits, 0)
  })
}

test('a stream that brings groups nobody signed is ended', async (t) => {
  let commits = 0
  const { socket, closed } = await open(t, {
    commit: () => {
      commits++
      return Promise.reject(new ProtocolError('COMMIT_SIGNATURE_INVALID', 'no'))
    },
  })
  socket.send('TrustHealth good')
  for (let id = 1; id <= 8; id++) socket.send(ask(id))
  assert.equal(await closed, 1008)
  assert.equal(commits, 8)
})

test('groups that wait are bounded', async (t) => {
  const { socket, next } = await open(t, { commit: () => new Promise(() => undefined) })
  socket.send('TrustHealth good')
  await next()
  const text = encodeCommitGroup(group())
  for (let id = 1; id <= 4_097; id++) socket.send(`{"id":${id},"group":${text}}`)
  assert.deepEqual(await next(), { id: 4_097, code: 'LEDGER_BUSY' })
})
