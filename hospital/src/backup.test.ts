import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { backupStore, listBackups, restoreStore } from './backup.ts'
import { openHospitalDatabase } from './database.ts'
import { readStoreKey, type StoreKeySource } from './store-key.ts'

const damaged = { code: 'STORE_DAMAGED' }
const insert = `INSERT INTO patient (ref, name, details, registered_ms) VALUES (?, ?, '{}', 1)`
const NOW = Date.UTC(2026, 10, 22)

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-backup-'))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function keyOf(store: string): Buffer {
  return readFileSync(join(store, 'registry.key'))
}

test('a copy of the store in use opens with its key only, shows nothing, and brings back what was then', () => {
  inFolder((folder) => {
    const [store, backups] = [join(folder, 'store'), join(folder, 'backups')]
    const db = openHospitalDatabase(store)
    db.prepare(insert).run('p-1', 'Canary Bob')
    const { file, bytes, sha256 } = backupStore(db, backups, NOW, 3)
    db.prepare(insert).run('p-2', 'Canary Emi')
    const copy = join(backups, file)
    assert.deepEqual([statSync(copy).size, statSync(copy).mode & 0o077, sha256.length], [bytes, 0, 64])
    assert.equal(readFileSync(copy).includes('Canary'), false)
    const key = keyOf(store)
    assert.throws(() => restoreStore(store, copy, key, NOW), damaged, 'while the service runs')
    db.close()
    assert.throws(() => restoreStore(store, copy, Buffer.alloc(32, 7), NOW), damaged, 'with another key')
    const aside = restoreStore(store, copy, key, NOW)
    assert.ok(aside)
    const restored = openHospitalDatabase(store)
    assert.deepEqual(restored.prepare('SELECT name FROM patient').pluck().all(), ['Canary Bob'])
    restored.close()
    assert.equal(readdirSync(store).filter((name) => name.includes('.before-')).length > 0, true)
  })
})

test('a copy with a flipped bit, or cut off, is not put back', () => {
  inFolder((folder) => {
    const [store, backups] = [join(folder, 'store'), join(folder, 'backups')]
    const db = openHospitalDatabase(store)
    db.prepare(insert).run('p-1', 'Bob')
    const copy = join(backups, backupStore(db, backups, NOW, 3).file)
    db.close()
    const whole = readFileSync(copy)
    chmodSync(copy, 0o600)
    for (const at of [5, 4_096 * 2 + 100, whole.length - 1]) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(copy, changed)
      assert.throws(() => restoreStore(store, copy, keyOf(store), NOW), damaged, `bit at ${at}`)
    }
    writeFileSync(copy, whole.subarray(0, whole.length - 4_096))
    assert.throws(() => restoreStore(store, copy, keyOf(store), NOW), damaged)
    assert.throws(() => restoreStore(store, join(backups, 'none.db'), keyOf(store), NOW), damaged)
    const db2 = openHospitalDatabase(store)
    assert.equal(db2.prepare('SELECT count(*) FROM patient').pluck().get(), 1)
    db2.close()
  })
})

test('the newest copies stay', () => {
  inFolder((folder) => {
    const db = openHospitalDatabase(join(folder, 'store'))
    const made = Array.from({ length: 5 }, (_, i) => backupStore(db, join(folder, 'b'), NOW + i * 1000, 2).file)
    db.close()
    assert.deepEqual(listBackups(join(folder, 'b')).toSorted(), made.slice(-2).toSorted())
  })
})

test('the key comes from a file, an environment secret or a command, and all open the same store', () => {
  inFolder((folder) => {
    const hex = 'ab'.repeat(32)
    const file = join(folder, 'own.key')
    writeFileSync(file, Buffer.from(hex, 'hex'))
    const environment: Record<string, string | undefined> = { STORE_KEY: hex }
    const sources: StoreKeySource[] = [
      { from: 'environment', name: 'STORE_KEY' },
      { from: 'file', path: file },
      { from: 'command', command: [process.execPath, '-e', `console.log('${hex}')`] },
    ]
    for (const source of sources) openHospitalDatabase(join(folder, 'store'), source, environment).close()
    assert.deepEqual(environment, {})
    assert.deepEqual(readdirSync(join(folder, 'store')).includes('registry.key'), false)
  })
})

test('a key that is missing, short, not hexadecimal, or a command that fails: nothing is opened or made', () => {
  inFolder((folder) => {
    const store = join(folder, 'store')
    openHospitalDatabase(store).close()
    const sources: StoreKeySource[] = [
      { from: 'environment', name: 'STORE_KEY' },
      { from: 'file', path: join(folder, 'none.key') },
      { from: 'command', command: [process.execPath, '-e', 'process.exit(1)'] },
      { from: 'command', command: [process.execPath, '-e', 'console.log("abcd")'] },
      { from: 'command', command: [join(folder, 'no-such-program')] },
    ]
    for (const source of sources) assert.throws(() => readStoreKey(source, store, {}), damaged)
    assert.throws(() => readStoreKey({ from: 'environment', name: 'K' }, store, { K: 'x'.repeat(64) }), damaged)
    assert.throws(
      () => openHospitalDatabase(store, { from: 'environment', name: 'K' }, { K: '00'.repeat(32) }),
      damaged,
    )
  })
})
