/**
 * The attack this folder exists for, on a real SQLCipher file: the normal world stops the trusted application, puts one
 * old page (or some, or all) of its own earlier copy back, and starts it again. SQLCipher accepts many of these files.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { createSqlCipherPort } from '../../../adapters/sqlcipher/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlDatabase } from '../ports.ts'
import { createLog, openLog } from './log.ts'
import { createState, openState } from './state.ts'

const crypto = createNodeCrypto()
const PAGE_BYTES = 8192
const PATIENTS = 400
const key = new Uint8Array(32).fill(1)
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-state-'))
const file = join(folder, 'store')
const port = createSqlCipherPort({ folder })
after(() => rmSync(folder, { recursive: true, force: true }))

function rowDigest(id: number, status: string): Uint8Array {
  return crypto.sha256(new TextEncoder().encode(`${id} ${status}`))
}

/** Opens, lets `work` change rows with their digests, logs the new state root, commits and closes. */
function transact(work: (database: SqlDatabase, set: (id: number, status: string) => void) => void): void {
  const database = port.open('store', key)
  const isNew = database.prepare(`SELECT 1 AS n FROM sqlite_master WHERE name = 'log_entry'`).get() === undefined
  database.exec('BEGIN IMMEDIATE')
  const log = isNew ? createLog(database, crypto) : openLog(database, crypto)
  const state = isNew ? createState(database, crypto, 8) : openState(database, crypto, log.entryVerified(log.size - 1))
  work(database, (id, status) => state.set('grant', String(id), rowDigest(id, status)))
  log.append([state.flush()])
  log.flush()
  database.exec('COMMIT')
  state.commit()
  log.commit()
  database.close()
}

/** What the trusted application finds at start: how many revocations are in force, or why it refuses to serve. */
function start(anchored: { size: number; root: Uint8Array }): { revoked: number } | string {
  let database: SqlDatabase | undefined
  try {
    database = port.open('store', key)
    const log = openLog(database, crypto)
    log.checkExtends(anchored)
    const state = openState(database, crypto, log.entryVerified(log.size - 1))
    let revoked = 0
    for (let id = 0; id < PATIENTS; id++) {
      const status = String(database.prepare('SELECT status FROM access WHERE id = ?').get(id)?.['status'])
      state.checkRow('grant', String(id), rowDigest(id, status))
      if (status === 'revoked') revoked++
    }
    return { revoked }
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  } finally {
    database?.close()
  }
}

/** What a program without the authenticated state finds. */
function startUnprotected(): number | string {
  let database: SqlDatabase | undefined
  try {
    database = port.open('store', key)
    return Number(database.prepare(`SELECT count(*) AS n FROM access WHERE status = 'revoked'`).get()?.['n'])
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  } finally {
    database?.close()
  }
}

test('no old page put back into the SQLCipher file brings a revoked grant back', () => {
  transact((database, set) => {
    database.exec('CREATE TABLE access (id INTEGER PRIMARY KEY, status TEXT NOT NULL, note TEXT NOT NULL) STRICT')
    const insert = database.prepare('INSERT INTO access VALUES (?, ?, ?)')
    for (let id = 0; id < PATIENTS; id++) {
      insert.run(id, 'granted', 'x'.repeat(100))
      set(id, 'granted')
    }
  })
  const old = readFileSync(file)
  transact((database, set) => {
    for (let id = 0; id < PATIENTS; id += 2) {
      database.prepare(`UPDATE access SET status = 'revoked' WHERE id = ?`).run(id)
      set(id, 'revoked')
    }
  })
  const now = readFileSync(file)
  const database = port.open('store', key)
  const log = openLog(database, crypto)
  const anchored = { size: log.size, root: log.root() }
  database.close()
  assert.deepEqual(start(anchored), { revoked: PATIENTS / 2 })

  let fooled = 0
  for (let page = 0; page < old.length / PAGE_BYTES; page++) {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES]
    const mixed = Buffer.from(now)
    old.copy(mixed, from, from, to)
    writeFileSync(file, mixed)
    const unprotected = startUnprotected()
    if (typeof unprotected === 'number' && unprotected < PATIENTS / 2) fooled++
    const found = start(anchored)
    // Refused, or the page made no difference to any row.
    if (typeof found === 'string') assert.match(found, /^(STATE_ROLLED_BACK|STORE_DAMAGED)$/)
    else assert.deepEqual(found, { revoked: PATIENTS / 2 }, `page ${page}`)
  }
  assert.ok(fooled > 0, 'the attack works on SQLCipher alone, else this test shows nothing')

  writeFileSync(file, old)
  assert.equal(startUnprotected(), 0)
  assert.equal(start(anchored), 'STATE_ROLLED_BACK', 'the whole older file')
})
