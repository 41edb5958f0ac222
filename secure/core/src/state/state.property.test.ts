import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { openMemoryDatabase } from '../../../../testkit/src/memory-database.ts'
import { applyChanges, findValue } from './bucket.ts'
import { createState, openState } from './state.ts'

const crypto = createNodeCrypto()

type Operation = readonly ['set' | 'delete', number, number] | readonly ['flush' | 'commit' | 'discard' | 'reopen']

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('set' as const), fc.nat(40), fc.nat(5)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), fc.nat(40), fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('flush', 'commit', 'discard', 'reopen')) },
)

function valueOf(n: number): Uint8Array {
  return crypto.sha256(Uint8Array.of(n))
}

test('any mix of changes, flushes, commits, rollbacks and openings answers like a map', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0, 5, 12, 1_000),
      fc.array(operation, { maxLength: 60, size: 'max' }),
      (bits, foldAfter, operations) => {
        let database = openMemoryDatabase()
        let state = createState(database, crypto, bits, { foldAfter })
        let committed = new Map<number, number>()
        let current = new Map<number, number>()
        database.exec('BEGIN')
        for (const [what, id = 0, value = 0] of operations) {
          if (what === 'set') {
            state.set('k', String(id), valueOf(value))
            current.set(id, value)
          } else if (what === 'delete') {
            state.delete('k', String(id))
            current.delete(id)
          } else if (what === 'flush') {
            state.flush()
          } else if (what === 'discard') {
            database.exec('ROLLBACK')
            state.discard()
            current = new Map(committed)
            database.exec('BEGIN')
          } else {
            const root = state.flush()
            database.exec('COMMIT')
            state.commit()
            committed = new Map(current)
            if (what === 'reopen') {
              database = openMemoryDatabase(database.content())
              state = openState(database, crypto, root, { foldAfter })
            }
            database.exec('BEGIN')
          }
          for (let i = 0; i <= 40; i++) {
            const expected = current.get(i)
            assert.deepEqual(state.get('k', String(i)), expected === undefined ? undefined : valueOf(expected))
          }
        }
        // History leaves no trace: a state filled in one go has the same root.
        const fresh = createState(openMemoryDatabase(), crypto, bits)
        for (const [id, value] of current) fresh.set('k', String(id), valueOf(value))
        assert.deepEqual(fresh.flush(), state.flush())
        database.close()
      },
    ),
    { numRuns: 100 },
  )
})

test('the content of a bucket is sorted, without doubles, and finds what was put in', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => {
    bytes.fill(0, 0, 30) // few different keys, so that some meet
    return Uint8Array.from(bytes.map((byte) => byte & 15))
  })
  const change = fc.tuple(key, fc.option(fc.nat(255)))
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 20, size: 'max' }), { maxLength: 8 }), (rounds) => {
      let content = new Uint8Array(0)
      const model = new Map<string, { key: Uint8Array; value: Uint8Array }>()
      for (const round of rounds) {
        const changes = new Map<string, { key: Uint8Array; value: Uint8Array | undefined }>()
        for (const [one, n] of round) {
          changes.set(one.join(), { key: one, value: n === null ? undefined : valueOf(n) })
        }
        for (const [name, { key: one, value }] of changes) {
          if (value === undefined) model.delete(name)
          else model.set(name, { key: one, value })
        }
        content = Uint8Array.from(applyChanges(content, [...changes.values()]))
      }
      const entries = [...model.values()].map((entry) => Buffer.concat([entry.key, entry.value]))
      assert.deepEqual(Buffer.from(content), Buffer.concat(entries.toSorted((a, b) => Buffer.compare(a, b))))
      for (const entry of model.values()) assert.deepEqual(findValue(content, entry.key), entry.value)
      assert.equal(findValue(content, new Uint8Array(32).fill(255)), undefined)
    }),
  )
})
