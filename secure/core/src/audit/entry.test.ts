import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeCbor } from '../../../../shared/protocol/src/index.ts'
import { decodeEntry, encodeEntry, ENTRY_KINDS, type LogEntry } from './entry.ts'

const text = fc.string({ minLength: 1, maxLength: 16, unit: 'grapheme-ascii' })
const entries = fc.record(
  {
    t: fc.constantFrom(...ENTRY_KINDS),
    timeMs: fc.nat(),
    actor: text,
    patient: text,
    record: text,
    version: fc.integer({ min: 1, max: 9 }),
    permission: text,
    purpose: text,
    place: text,
    automatic: fc.boolean(),
    code: text,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  },
  { requiredKeys: ['t', 'timeMs', 'actor'] },
)

test('an entry comes back as it was written', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      assert.deepEqual(decodeEntry(encodeEntry(entry as LogEntry)), { ...entry })
    }),
  )
})

test('an entry with an unknown kind, an unknown member or without its actor is refused', () => {
  for (const entry of [
    { v: 1, t: 'nothing', timeMs: 1, actor: 'a' },
    { v: 1, t: 'read', timeMs: 1, actor: 'a', name: 'Bob' },
    { v: 1, t: 'read', timeMs: 1 },
    { v: 2, t: 'read', timeMs: 1, actor: 'a' },
  ]) {
    assert.throws(() => decodeEntry(encodeCbor(entry)), { code: 'MESSAGE_MALFORMED' })
  }
})
