import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { leafHash, merkleRoot, verifyConsistency, verifyInclusion } from '../../../../shared/tlog/src/index.ts'
import { type MemoryDatabase, openMemoryDatabase } from '../../../../testkit/src/memory-database.ts'
import { createLog, type Log, openLog } from './log.ts'

const crypto = createNodeCrypto()
const rolledBack = { code: 'STATE_ROLLED_BACK' }

function body(i: number): Uint8Array {
  return new TextEncoder().encode(`entry ${i}`)
}

function bodies(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => body(from + i))
}

function rootOf(entries: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(
    crypto,
    entries.map((entry) => leafHash(crypto, entry)),
  )
}

function commit(database: MemoryDatabase, log: Log): void {
  database.exec('BEGIN')
  log.flush()
  database.exec('COMMIT')
  log.commit()
}

/** A committed log of `size` entries. */
function filledLog(size: number): { database: MemoryDatabase; log: Log } {
  const database = openMemoryDatabase()
  const log = createLog(database, crypto)
  log.append(bodies(0, size))
  commit(database, log)
  return { database, log }
}

test('entries have their index and are in the root before, between and after flush and commit', () => {
  const { database, log } = filledLog(5)
  assert.equal(log.append([body(5), body(6)]), 5)
  assert.equal(log.append([]), 7)
  for (const step of [() => log.flush(), () => log.append([body(7)]), () => commit(database, log)]) {
    const entries = bodies(0, log.size)
    assert.deepEqual(log.root(), rootOf(entries))
    for (const [index, entry] of entries.entries()) assert.deepEqual(log.entryVerified(index), entry)
    step()
  }
  assert.equal(log.size, 8)
  assert.equal(log.committedSize, 8)
  assert.deepEqual(log.committedRoot(), rootOf(bodies(0, 8)))
})

test('only what is durable counts as committed', () => {
  const { log } = filledLog(5)
  log.append([body(5)])
  log.flush()
  assert.equal(log.committedSize, 5)
  assert.deepEqual(log.committedRoot(), rootOf(bodies(0, 5)))
  assert.equal(log.size, 6)
})

test('proofs of the stored log verify at every size, also after opening again and with the smallest cache', () => {
  const { database, log } = filledLog(70)
  const small = openLog(openMemoryDatabase(database.content()), crypto, { cachedNodes: 4 })
  for (const one of [log, small]) {
    for (let size = 1; size <= 70; size++) {
      const root = rootOf(bodies(0, size))
      for (let index = 0; index < size; index += 7) {
        verifyInclusion(crypto, leafHash(crypto, body(index)), index, size, one.inclusionProof(index, size), root)
      }
      verifyConsistency(crypto, size, 70, root, one.root(), one.consistencyProof(size))
    }
  }
})

test('opening again goes on where the log was', () => {
  for (const size of [0, 1, 2, 3, 64, 65, 127, 128, 129]) {
    const { database } = filledLog(size)
    const log = openLog(openMemoryDatabase(database.content()), crypto)
    assert.equal(log.size, size)
    assert.deepEqual(log.root(), rootOf(bodies(0, size)))
    log.append([body(size)])
    assert.deepEqual(log.root(), rootOf(bodies(0, size + 1)))
  }
})

test('an altered entry is STATE_ROLLED_BACK when it is read verified', () => {
  const { database, log } = filledLog(200)
  for (const index of [0, 1, 100, 199]) {
    const set = database.prepare('UPDATE log_entry SET body = ? WHERE position = ?')
    set.run(body(999), index)
    assert.deepEqual(log.entry(index), body(999), 'unverified reading does not notice')
    assert.throws(() => log.entryVerified(index), rolledBack)
    set.run(body(index), index)
    log.entryVerified(index)
  }
})

test('two entries exchanged, and a deleted entry, are STATE_ROLLED_BACK', () => {
  const { database, log } = filledLog(8)
  const set = database.prepare('UPDATE log_entry SET body = ? WHERE position = ?')
  set.run(body(3), 2)
  set.run(body(2), 3)
  assert.throws(() => log.entryVerified(2), rolledBack)
  assert.throws(() => log.entryVerified(3), rolledBack)
  database.exec('DELETE FROM log_entry WHERE position = 5')
  assert.throws(() => log.entry(5), rolledBack)
  assert.throws(() => log.entryVerified(5), rolledBack)
})

test('an altered or deleted node is STATE_ROLLED_BACK when it is needed', () => {
  const { database } = filledLog(8)
  database.prepare('UPDATE log_node SET hash = ? WHERE id = 0').run(new Uint8Array(32))
  const altered = openMemoryDatabase(database.content())
  assert.throws(() => openLog(altered, crypto), rolledBack, 'the newest entries are checked at opening')
  database.prepare('UPDATE log_node SET hash = ? WHERE id = 0').run(new Uint8Array(31))
  assert.throws(() => openLog(openMemoryDatabase(database.content()), crypto), rolledBack)
  database.exec('DELETE FROM log_node WHERE id = 0')
  assert.throws(() => openLog(openMemoryDatabase(database.content()), crypto), rolledBack)
})

test('entries and nodes of different moments do not open', () => {
  const { database, log } = filledLog(100)
  log.append(bodies(100, 130))
  commit(database, log)
  for (const damage of [
    'DELETE FROM log_entry WHERE position >= 100',
    'DELETE FROM log_entry WHERE position = 129',
    'DELETE FROM log_node WHERE id >= 200',
    'DELETE FROM log_node',
    'DELETE FROM log_entry',
  ]) {
    const copy = openMemoryDatabase(database.content())
    copy.exec(damage)
    assert.throws(() => openLog(copy, crypto), rolledBack, damage)
  }
  const changed = openMemoryDatabase(database.content())
  changed.prepare('UPDATE log_entry SET body = ? WHERE position = 120').run(body(0))
  assert.throws(() => openLog(changed, crypto), rolledBack)
})

test('a whole older database opens, and is found out by the checkpoint on the ledger', () => {
  const { database, log } = filledLog(100)
  const older = database.content()
  log.append([body(100)])
  commit(database, log)
  const anchored = { size: log.committedSize, root: log.committedRoot() }
  const opened = openLog(openMemoryDatabase(older), crypto)
  assert.throws(() => opened.checkExtends(anchored), rolledBack)
  log.checkExtends(anchored)
  openLog(openMemoryDatabase(database.content()), crypto).checkExtends(anchored)
})

test('a log that tells another history than the ledger is CHECKPOINT_FORKED', () => {
  const { database, log } = filledLog(100)
  const anchored = { size: 100, root: log.root() }
  const fork = openMemoryDatabase()
  const other = createLog(fork, crypto)
  other.append(bodies(0, 99))
  other.append([body(1)])
  assert.throws(() => other.checkExtends(anchored), { code: 'CHECKPOINT_FORKED' })
  other.append(bodies(100, 150))
  assert.throws(() => other.checkExtends(anchored), { code: 'CHECKPOINT_FORKED' })
  log.append(bodies(100, 150))
  log.checkExtends(anchored)
  log.checkExtends({ size: 0, root: rootOf([]) })
  database.close()
})

test('a transaction that was rolled back leaves the log as it was, and its indices are used again', () => {
  const { database, log } = filledLog(10)
  database.exec('BEGIN')
  log.append(bodies(50, 55))
  log.flush()
  log.append(bodies(55, 60))
  database.exec('ROLLBACK')
  log.discard()
  assert.equal(log.size, 10)
  assert.deepEqual(log.root(), rootOf(bodies(0, 10)))
  assert.equal(log.append(bodies(10, 13)), 10)
  commit(database, log)
  assert.deepEqual(log.root(), rootOf(bodies(0, 13)))
  assert.deepEqual(openLog(openMemoryDatabase(database.content()), crypto).root(), log.root())
})

test('a savepoint undoes one request and leaves the others of the group', () => {
  const { database, log } = filledLog(3)
  log.append(bodies(3, 6))
  const savepoint = log.savepoint()
  log.append(bodies(90, 99))
  log.rollbackTo(savepoint)
  assert.equal(log.size, 6)
  assert.deepEqual(log.root(), rootOf(bodies(0, 6)))
  log.append(bodies(6, 9))
  commit(database, log)
  assert.deepEqual(openLog(openMemoryDatabase(database.content()), crypto).root(), rootOf(bodies(0, 9)))
  assert.throws(() => log.rollbackTo(savepoint), RangeError)
  log.append([body(9)])
  const later = log.savepoint()
  log.discard()
  assert.throws(() => log.rollbackTo(later), RangeError)
})

test('a commit with entries not flushed is refused as the caller’s bug', () => {
  const { log } = filledLog(1)
  log.append([body(1)])
  assert.throws(() => log.commit(), /flush/)
})

test('indices and sizes outside the log are refused', () => {
  const { log } = filledLog(3)
  for (const index of [-1, 0.5, 3, 2 ** 53]) {
    assert.throws(() => log.entry(index), { code: 'LOG_SIZE_INVALID' })
    assert.throws(() => log.inclusionProof(index), { code: 'LOG_SIZE_INVALID' })
  }
  assert.throws(() => log.inclusionProof(0, 4), { code: 'LOG_SIZE_INVALID' })
  assert.throws(() => log.consistencyProof(1, 4), { code: 'LOG_SIZE_INVALID' })
  assert.throws(() => log.consistencyProof(0, 3), { code: 'LOG_SIZE_INVALID' })
  assert.throws(() => log.consistencyProof(3, 2), { code: 'LOG_SIZE_INVALID' })
})

test('the entries of the last commit are at hand without reading them, as copies, and no others', () => {
  const { database, log } = filledLog(5)
  assert.deepEqual(log.recentEntry(4), body(4))
  log.append([body(5), body(6)])
  assert.equal(log.recentEntry(5), undefined)
  commit(database, log)
  assert.deepEqual(
    [4, 5, 6, 7].map((index) => log.recentEntry(index)),
    [undefined, body(5), body(6), undefined],
  )
  log.recentEntry(5)?.fill(0)
  assert.deepEqual(log.recentEntry(5), body(5))
  log.append([body(7)])
  log.discard()
  assert.deepEqual(log.recentEntry(6), body(6))
})

test('bodies are copied on the way in and on the way out', () => {
  const { database, log } = filledLog(1)
  const mine = body(1)
  log.append([mine])
  mine.fill(0)
  log.entry(1).fill(0)
  assert.deepEqual(log.entryVerified(1), body(1))
  commit(database, log)
  log.entry(1).fill(0)
  assert.deepEqual(log.entryVerified(1), body(1))
})
