/**
 * Every message of the handshake changed on the way, by whoever carries it: no session comes of it, and nothing that
 * somebody may read later. docs/protocol/05 §5.1 to §5.6, §5.8.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DoctorClient, Transport } from '../../clients/sdk/src/index.ts'
import {
  decodeHello,
  decodeReply,
  encodeHello,
  encodeReply,
  startHandshake,
} from '../../shared/protocol/src/session/index.ts'
import { openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

type Alter = (message: Uint8Array) => Uint8Array
interface Wire {
  readonly hello?: Alter
  readonly reply?: Alter
  readonly finish?: Alter
  readonly confirmation?: Alter
}

/** Alice's client with somebody on the wire. */
async function aliceOver(wire: Wire): Promise<DoctorClient> {
  const { world } = scene
  const honest = world.transport()
  const same: Alter = (message) => message
  const transport: Transport = {
    hello: async (message) => (wire.reply ?? same)(await honest.hello((wire.hello ?? same)(message.slice()))),
    finish: async (message) => (wire.confirmation ?? same)(await honest.finish((wire.finish ?? same)(message.slice()))),
    record: (message) => honest.record(message),
    close: () => honest.close(),
  }
  return await world.doctor('alice', {}, { transport })
}

const refused = async (wire: Wire, ...codes: readonly string[]) =>
  assert.rejects((await aliceOver(wire)).session.request('ping'), refusedWith(...codes))

/** Flips one bit; places below 0 count from the end. */
function flip(place: number): Alter {
  return (message) => {
    const altered = message.slice()
    const at = place < 0 ? altered.length + place : place
    altered[at] = (altered[at] as number) ^ 1
    return altered
  }
}

/** The last character of base64url may be one of four, which A and Q are. */
function otherEnd(text: string): string {
  return text.slice(0, -1) + (text.endsWith('A') ? 'Q' : 'A')
}

test('a hello with any part changed: the reply is to another hello', async () => {
  const { crypto } = scene.world
  const change =
    (member: 'x' | 'nonce'): Alter =>
    (message) =>
      encodeHello({ ...decodeHello(message), [member]: crypto.generateAgreementKey().publicKey })
  await refused({ hello: change('x') }, 'SESSION_SERVER_SIGNATURE')
  await refused({ hello: change('nonce') }, 'SESSION_SERVER_SIGNATURE')
  await refused({ hello: () => startHandshake(crypto).hello }, 'SESSION_SERVER_SIGNATURE')
})

test('a hello that is no hello is refused by the server', async () => {
  await refused({ hello: (message) => message.slice(0, -1) }, 'CBOR_MALFORMED')
  await refused({ hello: () => Uint8Array.of(0xa0) }, 'MESSAGE_MALFORMED')
  await refused({ hello: (message) => encodeHello({ ...decodeHello(message), v: 2 as 1 }) }, 'MESSAGE_MALFORMED')
})

/** The core ends with the server's reference, in hexadecimal: another one, in its form. */
function ofAnotherServer(core: Uint8Array): Uint8Array {
  const other = core.slice()
  const digit = '0'.charCodeAt(0)
  other[other.length - 1] = other.at(-1) === digit ? digit + 1 : digit
  return other
}

test('keys that make a weak exchange, or are none, are refused by the server', async () => {
  const withX =
    (x: Uint8Array): Alter =>
    (message) =>
      encodeHello({ ...decodeHello(message), x })
  await refused({ hello: withX(new Uint8Array(32)) }, 'SESSION_WEAK_SHARED_SECRET')
  await refused({ hello: withX(Uint8Array.of(1, ...new Uint8Array(31))) }, 'SESSION_WEAK_SHARED_SECRET')
  const kem = new Uint8Array(1_184).fill(0xff)
  await refused({ hello: (message) => encodeHello({ ...decodeHello(message), kem }) }, 'CRYPTO_BAD_KEY')
})

test('a reply with any part changed is refused before the client says who it is', async () => {
  const change =
    (alter: (reply: ReturnType<typeof decodeReply>) => object): Alter =>
    (message) => {
      const reply = decodeReply(message)
      return encodeReply({ ...reply, ...alter(reply) })
    }
  let finishes = 0
  const finish: Alter = (message) => {
    finishes++
    return message
  }
  const cases: readonly (readonly [Alter, string])[] = [
    [change(({ core }) => ({ core: ofAnotherServer(core) })), 'SESSION_SERVER_SIGNATURE'],
    [change(({ core }) => ({ core: flip(60)(core) })), 'SESSION_SERVER_SIGNATURE'],
    [change(({ sig }) => ({ sig: flip(5)(sig) })), 'SESSION_SERVER_SIGNATURE'],
    [change(({ evidence }) => ({ evidence: otherEnd(evidence) })), 'SESSION_SERVER_SIGNATURE'],
    [change(({ mac }) => ({ mac: flip(0)(mac) })), 'SESSION_SERVER_CONFIRMATION'],
    [(message) => message.slice(0, -1), 'CBOR_MALFORMED'],
    [() => Uint8Array.of(0xa0), 'MESSAGE_MALFORMED'],
  ]
  for (const [reply, code] of cases) await refused({ reply, finish }, code)
  assert.equal(finishes, 0)
})

test('a finish whose box was changed, or that is of another session, is refused by the server', async () => {
  await refused({ finish: flip(30) }, 'SESSION_FINISH_REJECTED')
  await refused({ finish: (message) => message.slice(0, -1) }, 'CBOR_MALFORMED')
  let other: Uint8Array | undefined
  await refused({ finish: flip(30), confirmation: (message) => message }, 'SESSION_FINISH_REJECTED')
  const first = await aliceOver({
    finish: (message) => {
      other = message.slice()
      return message
    },
  })
  await first.session.request('ping')
  await refused({ finish: () => other as Uint8Array }, 'SESSION_UNKNOWN')
})

test('an answer to the finish that was changed, left out or replayed opens no session for the client', async () => {
  await refused({ confirmation: flip(-1) }, 'SESSION_RECORD_REJECTED')
  await refused({ confirmation: flip(0) }, 'SESSION_RECORD_REJECTED', 'SESSION_UNKNOWN')
  await refused({ confirmation: flip(23) }, 'SESSION_RECORD_REJECTED')
  await refused({ confirmation: () => new Uint8Array() }, 'SESSION_RECORD_REJECTED')
  let earlier: Uint8Array | undefined
  const keep: Alter = (message) => (earlier = message.slice())
  await (await aliceOver({ confirmation: keep })).session.request('ping')
  await refused({ confirmation: () => earlier as Uint8Array }, 'SESSION_RECORD_REJECTED')
})

test('a half-open session ends after its time', async () => {
  const { world } = scene
  const wire: Wire = {
    finish: (message) => {
      world.clock.advanceMs(10_001)
      return message
    },
  }
  await refused(wire, 'SESSION_UNKNOWN')
})

test('more half-open sessions than there is room for: nobody crowds out who holds one', async () => {
  const { world } = scene
  const { tee } = world.server
  const { hello } = startHandshake(world.crypto)
  await Promise.all(Array.from({ length: 1_024 }, (_, conn) => tee.request('hello', { hello, conn: 1_000 + conn })))
  await assert.rejects(tee.request('hello', { hello, conn: 1 }), refusedWith('SESSION_TOO_MANY_HALF_OPEN'))
  // One more of a connection that holds one takes the place of its own.
  await tee.request('hello', { hello, conn: 1_000 })
  world.clock.advanceMs(10_001)
  await tee.request('hello', { hello, conn: 1 })
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
