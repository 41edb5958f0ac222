import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { describeSqlDatabase } from '../../../../testkit/src/suites/sql-database.ts'
import { createDeferredSqlCipherPort, createSqlCipherPort } from './index.ts'

const folders: string[] = []
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-sql-'))
  folders.push(folder)
  return folder
}
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describeSqlDatabase('sqlcipher', () => createSqlCipherPort({ folder: freshFolder() }))
describeSqlDatabase('sqlcipher, durable later', () => createDeferredSqlCipherPort({ folder: freshFolder() }))
describeSqlDatabase('aegis', () => createSqlCipherPort({ folder: freshFolder(), cipher: 'aegis' }))

const key = new Uint8Array(32).fill(0xab)
const CANARY = 'penicillin-canary'

test('no plaintext on disk, in the log either, and no shared-memory file', () => {
  const folder = freshFolder()
  const database = createSqlCipherPort({ folder }).open('a', key)
  database.exec(`CREATE TABLE t (s TEXT) STRICT; INSERT INTO t VALUES ('${CANARY}')`)
  const files = readdirSync(folder)
  assert.deepEqual(
    files.filter((file) => file.endsWith('-shm')),
    [],
  )
  assert.ok(files.includes('a-wal'))
  for (const file of files) {
    const bytes = readFileSync(join(folder, file))
    assert.ok(!bytes.includes(CANARY) && !bytes.includes('SQLite format'), file)
  }
  database.close()
})

test('a deferred COMMIT leaves the syncing to whoever asks for it, once for all since the last time', async () => {
  const folder = freshFolder()
  const port = createDeferredSqlCipherPort({ folder })
  const database = port.open('a', key)
  const level = (): unknown => database.prepare('PRAGMA synchronous').get()?.['synchronous']
  assert.equal(level(), 1)
  assert.equal(port.sync(), undefined)
  database.exec('CREATE TABLE t (n INTEGER) STRICT')
  for (let i = 0; i < 2; i++) {
    database.exec('BEGIN IMMEDIATE')
    database.prepare('INSERT INTO t VALUES (?)').run(i)
    database.exec('COMMIT')
  }
  await port.sync()
  assert.equal(port.sync(), undefined)
  database.exec('BEGIN')
  database.exec('COMMIT')
  database.close()
  assert.equal(port.sync(), undefined)
  const opened = createSqlCipherPort({ folder }).open('a', key)
  assert.deepEqual(opened.prepare('SELECT count(*) AS n FROM t').get(), { n: 2 })
  assert.equal(opened.prepare('PRAGMA synchronous').get()?.['synchronous'], 2)
  opened.close()
})

test('a flipped byte of any page is STORE_DAMAGED when the page is read', () => {
  const folder = freshFolder()
  const port = createSqlCipherPort({ folder })
  const database = port.open('a', key)
  database.exec('CREATE TABLE t (b BLOB) STRICT')
  for (let i = 0; i < 10; i++) database.prepare('INSERT INTO t VALUES (?)').run(new Uint8Array(6000))
  database.close()
  const path = join(folder, 'a')
  const good = readFileSync(path)
  for (let page = 1; page < good.length / 8192; page++) {
    const bad = Buffer.from(good)
    bad[page * 8192 + 100] = (bad[page * 8192 + 100] as number) ^ 1
    writeFileSync(path, bad)
    assert.throws(
      () => {
        const opened = port.open('a', key)
        try {
          opened.prepare('SELECT b FROM t').all()
          opened.prepare('PRAGMA integrity_check').all()
        } finally {
          opened.close()
        }
      },
      { code: 'STORE_DAMAGED' },
    )
  }
})

test('deleted content does not stay in free pages', () => {
  const folder = freshFolder()
  const database = createSqlCipherPort({ folder }).open('a', key)
  assert.equal(database.prepare('PRAGMA secure_delete').get()?.['secure_delete'], 1)
  assert.equal(database.prepare('PRAGMA synchronous').get()?.['synchronous'], 2)
  database.close()
})

test('a folder that cannot be written is STORE_FAILED', () => {
  const folder = freshFolder()
  writeFileSync(join(folder, 'file'), '')
  assert.throws(() => createSqlCipherPort({ folder: join(folder, 'file', 'inside') }).open('a', key), {
    code: 'STORE_FAILED',
  })
})

for (const cipher of ['sqlcipher', 'aegis'] as const) {
  test(`${cipher}: under another key it opens with that one only, and whatever an earlier try left does not matter`, () => {
    const folder = freshFolder()
    const next = new Uint8Array(32).fill(0xcd)
    const port = createSqlCipherPort({ folder, cipher })
    const database = port.open('a', key)
    database.exec('CREATE TABLE t (b BLOB) STRICT')
    for (let i = 0; i < 50; i++) database.prepare('INSERT INTO t VALUES (?)').run(new Uint8Array(6000).fill(i))
    database.close()
    // Cut off while it was being written.
    writeFileSync(join(folder, 'a.rekey'), readFileSync(join(folder, 'a')).subarray(0, 20_000))
    writeFileSync(join(folder, 'a.rekey-journal'), new Uint8Array(9000))
    assert.throws(() => port.rekey?.('a', next, key), { code: 'STORE_DAMAGED' })
    port.rekey?.('a', key, next)
    assert.throws(() => port.open('a', key), { code: 'STORE_DAMAGED' })
    const opened = port.open('a', next)
    assert.deepEqual(opened.prepare('SELECT count(*) AS n, sum(length(b)) AS bytes FROM t').get(), {
      n: 50,
      bytes: 300_000,
    })
    assert.deepEqual(opened.prepare('PRAGMA integrity_check').all(), [{ integrity_check: 'ok' }])
    opened.close()
    assert.deepEqual(readdirSync(folder), ['a'])
  })
}

test('a key that is none changes nothing', () => {
  const folder = freshFolder()
  const port = createSqlCipherPort({ folder })
  port.open('a', key).close()
  const before = readFileSync(join(folder, 'a'))
  for (const [from, to] of [
    [key.subarray(1), key],
    [key, key.subarray(1)],
  ] as const) {
    assert.throws(() => port.rekey?.('a', from, to), RangeError)
  }
  assert.throws(() => port.open('a', key.subarray(1)), RangeError)
  assert.deepEqual(readFileSync(join(folder, 'a')), before)
  assert.deepEqual(readdirSync(folder), ['a'])
})

test('STORE_FAILED: a deferred COMMIT whose file does not become durable, so nothing is acknowledged', async (t) => {
  const port = createDeferredSqlCipherPort({ folder: freshFolder() })
  const disk = { datasync: () => Promise.reject(new Error('EIO')), close: () => Promise.resolve() }
  t.mock.method(promises, 'open', () => Promise.resolve(disk))
  syncBuiltinESMExports()
  const database = port.open('a', key)
  t.mock.restoreAll()
  syncBuiltinESMExports()
  database.exec('BEGIN IMMEDIATE')
  database.exec('CREATE TABLE t (n INTEGER) STRICT')
  database.exec('COMMIT')
  await assert.rejects(async () => await port.sync(), { code: 'STORE_FAILED' })
  database.close()
})

/** The command line of SQLCipher 4; Debian has it in bookworm-backports and later releases. */
function findSqlCipherProgram(): string | undefined {
  const asked = spawnSync('sqlcipher', [':memory:', 'PRAGMA cipher_version'], { encoding: 'utf8' })
  return asked.status === 0 && /^4\./m.test(asked.stdout) ? 'sqlcipher' : undefined
}

const program = findSqlCipherProgram()
test(
  'the sqlcipher 4 program opens our file with the raw key and finds every page intact',
  { skip: program === undefined ? 'NOT CHECKED: the program sqlcipher 4 is not installed on this machine' : false },
  () => {
    const folder = freshFolder()
    const database = createSqlCipherPort({ folder }).open('a', key)
    database.exec(`CREATE TABLE t (s TEXT) STRICT; INSERT INTO t VALUES ('${CANARY}')`)
    database.close()
    const ask = (hex: string): string =>
      spawnSync(program as string, [join(folder, 'a')], {
        input: `PRAGMA key = "x'${hex}'"; PRAGMA cipher_page_size = 8192; SELECT s FROM t; PRAGMA cipher_integrity_check;`,
        encoding: 'utf8',
      }).stdout
    assert.equal(ask('ab'.repeat(32)).replace(/^ok\n/, ''), `${CANARY}\n`)
    assert.ok(!ask('ac'.repeat(32)).includes(CANARY))
  },
)
