/**
 * What every implementation of the database port must do, so that the trusted application behaves the same on each.
 * Call it from a test file: `describeSqlDatabase('sqlcipher', () => createSqlCipherPort({ folder }))`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatabasePort } from '../../../secure/core/src/ports.ts'

export function describeSqlDatabase(name: string, openPort: () => DatabasePort): void {
  const key = new Uint8Array(32).fill(7)

  test(`${name}: values come back as they were written, bytes as plain arrays`, () => {
    const database = openPort().open('values', key)
    database.exec('CREATE TABLE t (n INTEGER, r REAL, s TEXT, b BLOB, z TEXT) STRICT')
    const bytes = Uint8Array.of(0, 1, 255)
    database
      .prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)')
      .run(Number.MAX_SAFE_INTEGER, 0.5, 'é\u{1F600}', bytes, null)
    const row = database.prepare('SELECT * FROM t').get()
    assert.deepEqual({ ...row }, { n: Number.MAX_SAFE_INTEGER, r: 0.5, s: 'é\u{1F600}', b: bytes, z: null })
    assert.equal(Object.getPrototypeOf(row?.['b']), Uint8Array.prototype)
    database.close()
  })

  test(`${name}: get gives undefined, all gives none, iterate gives rows one by one`, () => {
    const database = openPort().open('rows', key)
    database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT')
    const select = database.prepare('SELECT n FROM t ORDER BY n')
    assert.equal(select.get(), undefined)
    assert.deepEqual(select.all(), [])
    for (const n of [3, 1, 2]) database.prepare('INSERT INTO t VALUES (?)').run(n)
    assert.deepEqual(
      [...select.iterate()].map((row) => row['n']),
      [1, 2, 3],
    )
    for (const row of select.iterate()) {
      assert.equal(row['n'], 1)
      break
    }
    assert.equal(select.all().length, 3)
    database.close()
  })

  test(`${name}: a rolled back transaction leaves nothing, a committed one is there after opening again`, () => {
    const port = openPort()
    const first = port.open('durable', key)
    first.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT')
    first.exec('BEGIN IMMEDIATE')
    first.prepare('INSERT INTO t VALUES (?)').run(1)
    first.exec('ROLLBACK')
    first.exec('BEGIN IMMEDIATE')
    first.prepare('INSERT INTO t VALUES (?)').run(2)
    first.exec('COMMIT')
    first.close()
    const second = port.open('durable', key)
    assert.deepEqual(
      second
        .prepare('SELECT n FROM t')
        .all()
        .map((row) => row['n']),
      [2],
    )
    second.close()
  })

  test(`${name}: another key is STORE_DAMAGED, and the right one still opens`, () => {
    const port = openPort()
    const first = port.open('keyed', key)
    first.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT')
    first.close()
    assert.throws(() => port.open('keyed', new Uint8Array(32).fill(8)), { code: 'STORE_DAMAGED' })
    port.open('keyed', key).close()
  })

  test(`${name}: a backup opens under the same key, and is not written over`, () => {
    const port = openPort()
    const database = port.open('source', key)
    database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (5)')
    database.backup('copy')
    assert.throws(() => database.backup('copy'), { code: 'STORE_FAILED' })
    database.close()
    assert.throws(() => port.open('copy', new Uint8Array(32).fill(8)), { code: 'STORE_DAMAGED' })
    const copy = port.open('copy', key)
    assert.deepEqual(
      copy
        .prepare('SELECT n FROM t')
        .all()
        .map((row) => row['n']),
      [5],
    )
    copy.close()
  })

  test(`${name}: a name that is not a plain file name, or a short key, is the caller's bug`, () => {
    const port = openPort()
    for (const bad of ['', '../x', 'a/b', '.x', '-x', 'x'.repeat(65)])
      assert.throws(() => port.open(bad, key), RangeError)
    assert.throws(() => port.open('short', key.subarray(1)), RangeError)
  })
}
