/**
 * The record server's files in the hands of whoever has its disk: copies made and put back, bits flipped, single pages
 * of an older moment put back. The trusted application must not run meanwhile, unless that is what the test is about.
 *
 * @module
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE_BYTES = 8_192
const DATABASE = 'store.db'

/** All files of a folder, at one moment. */
export type FolderCopy = ReadonlyMap<string, Buffer>

/** Files in the folder itself; the sockets and links of a running copy are left out. */
export function copyFolder(folder: string): FolderCopy {
  const copy = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    copy.set(path.slice(folder.length + 1), readFileSync(path))
  }
  return copy
}

/** Makes the folder exactly as it was. */
export function putBackFolder(folder: string, copy: FolderCopy): void {
  rmSync(folder, { recursive: true, force: true })
  for (const [name, bytes] of copy) {
    const path = join(folder, name)
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(path, bytes, { mode: 0o600 })
  }
}

/** Flips one bit of the database file. */
export function flipBit(dataFolder: string, byte: number, bit = 0): void {
  const path = join(dataFolder, DATABASE)
  const bytes = readFileSync(path)
  bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
  writeFileSync(path, bytes)
}

/** Numbers of the pages in which two moments of the database file differ, from 0; pages that only one has are left out. */
export function changedPages(older: FolderCopy, newer: FolderCopy): number[] {
  const before = older.get(DATABASE) ?? Buffer.alloc(0)
  const after = newer.get(DATABASE) ?? Buffer.alloc(0)
  const pages = Math.min(before.length, after.length) / PAGE_BYTES
  return Array.from({ length: pages }, (_, page) => page).filter(
    (page) => !pageOf(before, page).equals(pageOf(after, page)),
  )
}

/** Puts single pages of an older moment into the database file of now. */
export function putBackPages(dataFolder: string, older: FolderCopy, pages: readonly number[]): void {
  const path = join(dataFolder, DATABASE)
  const bytes = readFileSync(path)
  const before = older.get(DATABASE) ?? Buffer.alloc(0)
  for (const page of pages) pageOf(before, page).copy(bytes, page * PAGE_BYTES)
  writeFileSync(path, bytes)
}

/** A second copy of a whole folder elsewhere, as a thief makes one. */
export function stealFolder(folder: string, target: string): void {
  cpSync(folder, target, { recursive: true, filter: (source) => !source.includes('/run/') })
}

function pageOf(bytes: Buffer, page: number): Buffer {
  return bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
}
