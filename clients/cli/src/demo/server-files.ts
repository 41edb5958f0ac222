/**
 * The record server's database file in the hands of whoever has the disk. Encrypted pages: nobody can read them, anybody
 * can change them or put older ones back.
 *
 * @module
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Surprise } from './expect.ts'

/** Which file is the database, and in what units it is encrypted. */
export interface DatabaseForm {
  /** Absent: the largest file there. */
  readonly name?: string
  readonly pageBytes: number
}

/** Of the record server in a process. */
export const SQLCIPHER: DatabaseForm = { name: 'store.db', pageBytes: 8_192 }
/** Of the record server in OP-TEE: the volume of its secure file system. */
export const SECURE_VOLUME: DatabaseForm = { pageBytes: 4_096 }

/** A copy of the files of a folder, kept in another. */
export class FolderCopy {
  readonly #source: string
  readonly #copy: string
  readonly #database: string
  readonly pageBytes: number

  /** Copies now. The files must not be in use. */
  constructor(source: string, copy: string, { name, pageBytes }: DatabaseForm = SQLCIPHER) {
    this.#source = source
    this.#copy = copy
    this.#database = name ?? largestIn(source)
    this.pageBytes = pageBytes
    mkdirSync(copy, { recursive: true, mode: 0o700 })
    copyAll(source, copy)
  }

  /** Makes the files what they were. */
  putBack(): void {
    for (const name of readdirSync(this.#source)) rmSync(join(this.#source, name), { recursive: true })
    copyAll(this.#copy, this.#source)
  }

  /** Puts the database back and nothing else: the device key stays, as it would in hardware. */
  putBackDatabase(): void {
    for (const suffix of ['', '-wal', '-shm']) {
      const name = `${this.#database}${suffix}`
      rmSync(join(this.#source, name), { force: true })
      if (existsSync(join(this.#copy, name))) copyFileSync(join(this.#copy, name), join(this.#source, name))
    }
  }

  /** Numbers of pages that are different now, from 0. */
  changedPages(): number[] {
    const before = readFileSync(join(this.#copy, this.#database))
    const now = readFileSync(join(this.#source, this.#database))
    const pages = Math.floor(Math.min(before.length, now.length) / this.pageBytes)
    return Array.from({ length: pages }, (_, page) => page).filter(
      (page) => !this.#pageOf(before, page).equals(this.#pageOf(now, page)),
    )
  }

  /** Puts one page of the copy into the database of now. */
  putBackPage(page: number): void {
    const now = readFileSync(join(this.#source, this.#database))
    this.#pageOf(readFileSync(join(this.#copy, this.#database)), page).copy(now, page * this.pageBytes)
    writeFileSync(join(this.#source, this.#database), now)
  }

  /** Flips one bit in the middle of a page of the database of now. */
  flipBit(page: number): void {
    const path = join(this.#source, this.#database)
    const now = readFileSync(path)
    const at = page * this.pageBytes + this.pageBytes / 2
    now[at] = (now[at] as number) ^ 1
    writeFileSync(path, now)
  }

  #pageOf(bytes: Buffer, page: number): Buffer {
    return bytes.subarray(page * this.pageBytes, (page + 1) * this.pageBytes)
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

function copyAll(from: string, to: string): void {
  for (const name of readdirSync(from)) cpSync(join(from, name), join(to, name), { recursive: true })
}

function largestIn(folder: string): string {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  const sizeOf = (name: string) => statSync(join(folder, name)).size
  const [largest] = files.map(({ name }) => name).toSorted((a, b) => sizeOf(b) - sizeOf(a))
  if (largest === undefined) throw new Surprise('the store has no file')
  return largest
}
