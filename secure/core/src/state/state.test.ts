import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { type MemoryDatabase, openMemoryDatabase } from '../../../../testkit/src/memory-database.ts'
import type { SqlDatabase, SqlStatement } from '../ports.ts'
import { createState, openState, type State } from './state.ts'

const crypto = createNodeCrypto()
const BITS = 4

/** Two rows in 2^14 buckets, as the test below sets them. */
const PINNED_ROOT = '44d69ce29c337aec2f10e536116a14ce3e022cdf99168986d9b6277025070577'

function digest(text: string): Uint8Array {
  return crypto.sha256(new TextEncoder().encode(text))
}

function sha256(...parts: (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The state root as §6.7 of docs/protocol/06-log-and-checkpoints.md says it, in the plainest way. */
function modelRoot(bits: number, rows: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const model = Array.from({ length: 2 ** bits }, (): Buffer[] => [])
  for (const [name, value] of rows) {
    const key = sha256('trusthealth/1/state-key\0', name)
    model[key.readUInt32BE(0) >>> (32 - bits)]?.push(Buffer.concat([key, value]))
  }
  let level = model.map((entries, bucket) => {
    if (entries.length === 0) return sha256('trusthealth/1/state-bucket\0')
    const number = Buffer.alloc(4)
    number.writeUInt32BE(bucket)
    return sha256('trusthealth/1/state-bucket\0', number, ...entries.toSorted((a, b) => Buffer.compare(a, b)))
  })
  while (level.length > 1) {
    level = level.flatMap((left, i) => (i % 2 === 0 ? [sha256(Uint8Array.of(1), left, level[i + 1]!)] : []))
  }
  return new Uint8Array(sha256('trusthealth/1/state-root\0', Uint8Array.of(bits), level[0]!))
}

interface World {
  readonly database: MemoryDatabase
  readonly state: State
  readonly rows: Map<string, Uint8Array>
}

/** A state with `count` rows, committed. */
function filledState(count: number): World {
  const database = openMemoryDatabase()
  const state = createState(database, crypto, BITS, { foldAfter: 0 })
  const rows = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i++) {
    rows.set(`record\0r-${i}`, digest(`row ${i}`))
    state.set('record', `r-${i}`, digest(`row ${i}`))
  }
  commit({ database, state, rows })
  return { database, state, rows }
}

function commit({ database, state }: World): Uint8Array {
  database.exec('BEGIN')
  const root = state.flush()
  database.exec('COMMIT')
  state.commit()
  return root
}

/** Every bucket as it is stored now. */
function buckets(database: MemoryDatabase): [number, Uint8Array][] {
  return database
    .prepare('SELECT bucket, content FROM state_bucket ORDER BY bucket')
    .all()
    .map(({ bucket, content }) => [Number(bucket), content instanceof Uint8Array ? content : new Uint8Array()])
}

/** What the normal world can do to the disk of a running system. */
function putBack(database: MemoryDatabase, rows: readonly [number, Uint8Array][]): void {
  database.exec('DELETE FROM state_bucket')
  for (const row of rows) database.prepare('INSERT INTO state_bucket VALUES (?, ?)').run(...row)
}

const rolledBack = { code: 'STATE_ROLLED_BACK' }

/** Opens it under `root` and asks for rows in every bucket, there or not: each answer is right, or this throws. */
function useAll(database: MemoryDatabase, root: Uint8Array, rows: ReadonlyMap<string, Uint8Array>): void {
  const state = openState(database, crypto, root)
  for (let i = 0; i < 200; i++) assert.deepEqual(state.get('record', `r-${i}`), rows.get(`record\0r-${i}`))
}

test('the root is the one of the specification, empty, filled, changed and emptied again', () => {
  const world = filledState(100)
  const { state, rows } = world
  assert.deepEqual(createState(openMemoryDatabase(), crypto, BITS).root(), modelRoot(BITS, new Map()))
  assert.deepEqual(state.root(), modelRoot(BITS, rows))
  state.set('record', 'r-7', digest('new'))
  state.delete('record', 'r-8')
  rows.set('record\0r-7', digest('new'))
  rows.delete('record\0r-8')
  assert.deepEqual(commit(world), modelRoot(BITS, rows))
  for (let i = 0; i < 100; i++) state.delete('record', `r-${i}`)
  assert.deepEqual(commit(world), modelRoot(BITS, new Map()))
  assert.deepEqual(buckets(world.database), [], 'empty buckets have no row')
})

test('the format is fixed: this root is what version 1 computes', () => {
  const database = openMemoryDatabase()
  const state = createState(database, crypto)
  state.set('record', 'r-1', digest('one'))
  state.set('warrant', 'w-1', digest('two'))
  assert.equal(Buffer.from(state.flush()).toString('hex'), PINNED_ROOT)
  const rows = new Map([
    ['record\0r-1', digest('one')],
    ['warrant\0w-1', digest('two')],
  ])
  assert.equal(Buffer.from(modelRoot(14, rows)).toString('hex'), PINNED_ROOT)
})

test('what was set is there at once, after the commit, and after opening again', () => {
  const world = filledState(50)
  const { database, state } = world
  state.set('grant', 'g-1', digest('grant'))
  assert.deepEqual(state.get('grant', 'g-1'), digest('grant'))
  state.delete('record', 'r-1')
  assert.equal(state.get('record', 'r-1'), undefined)
  const root = commit(world)
  const opened = openState(openMemoryDatabase(database.content()), crypto, root)
  for (const one of [state, opened]) {
    assert.deepEqual(one.get('grant', 'g-1'), digest('grant'))
    assert.equal(one.get('record', 'r-1'), undefined)
    assert.deepEqual(one.get('record', 'r-2'), digest('row 2'))
    assert.equal(one.get('grant', 'r-2'), undefined, 'an id belongs to its kind')
    assert.deepEqual(one.root(), root)
  }
})

test('values and roots are copies', () => {
  const { state } = filledState(1)
  const value = digest('v')
  state.set('k', 'a', value)
  value.fill(0)
  state.get('k', 'a')?.fill(1)
  assert.deepEqual(state.get('k', 'a'), digest('v'))
  state.get('record', 'r-0')?.fill(1)
  assert.deepEqual(state.get('record', 'r-0'), digest('row 0'))
  state.flush()
  const root = state.root()
  state.root().fill(0)
  assert.deepEqual(state.root(), root)
})

test('an old bucket row put back is STATE_ROLLED_BACK, on reading and on writing', () => {
  const world = filledState(100)
  const { database, state } = world
  const before = buckets(database)
  state.set('record', 'r-7', digest('revoked'))
  commit(world)
  const now = buckets(database)
  putBack(database, before)
  assert.throws(() => state.get('record', 'r-7'), rolledBack)
  assert.throws(() => state.checkRow('record', 'r-7', digest('row 7')), rolledBack)
  state.set('record', 'r-7', digest('newer'))
  assert.throws(() => state.flush(), rolledBack)
  state.discard()
  const same = before.filter(([bucket, content]) =>
    now.some(([b, c]) => b === bucket && Buffer.compare(c, content) === 0),
  )
  assert.equal(same.length, before.length - 1, 'one bucket changed, the others still answer')
  assert.equal(
    Array.from({ length: 100 }, (_, i) => i).filter((i) => answers(() => state.get('record', `r-${i}`))).length,
    100 - before.find(([bucket]) => !same.some(([b]) => b === bucket))![1].length / 64,
  )
  putBack(database, now)
  state.checkRow('record', 'r-7', digest('revoked'))
})

/** The database, but the bucket write number `failAt` fails as a full disk does. */
function failingAtWrite(failAt: number, database: MemoryDatabase): SqlDatabase {
  let writes = 0
  return {
    ...database,
    prepare(sql): SqlStatement {
      const statement = database.prepare(sql)
      return {
        run(...row) {
          if (sql.startsWith('INSERT INTO state_bucket') && ++writes === failAt) throw new Error('disk full')
          statement.run(...row)
        },
        get: (...row) => statement.get(...row),
        all: (...row) => statement.all(...row),
        iterate: (...row) => statement.iterate(...row),
      }
    },
  }
}

function answers(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

test('every flipped byte, a removed and an emptied bucket row are STATE_ROLLED_BACK', () => {
  const { database, state } = filledState(30)
  const good = buckets(database)
  const [bucket, content] = good[0]!
  const id = Array.from({ length: 30 }, (_, i) => `r-${i}`).find(
    (one) => sha256('trusthealth/1/state-key\0', `record\0${one}`).readUInt32BE(0) >>> 28 === bucket,
  )!
  const set = database.prepare('UPDATE state_bucket SET content = ? WHERE bucket = ?')
  for (let i = 0; i < content.length; i++) {
    const bad = content.slice()
    bad[i]! ^= 1
    set.run(bad, bucket)
    assert.throws(() => state.get('record', id), rolledBack)
  }
  set.run(content.slice(64), bucket)
  assert.throws(() => state.get('record', id), rolledBack)
  set.run(new Uint8Array(0), bucket)
  assert.throws(() => state.get('record', id), rolledBack)
  database.exec(`DELETE FROM state_bucket WHERE bucket = ${bucket}`)
  assert.throws(() => state.get('record', id), rolledBack)
  putBack(database, good)
  set.run(content.slice(1), bucket)
  assert.throws(() => state.get('record', id), { code: 'STORE_DAMAGED' })
})

test('a row put into an empty bucket, even one without entries, is STATE_ROLLED_BACK', () => {
  const database = openMemoryDatabase()
  const state = createState(database, crypto, BITS, { foldAfter: 0 })
  for (let bucket = 0; bucket < 16; bucket++) {
    database.prepare('INSERT INTO state_bucket VALUES (?, ?)').run(bucket, new Uint8Array(0))
  }
  assert.throws(() => state.get('record', 'r-1'), rolledBack)
  assert.throws(() => openState(database, crypto, state.root()), rolledBack)
})

test('a whole older database under a newer memory is STATE_ROLLED_BACK at the first read of what changed', () => {
  const world = filledState(100)
  const { database, state } = world
  const older = buckets(database)
  for (let i = 0; i < 100; i++) state.set('record', `r-${i}`, digest(`changed ${i}`))
  commit(world)
  putBack(database, older)
  for (let i = 0; i < 100; i++) assert.throws(() => state.get('record', `r-${i}`), rolledBack)
})

test('an older database does not open under the newer root, nor another number of buckets; an older bucket is noticed when it is used', () => {
  const world = filledState(100)
  const { database, state, rows } = world
  const older = database.content()
  const olderBuckets = buckets(database)
  state.set('record', 'r-7', digest('revoked'))
  rows.set('record\0r-7', digest('revoked'))
  const root = commit(world)
  const now = buckets(database)
  assert.throws(() => openState(openMemoryDatabase(older), crypto, root), rolledBack)
  for (let i = 0; i < now.length; i++) {
    const mixed = now.with(i, olderBuckets[i]!)
    putBack(database, mixed)
    if (Buffer.compare(now[i]![1], olderBuckets[i]![1]) === 0) useAll(database, root, rows)
    else assert.throws(() => useAll(database, root, rows), rolledBack)
  }
  putBack(database, now)
  useAll(database, root, rows)
  database.exec('UPDATE state_shape SET bucket_bits = 5')
  assert.throws(() => openState(database, crypto, root), rolledBack)
  for (const sql of [3, 21]
    .map((bits) => `UPDATE state_shape SET bucket_bits = ${bits}`)
    .concat('DELETE FROM state_shape')) {
    database.exec(sql)
    assert.throws(() => openState(database, crypto, root), { code: 'STORE_DAMAGED' })
  }
})

test('checkRow accepts the current digest only, checkAbsent only what must not be there', () => {
  const { state } = filledState(3)
  state.checkRow('record', 'r-1', digest('row 1'))
  assert.throws(() => state.checkRow('record', 'r-1', digest('row 2')), rolledBack)
  assert.throws(() => state.checkRow('record', 'r-99', digest('row 99')), rolledBack)
  state.checkAbsent('record', 'r-99')
  assert.throws(() => state.checkAbsent('record', 'r-1'), rolledBack)
})

test('a transaction that was rolled back leaves memory and disk as they were', () => {
  const { database, state, rows } = filledState(100)
  database.exec('BEGIN')
  state.set('record', 'r-1', digest('lost'))
  state.delete('record', 'r-2')
  assert.notDeepEqual(state.flush(), modelRoot(BITS, rows))
  state.set('record', 'r-3', digest('lost too'))
  database.exec('ROLLBACK')
  state.discard()
  assert.deepEqual(state.root(), modelRoot(BITS, rows))
  assert.deepEqual(state.get('record', 'r-1'), digest('row 1'))
  assert.deepEqual(state.get('record', 'r-2'), digest('row 2'))
  assert.deepEqual(state.get('record', 'r-3'), digest('row 3'))
})

test('two flushes in one transaction are undone together', () => {
  const { database, state, rows } = filledState(100)
  database.exec('BEGIN')
  for (const value of ['first', 'second']) {
    state.set('record', 'r-1', digest(value))
    state.flush()
  }
  database.exec('ROLLBACK')
  state.discard()
  assert.deepEqual(state.root(), modelRoot(BITS, rows))
  state.checkRow('record', 'r-1', digest('row 1'))
})

test('a write that fails in the middle of a flush is undone by rollback and discard', () => {
  const { database, state, rows } = filledState(100)
  const failing = openState(failingAtWrite(3, database), crypto, state.root(), { foldAfter: 0 })
  database.exec('BEGIN')
  for (let i = 0; i < 100; i++) failing.set('record', `r-${i}`, digest('lost'))
  assert.throws(() => failing.flush(), /disk full/)
  database.exec('ROLLBACK')
  failing.discard()
  assert.deepEqual(failing.root(), modelRoot(BITS, rows))
  for (let i = 0; i < 100; i++) failing.checkRow('record', `r-${i}`, digest(`row ${i}`))
})

test('a savepoint undoes one request and leaves the others of the group', () => {
  const world = filledState(10)
  const { state, rows } = world
  state.set('record', 'r-1', digest('first request'))
  state.delete('record', 'r-2')
  const savepoint = state.savepoint()
  state.set('record', 'r-1', digest('second request'))
  state.set('record', 'r-2', digest('second request'))
  state.delete('record', 'r-3')
  state.set('record', 'r-1', digest('second request again'))
  state.rollbackTo(savepoint)
  rows.set('record\0r-1', digest('first request'))
  rows.delete('record\0r-2')
  assert.equal(state.get('record', 'r-2'), undefined)
  assert.deepEqual(state.get('record', 'r-3'), digest('row 3'))
  assert.deepEqual(commit(world), modelRoot(BITS, rows))
  assert.throws(() => state.rollbackTo(savepoint), RangeError)
})

test('a root or a commit with changes not flushed is refused as the caller’s bug', () => {
  const { state } = filledState(1)
  state.set('record', 'r-1', digest('x'))
  assert.throws(() => state.root(), /flush/)
  assert.throws(() => state.commit(), /flush/)
  state.discard()
  state.root()
})

test('wrong arguments are the caller’s bug', () => {
  const { state } = filledState(1)
  assert.throws(() => state.set('record', 'r', new Uint8Array(31)), RangeError)
  for (const kind of ['', 'A', 'a\0b', '1', 'a'.repeat(33)]) assert.throws(() => state.get(kind, 'r'), RangeError)
  for (const bits of [0, 21, 1.5]) assert.throws(() => createState(openMemoryDatabase(), crypto, bits), RangeError)
})

/** Rows of the journal, and how many buckets have a row. */
function waiting(database: MemoryDatabase): { readonly journal: Uint8Array[]; readonly rows: number } {
  const journal = database.prepare('SELECT changes FROM state_change ORDER BY id').all()
  return { journal: journal.map((row) => row['changes'] as Uint8Array), rows: buckets(database).length }
}

function setMany({ state, rows }: World, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    rows.set(`record\0r-${i}`, digest(`row ${i}`))
    state.set('record', `r-${i}`, digest(`row ${i}`))
  }
}

test('changes wait side by side, are folded into buckets together, and are the state when it is opened', () => {
  const database = openMemoryDatabase()
  const world = {
    database,
    state: createState(database, crypto, BITS, { foldAfter: 20 }),
    rows: new Map<string, Uint8Array>(),
  }
  const expected = [
    { until: 10, journal: 1, hasRows: false },
    { until: 20, journal: 2, hasRows: false },
    { until: 30, journal: 0, hasRows: true },
    { until: 31, journal: 1, hasRows: true },
  ]
  let from = 0
  for (const { until, journal, hasRows } of expected) {
    setMany(world, from, until)
    from = until
    const root = commit(world)
    assert.deepEqual(root, modelRoot(BITS, world.rows))
    assert.equal(waiting(database).journal.length, journal)
    assert.equal(waiting(database).rows > 0, hasRows)
    const opened = openState(openMemoryDatabase(database.content()), crypto, root)
    for (const [name, value] of world.rows) opened.checkRow('record', name.slice('record\0'.length), value)
  }
})

test('a journal that is altered, cut, reordered or from before is noticed when it is used', () => {
  const database = openMemoryDatabase()
  const world = { database, state: createState(database, crypto, BITS), rows: new Map<string, Uint8Array>() }
  const { rows } = world
  setMany(world, 0, 3)
  const firstRoot = commit(world)
  const [first = new Uint8Array(0)] = waiting(database).journal
  for (let at = 0; at < first.length; at++) {
    const copy = openMemoryDatabase(database.content())
    copy.prepare('UPDATE state_change SET changes = ? WHERE id = 1').run(first.with(at, first[at]! ^ 1))
    assert.throws(() => useAll(copy, firstRoot, rows), rolledBackOrDamaged, `byte ${at}`)
  }
  world.state.delete('record', 'r-1')
  rows.delete('record\0r-1')
  const root = commit(world)
  useAll(openMemoryDatabase(database.content()), root, rows)
  for (const damage of [
    'DELETE FROM state_change',
    'DELETE FROM state_change WHERE id = 2',
    'UPDATE state_change SET id = 9 WHERE id = 1',
    "UPDATE state_change SET changes = x''",
    'INSERT INTO state_bucket SELECT 1, zeroblob(64)',
  ]) {
    const copy = openMemoryDatabase(database.content())
    copy.exec(damage)
    assert.throws(() => useAll(copy, root, rows), rolledBack, damage)
  }
  const cut = openMemoryDatabase(database.content())
  cut.prepare('UPDATE state_change SET changes = ? WHERE id = 1').run(first.subarray(1))
  assert.throws(() => openState(cut, crypto, root), { code: 'STORE_DAMAGED' })
})

test('digests that are altered, cut, reordered, taken away or from before do not open', () => {
  const database = openMemoryDatabase()
  const world = { database, state: createState(database, crypto, BITS), rows: new Map<string, Uint8Array>() }
  const { state, rows } = world
  setMany(world, 0, 20)
  commit(world)
  const older = digests(database)
  for (const value of ['revoked', 'given again', 'revoked again']) {
    state.set('record', 'r-7', digest(value))
    rows.set('record\0r-7', digest(value))
    commit(world)
  }
  const root = state.root()
  const now = digests(database)
  assert.equal(now.length, older.length + 3)
  useAll(openMemoryDatabase(database.content()), root, rows)
  const bad: (readonly Uint8Array[])[] = [older, now.slice(0, -1), now.slice(1), now.toReversed(), [...now, now[1]!]]
  for (const [i, row] of now.entries()) {
    for (let at = 0; at < row.length; at++) bad.push(now.with(i, row.with(at, row[at]! ^ 1)))
    bad.push(now.with(i, row.subarray(1)), now.with(i, row.subarray(36)))
  }
  for (const one of bad) {
    const copy = openMemoryDatabase(database.content())
    copy.exec('DELETE FROM state_digest')
    for (const row of one) copy.prepare('INSERT INTO state_digest (digests) VALUES (?)').run(row)
    const use = (): void => useAll(copy, root, rows)
    // What a newer row replaces may be anything.
    if (isDeepStrictEqual(newestDigests(one), newestDigests(now))) use()
    else assert.throws(use, rolledBackOrDamaged)
  }
})

/** What the rows say in the end of each bucket; undefined if one is not made of entries. */
function newestDigests(rows: readonly Uint8Array[]): ReadonlyMap<number, string> | undefined {
  if (rows.some((row) => row.length % 36 !== 0)) return undefined
  const all = Buffer.concat(rows)
  const entries = Array.from({ length: all.length / 36 }, (_, i) => all.subarray(i * 36, (i + 1) * 36))
  return new Map(entries.map((entry) => [entry.readUInt32BE(0), entry.toString('hex', 4)]))
}

test('a store from before digests were stored opens by its buckets, and has them from its next commit on', () => {
  const database = openMemoryDatabase()
  const world = {
    database,
    state: createState(database, crypto, BITS, { foldAfter: 20 }),
    rows: new Map<string, Uint8Array>(),
  }
  let from = 0
  for (const until of [15, 30, 35]) {
    setMany(world, from, until)
    commit(world)
    from = until
  }
  assert.ok(waiting(database).journal.length > 0 && waiting(database).rows > 0)
  const root = world.state.root()
  database.exec('DELETE FROM state_digest')
  useAll(openMemoryDatabase(database.content()), root, world.rows)
  const outside = openMemoryDatabase(database.content())
  outside.exec(`UPDATE state_bucket SET bucket = ${1 << BITS} WHERE bucket = (SELECT max(bucket) FROM state_bucket)`)
  assert.throws(() => openState(outside, crypto, root), { code: 'STORE_DAMAGED' })
  const opened = { ...world, state: openState(database, crypto, root) }
  setMany(opened, 35, 36)
  database.exec('BEGIN')
  opened.state.flush()
  database.exec('ROLLBACK')
  opened.state.discard()
  setMany(opened, 36, 37)
  opened.rows.delete('record\0r-35')
  const next = commit(opened)
  assert.equal(digests(database).length, 1)
  // The buckets are not read any more.
  database.exec('DELETE FROM state_bucket')
  openState(database, crypto, next)
  assert.throws(() => useAll(database, next, opened.rows), rolledBack)
})

function digests(database: MemoryDatabase): Uint8Array[] {
  return database
    .prepare('SELECT digests FROM state_digest ORDER BY id')
    .all()
    .map((row) => row['digests'] as Uint8Array)
}

function rolledBackOrDamaged(error: { readonly code?: string }): boolean {
  return error.code === 'STATE_ROLLED_BACK' || error.code === 'STORE_DAMAGED'
}

test('folding goes on with the transactions that come: at each moment, and after a rollback in it, the state is right', () => {
  const database = openMemoryDatabase()
  const foldAfter = 64
  const world = {
    database,
    state: createState(database, crypto, 6, { foldAfter }),
    rows: new Map<string, Uint8Array>(),
  }
  const { state, rows } = world
  let partly = 0
  let most = 0
  let foldings = 0
  let before = 0
  for (let i = 0; i < 400; i++) {
    const id = `r-${i % 150}`
    database.exec('BEGIN')
    state.set('record', id, digest('lost'))
    state.flush()
    database.exec('ROLLBACK')
    state.discard()
    if (i % 7 === 0) {
      state.delete('record', id)
      rows.delete(`record\0${id}`)
    } else {
      state.set('record', id, digest(`${i}`))
      rows.set(`record\0${id}`, digest(`${i}`))
    }
    const root = commit(world)
    const { journal } = waiting(database)
    if (journal.length < before) foldings++
    if (journal.length > foldAfter && journal.length > before) partly++
    before = journal.length
    most = Math.max(most, journal.length, digests(database).length)
    if (i % 5 === 0) useAll(openMemoryDatabase(database.content()), root, rows)
  }
  assert.ok(foldings >= 3 && partly > 3 * foldings, `${foldings} foldings in ${partly} transactions`)
  assert.ok(most > foldAfter && most <= 2 * foldAfter)
})

test('a folding that is rolled back leaves the journal and its changes', () => {
  const database = openMemoryDatabase()
  const state = createState(database, crypto, BITS, { foldAfter: 5 })
  const world = { database, state, rows: new Map<string, Uint8Array>() }
  setMany(world, 0, 5)
  const root = commit(world)
  database.exec('BEGIN')
  for (let i = 5; i < 20; i++) state.set('record', `r-${i}`, digest('lost'))
  state.flush()
  assert.equal(waiting(database).journal.length, 0)
  database.exec('ROLLBACK')
  state.discard()
  assert.deepEqual(state.root(), root)
  state.checkRow('record', 'r-1', digest('row 1'))
  state.checkAbsent('record', 'r-7')
  assert.equal(waiting(database).journal.length, 1)
})
