import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { openMemoryDatabase } from '../../../../testkit/src/memory-database.ts'
import { BucketCache } from './bucket-cache.ts'
import { createState } from './state.ts'

const crypto = createNodeCrypto()

type Step = readonly ['set' | 'delete' | 'get', number] | readonly ['commit' | 'discard' | 'savepoint']
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom('set' as const, 'delete' as const, 'get' as const), fc.nat(40)),
  fc.tuple(fc.constantFrom('commit' as const, 'discard' as const, 'savepoint' as const)),
)

test('a state with a cache of any size is the state without one', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 500, 2_000, 1_000_000), (steps, cacheBytes) => {
      const databases = [openMemoryDatabase(), openMemoryDatabase()]
      const [plain, cached] = databases.map((database, i) =>
        createState(database, crypto, 3, i === 0 ? {} : { cacheBytes }),
      ) as [ReturnType<typeof createState>, ReturnType<typeof createState>]
      for (const database of databases) database.exec('BEGIN')
      for (const [i, [what, id = 0]] of steps.entries()) {
        for (const [k, state] of [plain, cached].entries()) {
          if (what === 'set') state.set('row', String(id), crypto.sha256(Uint8Array.of(i)))
          else if (what === 'delete') state.delete('row', String(id))
          else if (what === 'commit') {
            state.flush()
            databases[k]?.exec('COMMIT; BEGIN')
            state.commit()
          } else if (what === 'discard') {
            if (i % 2 === 0) state.flush()
            databases[k]?.exec('ROLLBACK; BEGIN')
            state.discard()
          }
        }
        assert.deepEqual(cached.get('row', String(id)), plain.get('row', String(id)))
      }
      assert.deepEqual(cached.flush(), plain.flush())
    }),
    { numRuns: 100 },
  )
})

test('the cache stays within its bytes and keeps what was used last', () => {
  const cache = new BucketCache(2_200)
  for (let bucket = 0; bucket < 10; bucket++) {
    cache.set(bucket, new Uint8Array(172))
    cache.get(0)
  }
  const kept = Array.from({ length: 10 }, (_, bucket) => bucket).filter((bucket) => cache.get(bucket) !== undefined)
  assert.deepEqual(kept, [0, 8, 9])
  cache.set(5, new Uint8Array(5_000))
  assert.equal(cache.get(5), undefined)
  cache.set(1, new Uint8Array(1))
  cache.clear()
  assert.equal(cache.get(1), undefined)
})
