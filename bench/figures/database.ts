/**
 * Databases that are compared: encrypted as the record server's, plain with the same settings, plain in memory.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import Database from 'better-sqlite3-multiple-ciphers'

/** `sqlcipher-no-hmac` is not safe: it is what the check of each page costs, by its absence. */
export type DatabaseKind = 'sqlcipher' | 'sqlcipher-no-hmac' | 'aegis' | 'plain' | 'memory'

export const PAGE_BYTES = 8192

/** Page size, cache, log and locks are those of secure/adapters/sqlcipher, whatever the kind. */
export function withDatabase<T>(kind: DatabaseKind, work: (db: Database.Database, path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-bench-db-'))
  const path = join(folder, 'bench.db')
  const db = new Database(kind === 'memory' ? ':memory:' : path)
  try {
    if (kind.startsWith('sqlcipher')) {
      db.pragma(`cipher='sqlcipher'`)
      db.pragma('legacy=4')
      db.pragma(`legacy_page_size=${PAGE_BYTES}`)
      if (kind === 'sqlcipher-no-hmac') db.pragma('hmac_use=0')
      db.pragma(`key="x'${randomBytes(32).toString('hex')}'"`)
    } else if (kind === 'aegis') {
      db.pragma(`cipher='aegis'`)
      db.pragma(`key='raw:${randomBytes(32).toString('hex')}'`)
    }
    db.pragma(`page_size=${PAGE_BYTES}`)
    db.pragma('locking_mode=EXCLUSIVE')
    db.pragma('journal_mode=WAL')
    db.pragma('synchronous=FULL')
    db.pragma('secure_delete=ON')
    db.pragma('temp_store=MEMORY')
    db.pragma('mmap_size=0')
    db.pragma('trusted_schema=OFF')
    db.pragma('cache_size=-65536')
    db.pragma('wal_autocheckpoint=4000')
    return work(db, path)
  } finally {
    db.close()
    rmSync(folder, { recursive: true })
  }
}

/** Milliseconds. */
export function timed(work: () => void): number {
  const startMs = performance.now()
  work()
  return performance.now() - startMs
}
