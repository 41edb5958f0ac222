/**
 * As many open sessions as a large day has: 10,000 in the long suite, fewer in `npm test`. All stay usable, and a flood of
 * handshakes that nobody finishes does not end one of them (docs/operations/faults.md).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionTable, type Now } from '../../secure/core/src/sessions/table.ts'
import { startHandshake } from '../../shared/protocol/src/session/index.ts'
import { NOW, openSessionWorld } from '../../testkit/src/session-world.ts'

const SESSIONS = process.env['TRUSTHEALTH_LONG'] === '1' ? 10_000 : 200
const FLOOD = 1_500

test(`${SESSIONS} open sessions, and ${FLOOD} handshakes that nobody finishes`, (context) => {
  const world = openSessionWorld()
  const doctor = world.participant('doctor')
  const table = new SessionTable(world.crypto, world.server, world.organizations)
  const sessions = Array.from({ length: SESSIONS }, (_, i) => {
    const pending = startHandshake(world.crypto)
    const unconfirmed = pending.complete(table.hello(pending.hello, i % 50, NOW), world.check, doctor.identity)
    const { record } = table.completeFinish(table.finish(unconfirmed.finish, NOW), world.facts([doctor]), NOW)
    return unconfirmed.confirm(record, NOW.monotonicMs)
  })
  assert.equal(table.size, SESSIONS)
  const later: Now = { monotonicMs: NOW.monotonicMs + 1_000, unixMs: NOW.unixMs + 1_000 }
  const { hello } = startHandshake(world.crypto)
  // One connection floods: it pushes out its own half-open sessions.
  for (let i = 0; i < FLOOD; i++) table.hello(hello, 99, later)
  for (const session of sessions) {
    const { frame } = session.sealRequest({ cmd: 'ping' }, later.monotonicMs)
    assert.ok(table.openRecord(frame, later))
  }
  assert.equal(table.size, SESSIONS)
  context.diagnostic(`${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB of heap`)
})
