import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { leafHash, merkleRoot } from '../../../../shared/tlog/src/index.ts'
import { openMemoryDatabase } from '../../../../testkit/src/memory-database.ts'
import { createLog, type LogSavepoint, openLog } from './log.ts'

const crypto = createNodeCrypto()

type Operation =
  | readonly ['append', readonly Uint8Array[]]
  | readonly ['flush' | 'commit' | 'discard' | 'reopen' | 'savepoint' | 'rollback']

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('append' as const), fc.array(fc.uint8Array(), { maxLength: 9 })) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('flush', 'commit', 'discard', 'reopen', 'savepoint', 'rollback')),
  },
)

function rootOf(entries: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(
    crypto,
    entries.map((entry) => leafHash(crypto, entry)),
  )
}

test('any mix of appends, flushes, commits, rollbacks, savepoints and openings is a list', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 25, size: 'max' }), (operations) => {
      let database = openMemoryDatabase()
      let log = createLog(database, crypto, { cachedNodes: 4 })
      let committed: Uint8Array[] = []
      let current: Uint8Array[] = []
      let savepoint: LogSavepoint | undefined
      database.exec('BEGIN')
      for (const [what, entries = []] of operations) {
        if (what === 'append') {
          assert.equal(log.append(entries), current.length)
          current = [...current, ...entries]
        } else if (what === 'savepoint') {
          savepoint = log.savepoint()
        } else if (what === 'rollback') {
          if (savepoint === undefined) continue
          log.rollbackTo(savepoint)
          current = current.slice(0, savepoint.size)
        } else {
          savepoint = undefined
          if (what === 'discard') {
            database.exec('ROLLBACK')
            log.discard()
            current = committed
            database.exec('BEGIN')
          } else {
            log.flush()
          }
          if (what === 'commit' || what === 'reopen') {
            database.exec('COMMIT')
            log.commit()
            committed = current
            if (what === 'reopen') {
              database = openMemoryDatabase(database.content())
              log = openLog(database, crypto, { cachedNodes: 4 })
            }
            database.exec('BEGIN')
          }
        }
        assert.equal(log.size, current.length)
        assert.equal(log.committedSize, committed.length)
        assert.deepEqual(log.root(), rootOf(current))
        for (const [index, entry] of current.entries()) assert.deepEqual(log.entryVerified(index), entry)
        log.checkExtends({ size: committed.length, root: rootOf(committed) })
      }
      database.close()
    }),
    { numRuns: 60 },
  )
})
