/**
 * Copies of a database that is written meanwhile, at every moment that matters: each opens as one committed state.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import Sqlite from 'better-sqlite3-multiple-ciphers'
import fc from 'fast-check'
import { Repository } from './repository.ts'
import { restoreSnapshot, writeBackup } from './restore.ts'
import { takeSnapshot } from './snapshot.ts'

const nowMs = () => 1_790_000_000_000

interface Place {
  readonly data: string
  readonly repository: string
  readonly db: Sqlite.Database
}

function open(t: TestContext): Place {
  const root = mkdtempSync(join(tmpdir(), 'snapshot-'))
  const data = join(root, 'data')
  mkdirSync(data)
  const db = new Sqlite(join(data, 'store.db'))
  db.pragma('page_size = 8192')
  db.pragma('journal_mode = WAL')
  db.pragma('wal_autocheckpoint = 0')
  db.pragma('synchronous = OFF')
  db.exec('CREATE TABLE pair (id INTEGER PRIMARY KEY, a BLOB, b BLOB)')
  for (let id = 1; id <= 20; id++) write(db, id, 0)
  t.after(() => {
    if (db.open) db.close()
    rmSync(root, { recursive: true, force: true })
  })
  return { data, repository: join(root, 'repository'), db }
}

/** Two columns that are equal in every committed state, on pages apart. */
function write(db: Sqlite.Database, id: number, value: number): void {
  const blob = Buffer.alloc(6_000, value)
  db.prepare('INSERT INTO pair VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b').run(
    id,
    blob,
    blob,
  )
}

/** Opens a copy as SQLite does after a power cut, and reads all of it. */
function valuesOf(folder: string): number[] {
  const db = new Sqlite(join(folder, 'store.db'))
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    const rows = db.prepare('SELECT a, b FROM pair ORDER BY id').all() as { a: Buffer; b: Buffer }[]
    return rows.map(({ a, b }) => {
      assert.deepEqual(a, b)
      return a[0] ?? -1
    })
  } finally {
    db.close()
  }
}

function contentOf(repository: Repository, folder: string, number: number): number[] {
  const backup = repository.backups().find((one) => one.number === number)
  assert.ok(backup)
  writeBackup(repository, backup, folder)
  return valuesOf(folder)
}

test('whatever is written, folded or begun anew between the two files, a copy is one committed state', (t) => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('write' as const),
      id: fc.integer({ min: 1, max: 60 }),
      value: fc.integer({ min: 1, max: 255 }),
    }),
    fc.record({ do: fc.constantFrom('fold' as const, 'begin anew' as const, 'truncate' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 12 }), (before, between) => {
      const { data, repository: folder, db } = open(t)
      const play = (steps: typeof before) => {
        for (const one of steps) {
          if (one.do === 'write') write(db, one.id, one.value)
          else if (one.do === 'fold') db.pragma('wal_checkpoint(PASSIVE)')
          else db.pragma(`wal_checkpoint(${one.do === 'truncate' ? 'TRUNCATE' : 'RESTART'})`)
        }
      }
      play(before)
      const states = [JSON.stringify(currentOf(db))]
      const repository = new Repository(folder)
      takeSnapshot(data, repository, nowMs, (attempt) => {
        if (attempt === 1) play(between)
        states.push(JSON.stringify(currentOf(db)))
      })
      const copied = JSON.stringify(contentOf(repository, join(folder, 'out'), 1))
      // Between the files everything was committed: the copy is what was there then or later.
      assert.ok(states.slice(1).includes(copied))
      db.close()
    }),
    { numRuns: 30 },
  )
})

function currentOf(db: Sqlite.Database): number[] {
  return (db.prepare('SELECT a FROM pair ORDER BY id').all() as { a: Buffer }[]).map(({ a }) => a[0] ?? -1)
}

test('a log that began anew meanwhile is noticed, and the copy is taken again', (t) => {
  const { data, repository: folder, db } = open(t)
  let tries = 0
  takeSnapshot(data, new Repository(folder), nowMs, (attempt) => {
    tries = attempt
    if (attempt > 2) return
    write(db, 1, attempt)
    db.pragma('wal_checkpoint(RESTART)')
    write(db, 2, attempt)
  })
  assert.equal(tries, 3)
})

test('a store that changes faster than it is copied is refused, and nothing of the try stays', (t) => {
  const { data, repository: folder, db } = open(t)
  const again = (attempt: number) => {
    write(db, 1, attempt)
    db.pragma('wal_checkpoint(RESTART)')
    write(db, 2, attempt)
  }
  const repository = new Repository(folder)
  assert.throws(() => takeSnapshot(data, repository, nowMs, again), { code: 'TEE_BUSY' })
  assert.deepEqual([readdirSync(join(folder, 'packs')), readdirSync(join(folder, 'backups'))], [[], []])
  assert.throws(() => takeSnapshot(join(data, 'nowhere'), repository, nowMs), { code: 'STORE_FAILED' })
})

test('a backup costs what changed; one without a change costs nothing', (t) => {
  const { data, repository: folder, db } = open(t)
  db.pragma('wal_checkpoint(TRUNCATE)')
  const first = takeSnapshot(data, new Repository(folder), nowMs)
  assert.ok(first.addedPages > 5)
  const same = takeSnapshot(data, new Repository(folder), nowMs)
  assert.deepEqual([same.addedPages, same.pages], [0, first.pages])
  write(db, 7, 9)
  db.pragma('wal_checkpoint(TRUNCATE)')
  const changed = takeSnapshot(data, new Repository(folder), nowMs)
  assert.ok(changed.addedPages > 0 && changed.addedPages < changed.pages / 2, String(changed.addedPages))
  const repository = new Repository(folder)
  assert.equal(contentOf(repository, join(folder, 'one'), 1)[6], 0)
  assert.equal(contentOf(repository, join(folder, 'three'), 3)[6], 9)
})

test('a page that is another one, missing or listed elsewhere is found before anything is put back', (t) => {
  const { data, repository: folder } = open(t)
  takeSnapshot(data, new Repository(folder), nowMs)
  const target = join(folder, '..', 'target')
  mkdirSync(target)
  writeFileSync(join(target, 'store.db'), 'what is there')
  const sound = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.equal(sound.length, 4)
  for (const entry of sound) {
    for (const how of ['flip', 'cut', 'empty'] as const) {
      const copy = `${folder}-${entry.name}-${how}`
      cpSync(folder, copy, { recursive: true })
      const path = join(entry.parentPath.replace(folder, copy), entry.name)
      const bytes = readFileSync(path)
      // In the middle: in JSON, a digit of a digest.
      if (how === 'flip') bytes[Math.floor(bytes.length / 2)]! ^= 1
      writeFileSync(path, how === 'flip' ? bytes : bytes.subarray(0, how === 'cut' ? bytes.length - 1 : 0))
      const put = () => {
        const repository = new Repository(copy)
        restoreSnapshot(repository, repository.backups()[0]!, target, nowMs())
      }
      // Cutting the line end of JSON changes nothing.
      if (entry.name.endsWith('.json') && how === 'cut') continue
      assert.throws(put, { code: 'STORE_DAMAGED' }, `${entry.name} ${how}`)
      assert.equal(readFileSync(join(target, 'store.db'), 'utf8'), 'what is there')
    }
  }
  const repository = new Repository(folder)
  assert.equal(restoreSnapshot(repository, repository.backups()[0]!, target, 5), '.before-5')
  assert.equal(readFileSync(join(target, 'store.db.before-5'), 'utf8'), 'what is there')
  assert.equal(valuesOf(target).length, 20)
})
