/** What is remembered is what the state says, whatever changes; and asking costs little. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeUtf8, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { MARK_PREFIX, markOf } from '../../../../shared/ledger-model/src/index.ts'
import type { SteadyStub } from '../../../contract/src/index.ts'
import { readSteadily, readThrough, type Stub } from './cached-state.ts'
import { StateCache } from './state-cache.ts'

/** A channel's state, changed by transactions as the contract does it. */
class World {
  readonly state = new Map<string, string>()
  #transactions = 0

  put(key: string, value: string | undefined): void {
    if (value === undefined) this.state.delete(key)
    else this.state.set(key, value)
    const mark = markOf(key)
    if (mark !== undefined) this.state.set(mark, `tx${this.#transactions++}`)
  }

  /** For one proposal; `asked` is what its peer was asked for. */
  proposal(channel = 'health'): { readonly stub: Stub & SteadyStub; readonly asked: string[] } {
    const asked: string[] = []
    const stub = {
      getChannelID: () => channel,
      getState: (key: string) => {
        asked.push(key)
        return Promise.resolve(encodeUtf8(this.state.get(key) ?? ''))
      },
      getStateByRange: (start: string, end: string) => {
        asked.push(`${start}…`)
        const rows = [...this.state]
          .filter(([key]) => key >= start && key < end)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
        const values = rows.map(([key, value]) => ({ key, value: encodeUtf8(value) })).values()
        return Promise.resolve({ next: () => Promise.resolve(values.next()) })
      },
    }
    return { stub: stub as unknown as Stub & SteadyStub, asked }
  }
}

const ref = (kind: string, number: number): string => `${kind}-${number.toString(16).padStart(32, '0')}`
const KINDS = ['patient/p', 'warrants/p', 'grants/p', 'sanction/d', 'participant/d', 'revoked/HospitalA/0', 'batch/b']
const keyOf = (kind: number, number: number): string => ref(KINDS[kind % KINDS.length] ?? '', number)

const keyArbitrary = fc.tuple(fc.nat(KINDS.length - 1), fc.nat(5)).map(([kind, number]) => keyOf(kind, number))
const stepArbitrary = fc.oneof(
  fc.record({ put: keyArbitrary, value: fc.option(fc.string({ minLength: 1 }), { nil: undefined }) }),
  fc.record({ read: fc.array(keyArbitrary, { minLength: 1, maxLength: 12 }) }),
)

test('whatever is changed between proposals, each reads what the state says, also with little room', async () => {
  const check = async (steps: readonly ({ put: string; value: string | undefined } | { read: string[] })[]) => {
    for (const cache of [new StateCache(), new StateCache(1_000)]) {
      const world = new World()
      for (const step of steps) {
        if ('put' in step) {
          // A batch never changes once it is there.
          if (!step.put.startsWith('batch/')) world.put(step.put, step.value)
          else if (!world.state.has(step.put)) world.put(step.put, step.value)
          continue
        }
        const evaluated = readThrough(world.proposal().stub, cache)
        const { stub } = world.proposal()
        readSteadily(stub, cache, 'HospitalA')
        for (const key of step.read) {
          const expected = world.state.get(key) ?? ''
          assert.equal(decodeUtf8(await evaluated.getState(key)), expected)
          assert.equal(decodeUtf8((await stub.getSteadyState?.(key)) ?? new Uint8Array(0)), expected)
        }
      }
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 60 }), check))
})

test('a second proposal reads the marks and nothing else; a change is read again, alone', async () => {
  const world = new World()
  const cache = new StateCache()
  const keys = Array.from({ length: 200 }, (_, i) => keyOf(i % 5, i))
  for (const key of keys) world.put(key, `value of ${key}`)
  const readAll = async () => {
    const { stub, asked } = world.proposal()
    const view = readThrough(stub, cache)
    await Promise.all(keys.map((key) => view.getState(key)))
    return asked
  }
  await readAll()
  const isMark = (key: string) => key.startsWith(MARK_PREFIX)
  const second = await readAll()
  assert.ok(second.every(isMark))
  assert.ok(second.length <= 4)
  const [changed = ''] = keys
  world.put(changed, 'changed')
  const third = (await readAll()).filter((key) => !isMark(key))
  assert.ok(third.includes(changed))
  assert.ok(third.every((key) => markOf(key) === markOf(changed)))
})

test('a batch is asked for once; that it is not there yet is not remembered', async () => {
  const world = new World()
  const cache = new StateCache()
  const key = keyOf(6, 1)
  const read = async () => {
    const { stub, asked } = world.proposal()
    return [decodeUtf8(await readThrough(stub, cache).getState(key)), asked.length]
  }
  assert.deepEqual(await read(), ['', 1])
  world.put(key, 'groups')
  assert.deepEqual(await read(), ['groups', 1])
  assert.deepEqual(await read(), ['groups', 0])
})

test('another channel has a memory of its own', async () => {
  const [one, other] = [new World(), new World()]
  const cache = new StateCache()
  const key = keyOf(0, 1)
  one.state.set(key, 'one')
  other.state.set(key, 'other')
  assert.equal(decodeUtf8(await readThrough(one.proposal('one').stub, cache).getState(key)), 'one')
  assert.equal(decodeUtf8(await readThrough(other.proposal('other').stub, cache).getState(key)), 'other')
})

const doctors = Array.from({ length: 30 }, (_, i) => keyOf(4, i))

test('a transaction reads marks alone once everything is remembered; until then it is cold', async () => {
  const world = new World()
  const cache = new StateCache()
  for (const key of doctors) {
    world.put(key, `record of ${key}`)
    world.put(key.replace('participant/', 'member/HospitalA/'), `record of ${key}`)
  }
  const endorse = async () => {
    const { stub, asked } = world.proposal()
    const reads = readSteadily(stub, cache, 'HospitalA')
    const values = await Promise.all(doctors.map((key) => stub.getSteadyState?.(key) ?? stub.getState(key)))
    assert.deepEqual(
      values.map(decodeUtf8),
      doctors.map((key) => world.state.get(key)),
    )
    return { asked: asked.toSorted(), isCold: reads.isCold }
  }
  const first = await endorse()
  assert.ok(first.isCold)
  // Not one by one.
  assert.ok(first.asked.filter((key) => key.startsWith('participant/')).length <= 8)
  const marks = [...new Set(doctors.map((key) => markOf(key) ?? ''))].toSorted()
  assert.deepEqual(await endorse(), { asked: marks, isCold: false })
  world.put(doctors[3] ?? '', 'suspended')
  assert.ok((await endorse()).isCold)
  assert.deepEqual(await endorse(), { asked: marks, isCold: false })
})

test('somebody who was unknown is found after being registered, which leaves the mark', async () => {
  const world = new World()
  const cache = new StateCache()
  const [key = ''] = doctors
  const read = async () => {
    const { stub } = world.proposal()
    readSteadily(stub, cache, 'HospitalA')
    return [
      decodeUtf8(await readThrough(stub, cache).getState(key)),
      decodeUtf8((await stub.getSteadyState?.(key)) ?? new Uint8Array(0)),
    ]
  }
  assert.deepEqual(await read(), ['', ''])
  world.state.set(key, 'registered')
  assert.deepEqual(await read(), ['registered', 'registered'])
})
