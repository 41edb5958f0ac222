/**
 * Session messages sent again, swapped or changed by whoever is on the way are refused, in both directions, and nothing
 * is carried out twice. docs/protocol/05 §5.5 to §5.7.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TappedTransport } from '../../clients/cli/src/demo/tapped-transport.ts'
import type { Transport } from '../../clients/sdk/src/index.ts'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

test('a request sent a second time is refused and stores nothing', async () => {
  const { world, bob, warrant } = scene
  const wire = new TappedTransport(world.transport())
  const alice = await world.doctor('alice', {}, { transport: wire })
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })
  const countBefore = (await bob.records()).items.length
  await assert.rejects(wire.replay(), refusedWith('SESSION_REPLAY'))
  assert.equal((await bob.records()).items.length, countBefore)
  // The session itself goes on.
  await alice.list(bob.ref)
})

test('a request with any part of it changed is refused', async () => {
  const { world, bob } = scene
  const wire = new TappedTransport(world.transport())
  const alice = await world.doctor('alice', {}, { transport: wire })
  await alice.session.request('ping')
  const length = 16 + 8 + 40
  for (const [place, codes] of [
    [0, ['SESSION_UNKNOWN']],
    [23, ['SESSION_RECORD_REJECTED', 'SESSION_REPLAY']],
    [30, ['SESSION_RECORD_REJECTED']],
    [length, ['SESSION_RECORD_REJECTED']],
  ] as const) {
    wire.alterNext = (record) => {
      const at = Math.min(place, record.length - 1)
      record[at] = (record[at] as number) ^ 1
      return record
    }
    // An unknown session is opened again and the request repeated: then it is a new one that holds.
    if (place === 0) await alice.list(bob.ref)
    else await assert.rejects(alice.list(bob.ref), refusedWith(...codes))
  }
})

test('an answer of before, or of somebody else, is not taken for the answer', async () => {
  const { world, bob, alice, stored } = scene
  const answers: Uint8Array[] = []
  let give: Uint8Array | undefined
  const wire: Transport = {
    ...passing(world.transport()),
    async record(record) {
      const answer = await world.transport().record(record)
      answers.push(answer.slice())
      return give ?? answer
    },
  }
  const tapped = await world.doctor('alice', {}, { transport: wire })
  await tapped.list(bob.ref)
  const [first] = answers
  assert.ok(first !== undefined)
  give = first
  await assert.rejects(tapped.read(stored.recordId), refusedWith('SESSION_REPLAY', 'SESSION_RECORD_REJECTED'))
  // Of another session: Alice's other device.
  const other = new TappedTransport(world.transport())
  let theirs: Uint8Array | undefined
  const second = await world.doctor('alice', {}, { transport: recording(other, (answer) => (theirs = answer)) })
  await second.list(bob.ref)
  give = theirs
  await assert.rejects(
    tapped.read(stored.recordId),
    refusedWith('SESSION_REPLAY', 'SESSION_RECORD_REJECTED', 'SESSION_UNKNOWN'),
  )
  void alice
})

test('a finish sent again opens no second session', async () => {
  const { world } = scene
  let finish: Uint8Array | undefined
  const wire: Transport = {
    ...passing(world.transport()),
    finish(message) {
      finish = message.slice()
      return world.transport().finish(message)
    },
  }
  const alice = await world.doctor('alice', {}, { transport: wire })
  await alice.session.request('ping')
  assert.ok(finish !== undefined)
  await assert.rejects(world.transport().finish(finish), refusedWith('SESSION_UNKNOWN'))
})

test('a reply to another hello is refused by the client', async () => {
  const { world } = scene
  let reply: Uint8Array | undefined
  const wire: Transport = {
    ...passing(world.transport()),
    async hello(message) {
      const fresh = await world.transport().hello(message)
      const given = reply ?? fresh
      reply = fresh
      return given
    },
  }
  const first = await world.doctor('alice', {}, { transport: wire })
  await first.session.request('ping')
  const second = await world.doctor('alice', {}, { transport: wire })
  await assert.rejects(second.session.request('ping'), refusedWith('SESSION_SERVER_SIGNATURE'))
})

test('a finish with any byte changed is refused, and the honest one still counts', async () => {
  const { world } = scene
  let tries = 0
  const wire: Transport = {
    ...passing(world.transport()),
    async finish(message) {
      // The box stands before the session's id.
      for (const [place, code] of [
        [message.length - 1, 'SESSION_UNKNOWN'],
        [message.length - 60, 'SESSION_FINISH_REJECTED'],
        [40, 'SESSION_FINISH_REJECTED'],
      ] as const) {
        const altered = message.slice()
        altered[place] = (altered[place] as number) ^ 1
        await assert.rejects(world.transport().finish(altered), refusedWith(code))
        tries++
      }
      return await world.transport().finish(message)
    },
  }
  const alice = await world.doctor('alice', {}, { transport: wire })
  await alice.session.request('ping')
  assert.equal(tries, 3)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 2)
})

function passing(wire: Transport): Transport {
  return {
    hello: (message) => wire.hello(message),
    finish: (message) => wire.finish(message),
    record: (message) => wire.record(message),
    close: () => wire.close(),
  }
}

function recording(wire: Transport, onAnswer: (answer: Uint8Array) => void): Transport {
  return {
    ...passing(wire),
    async record(message) {
      const answer = await wire.record(message)
      onAnswer(answer.slice())
      return answer
    },
  }
}
