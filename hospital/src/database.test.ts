import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openHospitalDatabase } from './database.ts'

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-hospital-'))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const insert = `INSERT INTO patient (ref, name, details, registered_ms) VALUES ('p-1', 'Canary Bob', '{}', 1)`

test('the store keeps what was written and shows none of it on disk', () => {
  inFolder((folder) => {
    const first = openHospitalDatabase(folder)
    first.exec(insert)
    first.close()
    const second = openHospitalDatabase(folder)
    assert.deepEqual(second.prepare('SELECT name FROM patient').get(), { name: 'Canary Bob' })
    second.close()
    const bytes = readFileSync(join(folder, 'registry.db'))
    assert.equal(bytes.includes('Canary'), false)
    assert.equal(bytes.includes('SQLite format'), false)
    assert.equal(statSync(join(folder, 'registry.key')).mode & 0o077, 0)
  })
})

test('another key does not open it', () => {
  inFolder((folder) => {
    const db = openHospitalDatabase(folder)
    db.exec(insert)
    db.close()
    writeFileSync(join(folder, 'registry.key'), Buffer.alloc(32, 7))
    assert.throws(() => openHospitalDatabase(folder), { code: 'STORE_DAMAGED' })
  })
})

test('a store whose key file is gone is not given a new key', () => {
  inFolder((folder) => {
    openHospitalDatabase(folder).close()
    rmSync(join(folder, 'registry.key'))
    assert.throws(() => openHospitalDatabase(folder), { code: 'STORE_DAMAGED' })
  })
})
