/**
 * Puts a backup in the place of the store, while the record server does not run. What was there is moved aside.
 * Whether it may serve is not decided here: the trusted application compares it with the ledger when it starts.
 *
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { ProtocolError } from '../../../shared/protocol/src/index.ts'
import { syncFile, syncFolder, writeAll } from './durable.ts'
import type { Backup, Repository } from './repository.ts'

/** Files of the store that are its database. */
const NAMES = ['store.db', 'store.db-wal', 'store.db-shm']

/**
 * Every page is checked before anything is moved.
 * @returns suffix of the files that were moved aside; undefined: there were none.
 * @throws {ProtocolError} `STORE_DAMAGED`
 */
export function restoreSnapshot(
  repository: Repository,
  backup: Backup,
  dataFolder: string,
  nowMs: number,
): string | undefined {
  writeBackup(repository, backup, dataFolder, '.incoming')
  const suffix = `.before-${nowMs}`
  const present = NAMES.filter((name) => existsSync(join(dataFolder, name)))
  for (const name of present) renameSync(join(dataFolder, name), join(dataFolder, `${name}${suffix}`))
  for (const { name } of backup.files) renameSync(join(dataFolder, `${name}.incoming`), join(dataFolder, name))
  syncFolder(dataFolder)
  return present.length === 0 ? undefined : suffix
}

/** Writes the files of a backup below other names, durable when it returns. @throws {ProtocolError} `STORE_DAMAGED` */
export function writeBackup(repository: Repository, backup: Backup, folder: string, ending = ''): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const open = new Map<string, number>()
  try {
    for (const { name } of backup.files) open.set(name, openSync(join(folder, `${name}${ending}`), 'w', 0o600))
    for (const { file, page } of repository.pagesOf(backup)) {
      const target = open.get(file)
      if (target === undefined) throw new ProtocolError('STORE_DAMAGED', 'a page of no file')
      writeAll(target, page)
    }
  } finally {
    for (const file of open.values()) closeSync(file)
  }
  for (const { name } of backup.files) syncFile(join(folder, `${name}${ending}`))
}
