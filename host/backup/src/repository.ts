/**
 * Where copies of the store are kept: pages by their SHA-256, each once, in packs; a backup is a list of pages. A backup
 * costs what changed since the one before. Everything in it is ciphertext of the trusted application; the device's key is
 * not in it. Format: docs/operations/backups.md.
 *
 *   packs/<number>-<random>.pack    pages, one after the other        NAME.index   their SHA-256, 32 bytes each
 *   backups/<number>.json           files and lengths                  NAME.pages   SHA-256 of each page, in order
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  list,
  literal,
  parseJson,
  ProtocolError,
  sha256HexShape,
  struct,
  text,
  uint,
  type Infer,
  type Sha256Hex,
} from '../../../shared/protocol/src/index.ts'
import { syncFile, syncFolder, writeAll, writeDurable } from './durable.ts'

export const PAGE_BYTES = 8_192
const HASH_BYTES = 32
const NUMBER = /^(\d{8})\.json$/

const backupShape = struct({
  v: literal(1),
  number: uint({ min: 1, max: 99_999_999 }),
  createdMs: uint(),
  /** Of `.pages`. */
  pagesSha256: sha256HexShape,
  files: list(struct({ name: text({ max: 64, pattern: /^store\.db(-wal)?$/ }), bytes: uint() }), { min: 1, max: 2 }),
})
export type Backup = Infer<typeof backupShape>

interface Place {
  readonly pack: string
  readonly index: number
}

/** A backup being made: pages go in, and it exists once it is finished. */
export interface NewBackup {
  /** Adds the next page of the file that is read; the last one may be shorter. */
  add(page: Uint8Array): void
  /** Pages that the repository did not have. */
  readonly added: number
  /** On disk when this returns. */
  finish(createdMs: number, files: Backup['files']): Backup
  /** Forgets the pages since a moment, for a file that is read again. */
  rewind(pages: number): void
  readonly pages: number
  /** Instead of `finish`: nothing stays. */
  discard(): void
}

export class Repository {
  readonly #folder: string
  readonly #places = new Map<string, Place>()

  /** @throws {ProtocolError} `STORE_DAMAGED` if an index does not fit its pack. */
  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(join(folder, 'packs'), { recursive: true, mode: 0o700 })
    mkdirSync(join(folder, 'backups'), { recursive: true, mode: 0o700 })
    for (const name of readdirSync(join(folder, 'packs')).filter((one) => one.endsWith('.index'))) {
      const pack = name.slice(0, -'.index'.length)
      const hashes = readFileSync(this.#pack(pack, 'index'))
      const pages = hashes.length / HASH_BYTES
      const packed = existsSync(this.#pack(pack, 'pack')) ? statSync(this.#pack(pack, 'pack')).size : -1
      if (packed !== pages * PAGE_BYTES) throw damaged(`${name} does not fit its pack`)
      for (let index = 0; index < pages; index++) this.#places.set(hashAt(hashes, index), { pack, index })
    }
  }

  /** Oldest first. @throws {ProtocolError} `STORE_DAMAGED` */
  backups(): readonly Backup[] {
    return readdirSync(join(this.#folder, 'backups'))
      .filter((name) => NUMBER.test(name))
      .toSorted()
      .map((name) => this.#read(name))
  }

  begin(): NewBackup {
    const number = (this.backups().at(-1)?.number ?? 0) + 1
    const name = String(number).padStart(8, '0')
    const pack = `${name}-${randomBytes(4).toString('hex')}`
    const packPath = this.#pack(pack, 'pack')
    const temporary = `${packPath}.tmp`
    const file = openSync(temporary, 'wx', 0o600)
    const hashes: Buffer[] = []
    const fresh = new Map<string, number>()
    return {
      get added() {
        return fresh.size
      },
      get pages() {
        return hashes.length
      },
      discard() {
        closeSync(file)
        rmSync(temporary, { force: true })
      },
      rewind: (pages) => void hashes.splice(pages),
      add: (page) => {
        const whole = page.length === PAGE_BYTES ? page : Buffer.concat([page, Buffer.alloc(PAGE_BYTES - page.length)])
        const hash = createHash('sha256').update(whole).digest()
        hashes.push(hash)
        const key = hash.toString('hex')
        if (this.#places.has(key) || fresh.has(key)) return
        fresh.set(key, fresh.size)
        writeAll(file, whole)
      },
      finish: (createdMs, files) => {
        closeSync(file)
        // The pack's index comes last of the two: a pack without one is not looked at.
        syncFile(temporary)
        renameSync(temporary, packPath)
        syncFolder(join(this.#folder, 'packs'))
        writeDurable(this.#pack(pack, 'index'), (index) => {
          for (const hash of fresh.keys()) writeAll(index, Buffer.from(hash, 'hex'))
        })
        for (const [hash, index] of fresh) this.#places.set(hash, { pack, index })
        const pages = Buffer.concat(hashes)
        writeDurable(join(this.#folder, 'backups', `${name}.pages`), (target) => writeAll(target, pages))
        const backup: Backup = { v: 1, number, createdMs, pagesSha256: sha256(pages) as Sha256Hex, files }
        const encoded = Buffer.from(`${JSON.stringify(backup)}\n`)
        writeDurable(join(this.#folder, 'backups', `${name}.json`), (target) => writeAll(target, encoded))
        return backup
      },
    }
  }

  /**
   * Every page of a backup, file by file, each checked against its SHA-256.
   * @throws {ProtocolError} `STORE_DAMAGED` if one is missing or another.
   */
  *pagesOf(backup: Backup): Generator<{ readonly file: string; readonly page: Uint8Array }> {
    const name = String(backup.number).padStart(8, '0')
    const hashes = readFileSync(join(this.#folder, 'backups', `${name}.pages`))
    if (sha256(hashes) !== backup.pagesSha256) throw damaged(`the pages of backup ${backup.number} are others`)
    const count = backup.files.reduce((sum, { bytes }) => sum + Math.ceil(bytes / PAGE_BYTES), 0)
    if (hashes.length !== count * HASH_BYTES) throw damaged(`backup ${backup.number} has another length`)
    const open = new Map<string, number>()
    try {
      let at = 0
      for (const { name: file, bytes } of backup.files) {
        for (let left = bytes; left > 0; left -= PAGE_BYTES, at++) {
          const whole = this.#readPage(hashAt(hashes, at), open)
          yield { file, page: whole.subarray(0, Math.min(left, PAGE_BYTES)) }
        }
      }
    } finally {
      for (const file of open.values()) closeSync(file)
    }
  }

  #readPage(hash: string, open: Map<string, number>): Buffer {
    const place = this.#places.get(hash)
    if (place === undefined) throw damaged('a page is missing')
    let file = open.get(place.pack)
    if (file === undefined) open.set(place.pack, (file = openSync(this.#pack(place.pack, 'pack'), 'r')))
    const page = Buffer.alloc(PAGE_BYTES)
    const read = readSync(file, page, 0, PAGE_BYTES, place.index * PAGE_BYTES)
    if (read !== PAGE_BYTES || sha256(page) !== hash) throw damaged('a page is another one')
    return page
  }

  #read(name: string): Backup {
    try {
      const encoded = readFileSync(join(this.#folder, 'backups', name), 'utf8')
      const backup = backupShape(parseJson(encoded, { maxBytes: 65_536 }), 'backup')
      if (backup.number === Number(NUMBER.exec(name)?.[1])) return backup
    } catch (cause) {
      throw damaged(`backup ${name} cannot be read`, cause)
    }
    throw damaged(`backup ${name} has another number`)
  }

  #pack(name: string, ending: 'pack' | 'index'): string {
    return join(this.#folder, 'packs', `${name}.${ending}`)
  }
}

function hashAt(hashes: Buffer, index: number): string {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES).toString('hex')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function damaged(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('STORE_DAMAGED', what, { cause })
}
