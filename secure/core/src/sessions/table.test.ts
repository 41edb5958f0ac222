import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientSession } from '../../../../shared/protocol/src/session/client-session.ts'
import { startHandshake } from '../../../../shared/protocol/src/session/client.ts'
import { MAX_RECORD_BYTES } from '../../../../shared/protocol/src/session/record-layer.ts'
import { NOW, openSessionWorld, type TestParticipant } from '../../../../testkit/src/session-world.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'
import { SessionTable, type Now } from './table.ts'

const world = openSessionWorld()
const doctor = world.participant('doctor')
const after = (ms: number): Now => ({ monotonicMs: NOW.monotonicMs + ms, unixMs: NOW.unixMs + ms })

function open(table: SessionTable, participant: TestParticipant = doctor, now = NOW): ClientSession {
  const pending = startHandshake(world.crypto)
  const unconfirmed = pending.complete(table.hello(pending.hello, 1, now), world.check, participant.identity)
  const { record } = table.completeFinish(table.finish(unconfirmed.finish, now), world.facts([participant]), now)
  return unconfirmed.confirm(record, now.monotonicMs)
}

function isOpen(table: SessionTable, session: ClientSession, now = NOW): boolean {
  try {
    table.openRecord(session.sealRequest({ cmd: 'ping' }, now.monotonicMs).frame, now)
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SESSION_UNKNOWN')
    return false
  }
}

const newTable = (limits: Partial<Limits> = {}): SessionTable =>
  new SessionTable(world.crypto, world.server, world.organizations, { ...DEFAULT_LIMITS, ...limits })

test('SESSION_UNKNOWN: a record of no session; SESSION_RECORD_REJECTED: bytes that are no record', () => {
  const session = open(newTable())
  const { frame } = session.sealRequest({ cmd: 'ping' }, 0)
  assert.throws(() => newTable().openRecord(frame, NOW), { code: 'SESSION_UNKNOWN' })
  assert.throws(() => newTable().openRecord(frame.slice(0, 39), NOW), { code: 'SESSION_RECORD_REJECTED' })
})

test('RECORD_TOO_LARGE: what is larger than the limit is not opened, and the client knows the limit', () => {
  const table = newTable({ recordBytes: 4_096 })
  const session = open(table)
  assert.equal(session.maxRecordBytes, 4_096)
  assert.equal(open(newTable()).maxRecordBytes, MAX_RECORD_BYTES)
  const request = (bytes: number) => ({ cmd: 'ping', body: new Uint8Array(bytes) })
  assert.throws(() => session.sealRequest(request(4_096), 0), { code: 'RECORD_TOO_LARGE' })
  const { seq, frame } = session.sealRequest(request(4_000), 0)
  assert.equal(seq, 1)
  const tooLong = new Uint8Array(4_097)
  tooLong.set(frame)
  assert.throws(() => table.openRecord(tooLong, NOW), { code: 'RECORD_TOO_LARGE' })
  assert.equal(table.openRecord(frame, NOW).seq, 1)
})

test('SESSION_UNKNOWN: a half-open session takes no records', () => {
  const table = newTable()
  const pending = startHandshake(world.crypto)
  const { finish } = pending.complete(table.hello(pending.hello, 1, NOW), world.check, doctor.identity)
  const record = new Uint8Array(64)
  record.set(finish.slice(-16), 0)
  assert.throws(() => table.openRecord(record, NOW), { code: 'SESSION_UNKNOWN' })
})

test('SESSION_EXPIRED: after an hour, whatever the client thinks', () => {
  const table = newTable()
  const session = open(table)
  const [inTime, late] = [1, 2].map(() => session.sealRequest({ cmd: 'ping' }, 0)) as [Sealed, Sealed]
  type Sealed = ReturnType<ClientSession['sealRequest']>
  table.openRecord(inTime.frame, after(3_599_999))
  assert.throws(() => table.openRecord(late.frame, after(3_600_000)), { code: 'SESSION_EXPIRED' })
  assert.throws(() => table.openRecord(late.frame, after(3_600_000)), { code: 'SESSION_UNKNOWN' })
  assert.equal(table.size, 0)
})

test('when the table is full the session that was used least recently goes', () => {
  const table = newTable({ sessions: 3 })
  const [a, b, c] = [open(table), open(table), open(table)]
  assert.ok(isOpen(table, a))
  const d = open(table)
  assert.equal(table.size, 3)
  assert.ok(!isOpen(table, b))
  for (const session of [a, c, d]) assert.ok(isOpen(table, session))
})

test('a forged record is no use: it does not keep a session', () => {
  const table = newTable({ sessions: 2 })
  const [a, b] = [open(table), open(table)]
  const { frame } = a.sealRequest({ cmd: 'ping' }, 0)
  frame[frame.length - 1] = (frame.at(-1) as number) ^ 1
  assert.throws(() => table.openRecord(frame, NOW), { code: 'SESSION_RECORD_REJECTED' })
  open(table)
  assert.ok(!isOpen(table, a))
  assert.ok(isOpen(table, b))
})

test('sessions whose time is over make room first', () => {
  const table = newTable({ sessions: 3 })
  open(table)
  open(table)
  const young = open(table, doctor, after(3_000_000))
  open(table, doctor, after(3_600_000))
  assert.equal(table.size, 2)
  assert.ok(isOpen(table, young, after(3_600_000)))
})

test('the sessions of a participant can be ended at once', () => {
  const table = newTable()
  const other = world.participant('hospital')
  const [a, b, c] = [open(table), open(table, other), open(table)]
  assert.equal(
    table.close(({ ref }) => ref === doctor.ref),
    2,
  )
  assert.ok(!isOpen(table, a) && !isOpen(table, c))
  assert.ok(isOpen(table, b))
})

test('an answer to a request that was under way when the session ended can still be given', () => {
  const table = newTable()
  const session = open(table)
  const { seq, frame } = session.sealRequest({ cmd: 'ping' }, 0)
  const opened = table.openRecord(frame, NOW)
  table.close(() => true)
  const answer = table.sealAnswer(opened.session, opened.seq, { ok: true })
  assert.deepEqual(session.openAnswer(seq, answer), { ok: true })
})

test('the answer to the finish: another record is not taken in its place', () => {
  const table = newTable()
  const start = () => {
    const pending = startHandshake(world.crypto)
    const unconfirmed = pending.complete(table.hello(pending.hello, 1, NOW), world.check, doctor.identity)
    const { record, session } = table.completeFinish(table.finish(unconfirmed.finish, NOW), world.facts([doctor]), NOW)
    return { unconfirmed, record, session }
  }
  const [a, b] = [start(), start()]
  assert.throws(() => a.unconfirmed.confirm(b.record, 0), { code: 'SESSION_RECORD_REJECTED' })
  assert.throws(() => a.unconfirmed.confirm(a.record, 0), TypeError)
  const changed = b.record.slice()
  changed[30] = (changed[30] as number) ^ 1
  assert.throws(() => b.unconfirmed.confirm(changed, 0), { code: 'SESSION_RECORD_REJECTED' })
})
