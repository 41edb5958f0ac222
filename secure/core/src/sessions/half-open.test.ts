import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { deriveSessionKeys } from '../../../../shared/protocol/src/session/key-schedule.ts'
import type { HalfOpenSession } from '../../../../shared/protocol/src/session/server.ts'
import { DEFAULT_LIMITS, SMALL_LIMITS } from '../limits.ts'
import { HalfOpenSessions } from './half-open.ts'

const { halfOpen: MAX_HALF_OPEN, halfOpenMs: HALF_OPEN_MS } = DEFAULT_LIMITS
const crypto = createNodeCrypto()
const keys = deriveSessionKeys(crypto, new Uint8Array(32), new Uint8Array(32), new Uint8Array(32))

function add(sessions: HalfOpenSessions, conn: number, nowMs: number): HalfOpenSession {
  const halfOpen = { sid: crypto.randomBytes(16), keys, t2: new Uint8Array(32) }
  sessions.makeRoom(conn, nowMs)
  sessions.add(halfOpen, conn, nowMs)
  return halfOpen
}

function isThere(sessions: HalfOpenSessions, { sid }: HalfOpenSession, nowMs: number): boolean {
  try {
    sessions.get(sid, nowMs)
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SESSION_UNKNOWN')
    return false
  }
}

test('a flood from one connection pushes out its own oldest, and nobody else', () => {
  const sessions = new HalfOpenSessions(DEFAULT_LIMITS)
  const guest = add(sessions, 2, 0)
  const flood = Array.from({ length: 3 * MAX_HALF_OPEN }, () => add(sessions, 1, 1))
  assert.equal(sessions.size, MAX_HALF_OPEN)
  assert.ok(isThere(sessions, guest, 1))
  assert.ok(isThere(sessions, flood.at(-1) as HalfOpenSession, 1))
  assert.ok(!isThere(sessions, flood[0] as HalfOpenSession, 1))
})

test('a newcomer gets the place of the connection that holds most', () => {
  const sessions = new HalfOpenSessions(DEFAULT_LIMITS)
  const [oldest] = Array.from({ length: MAX_HALF_OPEN - 2 }, () => add(sessions, 1, 0))
  const others = [add(sessions, 2, 0), add(sessions, 3, 0)]
  const newcomer = add(sessions, 4, 0)
  assert.ok(!isThere(sessions, oldest as HalfOpenSession, 0))
  for (const halfOpen of [...others, newcomer]) assert.ok(isThere(sessions, halfOpen, 0))
})

test('SESSION_TOO_MANY_HALF_OPEN: when every connection holds one', () => {
  const sessions = new HalfOpenSessions(DEFAULT_LIMITS)
  for (let conn = 0; conn < MAX_HALF_OPEN; conn++) add(sessions, conn, 0)
  assert.throws(() => sessions.makeRoom(MAX_HALF_OPEN, 0), { code: 'SESSION_TOO_MANY_HALF_OPEN' })
  add(sessions, 7, 0)
  assert.equal(sessions.size, MAX_HALF_OPEN)
})

test('a half-open session ends after ten seconds and makes room', () => {
  const sessions = new HalfOpenSessions(DEFAULT_LIMITS)
  const first = add(sessions, 1, 0)
  for (let conn = 2; conn <= MAX_HALF_OPEN; conn++) add(sessions, conn, 1)
  assert.ok(isThere(sessions, first, HALF_OPEN_MS - 1))
  const late = add(sessions, MAX_HALF_OPEN + 1, HALF_OPEN_MS)
  assert.ok(!isThere(sessions, first, HALF_OPEN_MS))
  assert.ok(isThere(sessions, late, HALF_OPEN_MS))
  sessions.makeRoom(1, 10 * HALF_OPEN_MS)
  assert.equal(sessions.size, 0)
})

test('where a handshake takes seconds, half-open sessions are fewer and live a minute, and end then', () => {
  const sessions = new HalfOpenSessions(SMALL_LIMITS)
  const first = add(sessions, 0, 0)
  assert.ok(isThere(sessions, first, 59_999))
  assert.ok(!isThere(sessions, first, 60_000))
  for (let conn = 0; conn < SMALL_LIMITS.halfOpen; conn++) add(sessions, conn, 60_000)
  assert.throws(() => sessions.makeRoom(SMALL_LIMITS.halfOpen, 60_000), { code: 'SESSION_TOO_MANY_HALF_OPEN' })
})
