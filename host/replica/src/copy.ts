/**
 * A copy of the store on its way from host to host: one line of JSON that names the files and their lengths, then their
 * bytes, one file after the other. Ciphertext; whether it is a whole store of one moment, the replica's trusted application
 * finds out.
 *
 * @module
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { list, parseJson, ProtocolError, struct, text, uint } from '../../../shared/protocol/src/index.ts'
import { syncFile, syncFolder, writeAll } from '../../backup/src/durable.ts'
import { Repository, takeSnapshot } from '../../backup/src/index.ts'

const NAMES = ['store.db', 'store.db-wal', 'store.db-shm'] as const
const MAX_HEADER_BYTES = 4_096
const LINE_END = 0x0a

const headerShape = struct({
  files: list(struct({ name: text({ max: 64, pattern: /^store\.db(-wal)?$/ }), bytes: uint() }), { min: 1, max: 2 }),
})

/**
 * The store as it is, while it is in use.
 * @param scratchFolder for the pages while they are sent; what is put there is removed.
 * @throws {ProtocolError} `STORE_FAILED`, `TEE_BUSY` as `takeSnapshot`.
 */
export async function* sendCopy(dataFolder: string, scratchFolder: string): AsyncGenerator<Uint8Array> {
  mkdirSync(scratchFolder, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(scratchFolder, 'copy-'))
  try {
    const repository = new Repository(folder)
    const { backup } = takeSnapshot(dataFolder, repository, () => Date.now())
    yield Buffer.from(`${JSON.stringify({ files: backup.files })}\n`)
    for (const { page } of repository.pagesOf(backup)) yield page
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Puts a copy in the place of whatever store is there; durable when it resolves.
 * @param beforeExchange called when the whole copy is here: whoever has the one before open closes it.
 * @throws {ProtocolError} `STORE_DAMAGED` if it is cut or of another form: nothing is changed then.
 */
export async function receiveCopy(
  copy: AsyncIterable<Uint8Array>,
  dataFolder: string,
  beforeExchange: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const files = new Map<string, number>()
  try {
    await write(copy, (name) => {
      const file = openSync(join(dataFolder, `${name}.incoming`), 'w', 0o600)
      files.set(name, file)
      return file
    })
  } catch (error) {
    for (const name of files.keys()) rmSync(join(dataFolder, `${name}.incoming`), { force: true })
    throw error
  } finally {
    for (const file of files.values()) closeSync(file)
  }
  for (const name of files.keys()) syncFile(join(dataFolder, `${name}.incoming`))
  await beforeExchange()
  for (const name of NAMES) rmSync(join(dataFolder, name), { force: true })
  for (const name of files.keys()) renameSync(join(dataFolder, `${name}.incoming`), join(dataFolder, name))
  syncFolder(dataFolder)
}

async function write(copy: AsyncIterable<Uint8Array>, open: (name: string) => number): Promise<void> {
  let header: Buffer | undefined = Buffer.alloc(0)
  let waiting: { readonly file: number; left: number }[] = []
  for await (const piece of copy) {
    let rest: Uint8Array = piece
    if (header !== undefined) {
      header = Buffer.concat([header, piece])
      const end = header.indexOf(LINE_END)
      if (end < 0 && header.length <= MAX_HEADER_BYTES) continue
      if (end < 0 || end > MAX_HEADER_BYTES) throw damaged()
      const { files } = headerShape(parseJson(header.toString('utf8', 0, end), { maxBytes: MAX_HEADER_BYTES }), 'copy')
      waiting = files.map(({ name, bytes }) => ({ file: open(name), left: bytes }))
      rest = header.subarray(end + 1)
      header = undefined
    }
    while (rest.length > 0) {
      const next = waiting[0]
      if (next === undefined) throw damaged()
      const part = rest.subarray(0, next.left)
      writeAll(next.file, part)
      next.left -= part.length
      rest = rest.subarray(part.length)
      if (next.left === 0) waiting.shift()
    }
  }
  if (header !== undefined || waiting.some(({ left }) => left > 0)) throw damaged()
}

function damaged(): ProtocolError {
  return new ProtocolError('STORE_DAMAGED', 'the copy is cut or of another form')
}
