/**
 * The paper's 6.6: INSERT, SELECT, UPDATE and DELETE of 10,000 rows (id, t1, t2, t3), each statement in one
 * transaction, encrypted (SQLCipher 4 format) beside plain SQLite, rounds taken in turn so that both see the same
 * machine. File database, write-ahead log, synchronous FULL, the page size and cache of the record server.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import Database from 'better-sqlite3-multiple-ciphers'
import { median, summarize } from './statistics.ts'
import type { Report } from './report.ts'

const ROWS = 10_000

export interface CrudOptions {
  readonly rounds: number
}

interface Times {
  readonly insertMs: number
  readonly selectMs: number
  readonly updateMs: number
  readonly deleteMs: number
}

export function measureCrud(report: Report, { rounds }: CrudOptions): void {
  const cipher: Times[] = []
  const plain: Times[] = []
  runOnce(true)
  runOnce(false)
  for (let round = 0; round < rounds; round++) {
    cipher.push(runOnce(true))
    plain.push(runOnce(false))
  }
  const of = (times: readonly Times[], what: keyof Times): number[] => times.map((t) => t[what])
  const rate = (what: keyof Times) => ({
    value: ROWS / (median(of(cipher, what)) / 1000),
    unit: 'rows/s' as const,
    n: rounds,
  })
  const time = (what: keyof Times) => ({
    value: median(of(cipher, what)),
    unit: 'ms' as const,
    ...summarize(of(cipher, what)),
  })
  const ratio = (what: keyof Times) => ({
    value: median(cipher.map((t, i) => t[what] / (plain[i] as Times)[what])),
    unit: 'ratio' as const,
    n: rounds,
  })
  report.metrics['crud_insert_rows_per_s'] = rate('insertMs')
  report.metrics['crud_update_rows_per_s'] = rate('updateMs')
  report.metrics['crud_select_ms'] = time('selectMs')
  report.metrics['crud_delete_ms'] = time('deleteMs')
  report.metrics['crud_insert_cipher_plain_ratio'] = ratio('insertMs')
  report.metrics['crud_update_cipher_plain_ratio'] = ratio('updateMs')
}

function runOnce(encrypted: boolean): Times {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-crud-'))
  const db = new Database(join(folder, 'crud.db'))
  try {
    if (encrypted) {
      db.pragma(`cipher='sqlcipher'`)
      db.pragma('legacy=4')
      db.pragma(`key="x'${randomBytes(32).toString('hex')}'"`)
    }
    db.pragma('page_size=8192')
    db.pragma('journal_mode=WAL')
    db.pragma('synchronous=FULL')
    db.pragma('cache_size=-65536')
    db.exec('CREATE TABLE crud (id INTEGER PRIMARY KEY, t1 TEXT, t2 TEXT, t3 TEXT)')
    const insert = db.prepare('INSERT INTO crud VALUES (?, ?, ?, ?)')
    const select = db.prepare('SELECT id, t1, t2, t3 FROM crud')
    const update = db.prepare('UPDATE crud SET t1 = ?, t2 = ?, t3 = ? WHERE id = ?')
    const remove = db.prepare('DELETE FROM crud WHERE id = ?')
    const each = (statement: (id: number) => void): (() => void) =>
      db.transaction(() => {
        for (let id = 1; id <= ROWS; id++) statement(id)
      })
    const times = {
      insertMs: timed(each((id) => void insert.run(id, `patient ${id}`, `diagnosis ${id}`, `treatment ${id}`))),
      selectMs: timed(() => {
        if (select.all().length !== ROWS) throw new Error('a row is missing')
      }),
      updateMs: timed(each((id) => void update.run(`changed ${id}`, `again ${id}`, `third ${id}`, id))),
      deleteMs: timed(each((id) => void remove.run(id))),
    }
    if (select.all().length !== 0) throw new Error('a row was left')
    return times
  } finally {
    db.close()
    rmSync(folder, { recursive: true })
  }
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}
