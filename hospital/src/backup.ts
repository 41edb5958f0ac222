/**
 * Copies of the hospital's store while it is in use, encrypted under the same key, and putting one back. A copy is of one
 * moment; it is made beside and renamed when it is whole. Spec of the procedure: docs/operations/hospital.md.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { ProtocolError } from '../../shared/protocol/src/index.ts'
import { checkStoreCopy, isStoreInUse, storePath, type HospitalDatabase } from './database.ts'

const NAME = /^registry-\d{8}T\d{6}Z-[0-9a-f]{4}\.db$/

export interface StoreBackup {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** Durable when this returns; keeps the newest `keep`. */
export function backupStore(db: HospitalDatabase, folder: string, nowMs: number, keep: number): StoreBackup {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const file = `registry-${time}-${randomBytes(2).toString('hex')}.db`
  const path = join(folder, file)
  const temporary = `${path}.tmp`
  try {
    // Pages are encrypted under the store's key; the plain backup function of SQLite cannot do that.
    db.prepare('VACUUM INTO ?').run(temporary)
    chmodSync(temporary, 0o600)
    const handle = openSync(temporary, 'r+')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
  for (const old of listBackups(folder).slice(keep)) rmSync(join(folder, old), { force: true })
  const bytes = readFileSync(path)
  return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Names, newest first. */
export function listBackups(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .toSorted((a, b) => statSync(join(folder, b)).mtimeMs - statSync(join(folder, a)).mtimeMs || (a < b ? 1 : -1))
}

/**
 * Puts a copy in the place of the store, while the service does not run. What was there is moved aside, not removed.
 * @returns where it is now; undefined: there was none.
 * @throws {ProtocolError} `STORE_DAMAGED` if the copy does not open with the key or is not whole, or the store is in use.
 */
export function restoreStore(storeFolder: string, copy: string, key: Buffer, nowMs: number): string | undefined {
  checkStoreCopy(copy, key)
  const path = storePath(storeFolder)
  if (isStoreInUse(storeFolder, key)) throw new ProtocolError('STORE_DAMAGED', 'the service is running on this store')
  mkdirSync(storeFolder, { recursive: true, mode: 0o700 })
  const incoming = `${path}.incoming`
  copyFileSync(copy, incoming)
  chmodSync(incoming, 0o600)
  let aside: string | undefined
  if (existsSync(path)) {
    aside = `${path}.before-${nowMs}`
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
    }
  }
  renameSync(incoming, path)
  return aside
}
