import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { parseRequestStatement } from '../../../shared/protocol/src/request.ts'
import { newId, newRecordId, newRef, type AuthorRef, type Commitment } from '../../../shared/protocol/src/index.ts'
import { CommitmentStream } from './commitment-stream.ts'
import { createKeys, signerOf } from './identity.ts'
import type { Socket } from './stream-transport.ts'

const crypto = createNodeCrypto()
const author = newRef(crypto, 'd') as AuthorRef
const digest = crypto.randomBytes(32)
const commitment: Commitment = {
  recordId: newRecordId(crypto, 1_800_000_000_000),
  version: 1,
  patientTag: digest,
  doctorTag: digest,
  ehrHash: digest,
  warrantHash: digest,
  previous: new Uint8Array(),
}
const place = { batchId: newId(crypto, 'b'), index: 0, txId: 'ab'.repeat(32), block: 3 }
const unavailable = { code: 'SERVER_UNAVAILABLE' }

type Listener = (event: { readonly data: unknown }) => void

/** A socket whose other side is the test. */
class ScriptedSocket implements Socket {
  binaryType = ''
  isClosed = false
  readonly sent: string[] = []
  readonly #listeners = new Map<string, Listener>()
  send(data: Uint8Array | string): void {
    this.sent.push(String(data))
  }
  close(): void {
    this.isClosed = true
    this.say('close')
  }
  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener)
  }
  say(type: string, data?: unknown): void {
    this.#listeners.get(type)?.({ data })
  }
}

function open() {
  const sockets: ScriptedSocket[] = []
  const stream = new CommitmentStream({
    crypto,
    clock: { nowMs: () => 1_800_000_000_000, monotonicMs: () => 0 },
    url: 'https://hospital.example',
    as: { ref: author, signer: signerOf(crypto, createKeys(crypto).signingKey) },
    openSocket: (url) => {
      assert.equal(url, 'wss://hospital.example/v1/commitments/stream')
      const socket = new ScriptedSocket()
      sockets.push(socket)
      return socket
    },
  })
  const commit = () => stream.commit(author, new Uint8Array(64), [commitment])
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  /** Lets the stream open, and gives its other side. */
  const accept = async (): Promise<ScriptedSocket> => {
    await turn()
    const socket = sockets.at(-1) as ScriptedSocket
    socket.say('open')
    socket.say('message', '{"ok":true}')
    await turn()
    return socket
  }
  return { stream, sockets, commit, accept, turn }
}

test('it says once who opens it, and sends groups after that', async () => {
  const { commit, accept, sockets } = open()
  const places = [commit(), commit()]
  const socket = await accept()
  assert.equal(sockets.length, 1)
  const [opening, ...requests] = socket.sent
  const { payload } = parseRequestStatement(opening)
  assert.deepEqual([payload.iss, payload.method, payload.path], [author, 'GET', '/v1/commitments/stream'])
  assert.deepEqual(
    requests.map((request) => (JSON.parse(request) as { id: number }).id),
    [1, 2],
  )
  socket.say('message', JSON.stringify({ id: 2, ...place, index: 5 }))
  socket.say('message', JSON.stringify({ id: 1, code: 'PARTICIPANT_SUSPENDED' }))
  await assert.rejects(places[0] as Promise<unknown>, { code: 'PARTICIPANT_SUSPENDED' })
  assert.deepEqual(await places[1], { ...place, index: 5 })
})

test('when it is lost nobody knows what became of the groups; the next one opens another', async () => {
  const { commit, accept, sockets } = open()
  const lost = commit()
  const first = await accept()
  first.say('close')
  await assert.rejects(lost, unavailable)
  const again = commit()
  const second = await accept()
  assert.equal(sockets.length, 2)
  second.say('message', JSON.stringify({ id: 2, ...place }))
  assert.deepEqual(await again, place)
})

test('a hospital that refuses the stream is unavailable', async () => {
  const { commit, sockets, turn } = open()
  const refused = commit()
  await turn()
  sockets[0]?.say('close')
  await assert.rejects(refused, unavailable)
})

for (const [name, message] of [
  ['an answer that nobody waits for', JSON.stringify({ id: 9, ...place })],
  ['an answer without a place', '{"id":1}'],
  ['text that is no JSON', '{'],
  ['bytes', new ArrayBuffer(8)],
] as const) {
  test(`${name} ends the stream`, async () => {
    const { commit, accept } = open()
    const waiting = commit()
    const socket = await accept()
    socket.say('message', message)
    await assert.rejects(waiting, unavailable)
    assert.ok(socket.isClosed)
  })
}
