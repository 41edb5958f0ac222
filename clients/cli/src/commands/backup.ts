/**
 * `trusthealth backup …`: the whole state folder, with a list of fingerprints. Keys are in it: whoever has a backup of
 * this machine has the machine.
 *
 * Limits: while the system stands still only. The ledger and the record server's store must be of one moment: a store
 * that is older than what the ledger has anchored is refused at the next start.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
} from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { list, literal, parseJson, struct, text, uint, type Infer } from '../../../../shared/protocol/src/index.ts'
import { confirmSevereStep } from '../ask.ts'
import { CommandError, usageError } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { writePrivateFile } from '../files.ts'
import { takeLock } from '../system/lock.ts'
import { countWords, numberWords } from '../words.ts'
import { readOwnFile } from '../files.ts'

const MANIFEST = 'backup.json'
/** Made again at each start, or of the running system only. */
const LEFT_OUT = /^(logs|system\.lock|system\.lock\..*|server[\\/]store[\\/]run)([\\/]|$)/

export const BACKUP_COMMANDS: readonly CommandRow[] = [
  {
    path: 'backup create',
    what: '<folder>',
    summary: 'copy everything of this system into a new folder; stop it first',
    examples: [
      'backup create /media/stick/2026-11-22',
      'backup create ../backup --state ./practice',
      'backup create ../backup --json',
    ],
    run: create,
  },
  {
    path: 'backup check',
    what: '<folder>',
    summary: 'compare a backup with the fingerprints that were taken when it was made',
    examples: [
      'backup check /media/stick/2026-11-22',
      'backup check ../backup --json',
      'backup check ../backup --quiet',
    ],
    run: check,
  },
  {
    path: 'backup restore',
    what: '<folder>',
    summary: 'put a backup in place of the state folder',
    details: 'What is there is moved aside, not removed. Wants the 6-character code, see --dry-run.',
    examples: [
      'backup restore ../backup --dry-run',
      'backup restore ../backup --confirm 4be07c',
      'backup restore ../backup --state ./practice',
    ],
    run: restore,
  },
]

const manifestShape = struct({
  v: literal(1),
  createdMs: uint(),
  files: list(struct({ path: text({ min: 1, max: 1_024 }), bytes: uint(), sha256: text({ max: 64 }) }), {
    max: 1_000_000,
  }),
})
type Manifest = Infer<typeof manifestShape>

async function create(context: Context, what: readonly string[]): Promise<void> {
  const { state, output, clock } = context
  const folder = folderOf(context, what[0] as string)
  if (!existsSync(state.consortium))
    throw new CommandError('CLIENT_NOT_RUNNING', { what: `There is no system in ${state.root}.` })
  if (existsSync(folder) && readdirSync(folder).length > 0) throw usageError(`The folder ${what[0]} is not empty.`)
  if (!relative(state.root, folder).startsWith('..'))
    throw usageError('A backup inside the state folder would be lost with it.')
  const release = lockOf(context)
  try {
    const files: Manifest['files'][number][] = []
    for (const path of filesIn(state.root)) {
      if (LEFT_OUT.test(path)) continue
      files.push(await copyChecked(join(state.root, path), join(folder, path), path))
    }
    const manifest: Manifest = { v: 1, createdMs: clock.nowMs(), files }
    writePrivateFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`)
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0)
    output.result(
      { folder, files: files.length, bytes, code: codeOf(manifest) },
      `${countWords(files.length, 'file')}, ${numberWords(Math.ceil(bytes / 1024))} KiB copied to ${folder}.\n` +
        'Keys are in it: whoever has this backup has this system. Keep it like them.',
    )
  } finally {
    release()
  }
}

async function check(context: Context, what: readonly string[]): Promise<void> {
  const folder = folderOf(context, what[0] as string)
  const manifest = readManifest(folder)
  const wrong = await findDifferences(folder, manifest)
  if (wrong.length > 0) throw damaged(wrong)
  const { createdMs, files } = manifest
  context.output.result(
    { folder, files: files.length, createdMs, code: codeOf(manifest) },
    `${countWords(files.length, 'file')} of ${formatMoment(createdMs)}, all as they were.`,
  )
}

async function restore(context: Context, what: readonly string[]): Promise<void> {
  const { state, output, clock } = context
  const folder = folderOf(context, what[0] as string)
  const manifest = readManifest(folder)
  const wrong = await findDifferences(folder, manifest)
  if (wrong.length > 0) throw damaged(wrong)
  const code = codeOf(manifest)
  const lines = [
    `Put the system of ${formatMoment(manifest.createdMs)} in place of ${state.root}?`,
    'Everything since then is no longer in the system: records, permissions, and access that was taken back.',
    'What is there now is moved aside, not removed.',
  ]
  if (context.flags.dryRun === true) {
    output.result(
      { folder, code, lines },
      `${lines.join('\n')}\nTo do it:  trusthealth backup restore ${what[0]} --confirm ${code}`,
    )
    return
  }
  await confirmSevereStep(context, { lines, code })
  const aside = moveAside(context, clock.nowMs())
  for (const { path } of manifest.files) await copyChecked(join(folder, path), join(state.root, path), path)
  output.result(
    { folder, restored: manifest.files.length, aside: aside ?? null },
    `Restored ${countWords(manifest.files.length, 'file')}.${aside === undefined ? '' : ` What was there: ${aside}`}\nStart it:  trusthealth start`,
  )
}

/** The lock of a start: while it is held, nothing runs on the folder. */
function lockOf(context: Context): () => void {
  try {
    return takeLock(context.state)
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause
    throw new CommandError(cause.code, { ...cause.words, next: 'stop it first:  trusthealth stop', cause })
  }
}

function moveAside(context: Context, nowMs: number): string | undefined {
  const { root } = context.state
  if (!existsSync(root)) return undefined
  const release = lockOf(context)
  release()
  const aside = `${root}.before-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')}`
  renameSync(root, aside)
  return aside
}

function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST)
  if (!existsSync(path)) throw usageError(`There is no backup in ${folder}.`)
  const fileText = new TextDecoder().decode(readOwnFile(path, path))
  const manifest = manifestShape(parseJson(fileText, { maxBytes: 256 * 2 ** 20 }), MANIFEST)
  // The list is a file like any other: it must not name a place outside the folder.
  const isInside = manifest.files.every(({ path: one }) => !one.split(/[\\/]/).includes('..') && !one.startsWith(sep))
  if (!isInside) throw new CommandError('STORE_DAMAGED', { what: 'The backup names files outside its folder.' })
  return manifest
}

async function findDifferences(folder: string, { files }: Manifest): Promise<string[]> {
  const wrong: string[] = []
  for (const { path, bytes, sha256 } of files) {
    const full = join(folder, path)
    const isSame = existsSync(full) && statSync(full).size === bytes && (await fingerprint(full)) === sha256
    if (!isSame) wrong.push(path)
  }
  return wrong
}

async function copyChecked(from: string, to: string, path: string): Promise<Manifest['files'][number]> {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  copyFileSync(from, to)
  chmodSync(to, 0o600)
  return { path, bytes: statSync(to).size, sha256: await fingerprint(to) }
}

async function fingerprint(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted()
}

function codeOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 6)
}

function folderOf(context: Context, name: string): string {
  return resolve(context.terminal.currentFolder, name)
}

function damaged(wrong: readonly string[]): CommandError {
  return new CommandError('STORE_DAMAGED', {
    what: `The backup is not as it was: ${countWords(wrong.length, 'file')} differ.`,
    reason: wrong.slice(0, 5).join(', '),
    next: 'use another backup',
  })
}
