/**
 * The emulated machine, with the trusted application in it, or with its secure storage alone, which takes SQL
 * (optee/storage/test/ta), and plain SQLite in the normal world beside it, on the same disk (guest/plain.c).
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtFiles, builtFolder, QemuMachine, type MachineFiles } from '../../tee/optee/src/index.ts'
import type { TaSession } from '../../tee/optee/src/session.ts'

const STORAGE_BUILD = join(import.meta.dirname, '../../optee/storage/test/ta/build.sh')
const PLAIN_BUILD = join(import.meta.dirname, 'guest/build.sh')

/** What of the build is measured. */
export interface Built {
  readonly folder: string
  /** Of the trusted application, and of its storage alone. */
  readonly taFolders: { readonly product: string; readonly storage: string }
  readonly plainInitrd: string
}

/** @throws {Error} if there is no build to begin with. */
export async function withBuilt(work: (built: Built) => Promise<void>): Promise<void> {
  if (!existsSync(join(builtFolder(), 'reference.json'))) throw new Error('not built: npm run optee:build')
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-optee-bench-'))
  const [storage, plain] = [join(folder, 'storage'), join(folder, 'plain')]
  try {
    execFileSync(STORAGE_BUILD, [storage])
    execFileSync(PLAIN_BUILD, [plain])
    const taFolders = { product: join(builtFolder(), 'ta'), storage: join(storage, 'ta') }
    await work({ folder, taFolders, plainInitrd: join(plain, 'initrd.gz') })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A machine with a disk of its own, by name. */
export function machineOf({ folder, taFolders, plainInitrd }: Built, what: 'product' | 'storage'): QemuMachine {
  const files: MachineFiles = what === 'storage' ? { ...builtFiles(), initrd: plainInitrd } : builtFiles()
  return new QemuMachine({
    files,
    taFolder: taFolders[what],
    storeFolder: mkdtempSync(join(folder, `${what}-`)),
    logFolder: join(folder, 'log'),
  })
}

/** Boots the machine with both kinds of SQLite and has it measured. */
export async function withStorage<T>(built: Built, work: (session: TaSession) => Promise<T>): Promise<T> {
  const machine = machineOf(built, 'storage')
  try {
    const session = await machine.open()
    await session.start()
    return await work(session)
  } finally {
    await machine.close()
  }
}

/** A statement that is run many times: `?1` is the turn, from 1, `?2` a number below `limit`, the same in every run. */
export interface Repeated {
  readonly sql: string
  readonly count?: number
  readonly limit?: number
}

/** `secure`: in the secure world; `plain`: in the normal world of the same machine. */
export const KINDS = ['secure', 'plain'] as const
export type Kind = (typeof KINDS)[number]
const WORDS = { secure: '.timed', plain: '.plain' } as const

/** @returns milliseconds that it took where it ran, and rows that came out. @throws {Error} if it did not do its work. */
export async function timeSql(
  session: TaSession,
  kind: Kind,
  { sql, count = 1, limit = 0 }: Repeated,
): Promise<{ readonly ms: number; readonly rows: number }> {
  const { output } = await session.exchange(Buffer.from(`${WORDS[kind]} ${count} ${limit} ${sql}`), false)
  const said = Object.fromEntries(
    Buffer.from(output)
      .toString('latin1')
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  ) as Partial<Record<'ms' | 'rows' | 'result', string>>
  if (said.result !== '0') throw new Error(`SQLite answers ${said.result ?? 'nothing'}: ${sql}`)
  return { ms: Number(said.ms), rows: Number(said.rows) }
}
