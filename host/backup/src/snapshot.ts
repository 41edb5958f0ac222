/**
 * A copy of the record server's store while it is in use, without asking the trusted application: the database file first,
 * then its write-ahead log. Whatever was folded from the log into pages that were copied before is in the log that is
 * copied after, and SQLite prefers the log; so the two are one moment, as after a power cut, unless the log began anew
 * meanwhile. That shows in its header (the salts), and then the copy is taken again.
 *
 * @module
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ProtocolError } from '../../../shared/protocol/src/index.ts'
import { PAGE_BYTES, type Backup, type Repository } from './repository.ts'

const DATABASE = 'store.db'
const LOG = 'store.db-wal'
/** SQLite's "WAL header": magic, version, page size, checkpoint number, two salts, two checksums. */
const HEADER_BYTES = 32
const TRIES = 8

export interface Taken {
  readonly backup: Backup
  /** Pages that the repository did not have. */
  readonly addedPages: number
  readonly pages: number
}

/**
 * @param dataFolder the trusted application's disk.
 * @param betweenFiles for tests: called when the database is copied and the log is not.
 * @throws {ProtocolError} `STORE_FAILED` if there is no store; `TEE_BUSY` if so much is written that the log begins anew
 * in less time than a copy takes.
 */
export function takeSnapshot(
  dataFolder: string,
  repository: Repository,
  nowMs: () => number,
  betweenFiles: (attempt: number) => void = () => undefined,
): Taken {
  const database = join(dataFolder, DATABASE)
  const log = join(dataFolder, LOG)
  if (!existsSync(database)) throw new ProtocolError('STORE_FAILED', 'there is no store')
  const backup = repository.begin()
  const add = (page: Uint8Array) => backup.add(page)
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    backup.rewind(0)
    const before = stampOf(database, log)
    const databaseBytes = copyPages(database, add)
    betweenFiles(attempt)
    const logBytes = existsSync(log) ? copyPages(log, add) : 0
    if (stampOf(database, log) !== before) continue
    const files = [
      { name: DATABASE, bytes: databaseBytes },
      ...(logBytes === 0 ? [] : [{ name: LOG, bytes: logBytes }]),
    ]
    const { pages } = backup
    return { backup: backup.finish(nowMs(), files), addedPages: backup.added, pages }
  }
  backup.discard()
  throw new ProtocolError('TEE_BUSY', 'the store changes faster than it can be copied')
}

/** Changes when the log begins anew; without a log, when the database is written. */
function stampOf(database: string, log: string): string {
  if (existsSync(log) && statSync(log).size >= HEADER_BYTES) {
    const file = openSync(log, 'r')
    try {
      const header = Buffer.alloc(HEADER_BYTES)
      readSync(file, header, 0, HEADER_BYTES, 0)
      return header.toString('hex')
    } finally {
      closeSync(file)
    }
  }
  const { mtimeNs, size } = statSync(database, { bigint: true })
  return `${mtimeNs} ${size}`
}

/** @returns bytes that were read. A file that grows is read to where it ended when it was opened. */
function copyPages(path: string, add: (page: Uint8Array) => void): number {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    let at = 0
    while (at < size) {
      const page = Buffer.alloc(Math.min(PAGE_BYTES, size - at))
      let filled = 0
      while (filled < page.length) {
        const read = readSync(file, page, filled, page.length - filled, at + filled)
        // Cut short meanwhile: the stamp tells.
        if (read === 0) return at
        filled += read
      }
      add(page)
      at += page.length
    }
    return size
  } finally {
    closeSync(file)
  }
}
