/**
 * The record server's database file in the hands of whoever has the disk. Encrypted pages of 8 KiB: nobody can read
 * them, anybody can change them or put older ones back.
 *
 * @module
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Surprise } from './expect.ts'

const DATABASE = 'store.db'
const PAGE_BYTES = 8_192

/** A copy of the files of a folder, kept in another. */
export class FolderCopy {
  readonly #source: string
  readonly #copy: string

  /** Copies now. The files must not be in use. */
  constructor(source: string, copy: string) {
    this.#source = source
    this.#copy = copy
    mkdirSync(copy, { recursive: true, mode: 0o700 })
    for (const name of filesIn(source)) copyFileSync(join(source, name), join(copy, name))
  }

  /** Makes the files what they were. */
  putBack(): void {
    for (const name of filesIn(this.#source)) rmSync(join(this.#source, name))
    for (const name of filesIn(this.#copy)) copyFileSync(join(this.#copy, name), join(this.#source, name))
  }

  /** Puts the database back and nothing else: the device key stays, as it would in hardware. */
  putBackDatabase(): void {
    for (const suffix of ['', '-wal', '-shm']) {
      const name = `${DATABASE}${suffix}`
      rmSync(join(this.#source, name), { force: true })
      if (existsSync(join(this.#copy, name))) copyFileSync(join(this.#copy, name), join(this.#source, name))
    }
  }

  /** Numbers of pages that are different now, from 0. */
  changedPages(): number[] {
    const before = readFileSync(join(this.#copy, DATABASE))
    const now = readFileSync(join(this.#source, DATABASE))
    const pages = Math.floor(Math.min(before.length, now.length) / PAGE_BYTES)
    return Array.from({ length: pages }, (_, page) => page).filter(
      (page) => !pageOf(before, page).equals(pageOf(now, page)),
    )
  }

  /** Puts one page of the copy into the database of now. */
  putBackPage(page: number): void {
    const now = readFileSync(join(this.#source, DATABASE))
    pageOf(readFileSync(join(this.#copy, DATABASE)), page).copy(now, page * PAGE_BYTES)
    writeFileSync(join(this.#source, DATABASE), now)
  }

  /** Flips one bit in the middle of a page of the database of now. */
  flipBit(page: number): void {
    const path = join(this.#source, DATABASE)
    const now = readFileSync(path)
    const at = page * PAGE_BYTES + PAGE_BYTES / 2
    now[at] = (now[at] as number) ^ 1
    writeFileSync(path, now)
  }
}

/** Changes one digit of a text wherever it stands in a file. @returns undoes it. @throws {Surprise} if nowhere. */
export function alterText(path: string, text: string): () => void {
  const bytes = readFileSync(path)
  const needle = Buffer.from(text, 'latin1')
  const places: number[] = []
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
    bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30
    places.push(at)
  }
  if (places.length === 0) throw new Surprise('the text to alter is not in the file')
  writeFileSync(path, bytes)
  return () => {
    const now = readFileSync(path)
    for (const at of places) now[at] = needle[0] as number
    writeFileSync(path, now)
  }
}

function pageOf(bytes: Buffer, page: number): Buffer {
  return bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}
