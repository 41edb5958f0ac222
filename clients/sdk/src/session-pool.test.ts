import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EvidenceResult } from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { SessionPool, type Session } from './session-pool.ts'

class FakeSession implements Session {
  readonly asked: string[] = []
  isAway = false
  isClosed = false
  #release: (() => void)[] = []
  #holds = false

  hold(): void {
    this.#holds = true
  }
  release(): void {
    this.#holds = false
    for (const go of this.#release.splice(0)) go()
  }
  evidence(): Promise<EvidenceResult> {
    return this.request('evidence') as unknown as Promise<EvidenceResult>
  }
  async maxRecordBytes(): Promise<number> {
    await this.request('maxRecordBytes')
    return 4_096
  }
  async request(cmd: string): Promise<Readonly<Record<string, never>>> {
    this.asked.push(cmd)
    if (this.#holds) await new Promise<void>((resolve) => this.#release.push(resolve))
    if (this.isAway) throw new ClientError('SERVER_UNAVAILABLE')
    if (cmd === 'refused') throw new ClientError('ACCESS_DENIED')
    return {}
  }
  close(): void {
    this.isClosed = true
  }
}

function pool(...addresses: readonly string[]) {
  let nowMs = 0
  const sessions = addresses.map((address) => ({ session: new FakeSession(), address }))
  const made = new SessionPool(sessions, { monotonicMs: () => nowMs })
  return { pool: made, sessions: sessions.map(({ session }) => session), advanceMs: (ms: number) => (nowMs += ms) }
}

test('requests that are under way together go by different sessions', async () => {
  const { pool: made, sessions } = pool('a', 'a', 'a')
  for (const session of sessions) session.hold()
  const all = Array.from({ length: 6 }, () => made.request('ping'))
  for (const session of sessions) session.release()
  await Promise.all(all)
  assert.deepEqual(
    sessions.map(({ asked }) => asked.length),
    [2, 2, 2],
  )
})

test('an address that does not answer is passed over for a while; what may be repeated goes by the other', async () => {
  const { pool: made, sessions, advanceMs } = pool('a', 'b')
  const [a, b] = sessions as [FakeSession, FakeSession]
  a.isAway = true
  await made.request('record.store')
  assert.deepEqual([a.asked, b.asked], [['record.store'], ['record.store']])
  await made.request('ping')
  assert.equal(a.asked.length, 1)
  a.isAway = false
  advanceMs(5_001)
  await made.request('ping')
  assert.equal(a.asked.length, 2)
})

test('what must not come twice is not repeated, and a refusal is no absence', async () => {
  const { pool: made, sessions } = pool('a', 'b')
  const [a, b] = sessions as [FakeSession, FakeSession]
  await assert.rejects(made.request('refused'), { code: 'ACCESS_DENIED' })
  a.isAway = true
  await assert.rejects(made.request('emergency.open'), { code: 'SERVER_UNAVAILABLE' })
  assert.deepEqual(b.asked, [])
})

test('when nobody answers the code says so, and each address was asked once', async () => {
  const { pool: made, sessions } = pool('a', 'a', 'b')
  for (const session of sessions) session.isAway = true
  await assert.rejects(made.evidence(), { code: 'SERVER_UNAVAILABLE' })
  assert.equal(
    sessions.reduce((sum, { asked }) => sum + asked.length, 0),
    2,
  )
  made.close()
  assert.ok(sessions.every(({ isClosed }) => isClosed))
})

test('a pool has a session', () => {
  assert.throws(() => new SessionPool([], { monotonicMs: () => 0 }), RangeError)
})
