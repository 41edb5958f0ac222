/**
 * What this process does to some files, in order, as the kernel sees it: strace is attached to it for a while. Marks that
 * the test makes stand in the same order, so that it is known what was acknowledged before which write. No code of ours or
 * of SQLite's is changed for it.
 *
 * Memory-mapped files are not seen: SQLite's databases here map none, because their locks are exclusive or their shared
 * memory is made anew at each start.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

/** One change of a file below the folder, or a mark. */
export type DiskEvent =
  | { readonly kind: 'write'; readonly file: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: string; readonly length: number }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'create'; readonly file: string }
  | { readonly kind: 'remove'; readonly file: string }
  | { readonly kind: 'mark'; readonly mark: number }

const CALLS = 'openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,rename,pwritev,writev,fallocate'

/** Why nothing can be recorded here, or undefined. */
export function whyNoRecording(): string | undefined {
  if (process.platform !== 'linux') return 'strace is a program for Linux'
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-strace-'))
  try {
    // Attaching needs a right that a container may not give.
    const script = `sleep 1 & strace -f -o ${join(folder, 'out')} -p $!`
    const { status, stderr, error } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
    if (error === undefined && status === 0 && !/attach:.*not permitted/i.test(stderr)) return undefined
    return `no strace that may attach here (apt-get install strace): ${stderr.trim().split('\n')[0] ?? ''}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A recording that is under way. */
export interface Recording {
  /** Notes that something was acknowledged. @param mark from 1 up. */
  mark(mark: number): void
  stop(): Promise<readonly DiskEvent[]>
}

/** Records everything below `folder` from now on. */
export async function record(folder: string): Promise<Recording> {
  const own = mkdtempSync(join(tmpdir(), 'trusthealth-strace-'))
  const output = join(own, 'trace')
  const marks = join(own, 'marks')
  const descriptor = openSync(marks, 'w')
  const options = ['-f', '-y', '-xx', '-s', '1048576', '-e', `trace=${CALLS}`]
  const tracer = spawn('strace', [...options, '-o', output, '-p', String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    tracer.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/attached/.test(said)) resolve()
    })
    tracer.once('error', reject)
    tracer.once('exit', () => reject(new Error(`strace ended: ${said}`)))
  })
  return {
    mark: (mark) => void writeSync(descriptor, `${mark}\n`),
    async stop() {
      const ended = new Promise<void>((resolve) => tracer.once('exit', () => resolve()))
      tracer.kill('SIGINT')
      await ended
      closeSync(descriptor)
      const events = parseTrace(readFileSync(output, 'latin1'), folder, marks)
      rmSync(own, { recursive: true, force: true })
      return events
    },
  }
}

/** Joins the two halves of a call that another thread interrupted. */
function wholeLines(trace: string): string[] {
  const open = new Map<string, string>()
  const lines: string[] = []
  for (const line of trace.split('\n')) {
    const thread = /^(\d+)\s+/.exec(line)?.[1] ?? ''
    const text = line.slice(thread.length).trimStart()
    if (text.endsWith('<unfinished ...>')) {
      open.set(thread, text.slice(0, -'<unfinished ...>'.length))
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    if (resumed === null) lines.push(text)
    else {
      lines.push(`${open.get(thread) ?? ''}${resumed[1] ?? ''}`)
      open.delete(thread)
    }
  }
  return lines
}

/** @throws {Error} for a call that we do not understand: a recording with a hole is none. */
function parseTrace(trace: string, folder: string, marks: string): DiskEvent[] {
  const events: DiskEvent[] = []
  /** Where `write`, which has no offset, goes on; only files that are written from their beginning. */
  const ends = new Map<string, number>()
  for (const line of wholeLines(trace)) {
    const call = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(line)
    if (call === null) continue
    const [, name = '', args = '', result = ''] = call
    if (Number(result) < 0) continue
    if (name === 'unlink' || name === 'rename') {
      const paths = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => unhex(hex).toString())
      if (!paths.some((path) => isBelow(folder, path))) continue
      if (name === 'rename') throw new Error(`a file is renamed: ${paths.join(' to ')}`)
      events.push({ kind: 'remove', file: relative(folder, paths[0] ?? '') })
      continue
    }
    const path = name === 'openat' ? /<([^<>]*)>$/.exec(line)?.[1] : /^\d+<([^<>]*)>/.exec(args)?.[1]
    if (path === undefined) continue
    const known = unhex(path).toString()
    if (known === marks) {
      const text = unhex(/"((?:\\x[0-9a-f]{2})*)"/.exec(args)?.[1] ?? '').toString()
      events.push({ kind: 'mark', mark: Number(text) })
      continue
    }
    if (!isBelow(folder, known)) continue
    const file = relative(folder, known)
    const bytes = unhex(/"((?:\\x[0-9a-f]{2})*)"/.exec(args)?.[1] ?? '')
    const numbers = args.slice(args.lastIndexOf('"') + 1)
    switch (name) {
      case 'openat':
        if (args.includes('O_CREAT')) events.push({ kind: 'create', file })
        if (args.includes('O_TRUNC')) events.push({ kind: 'truncate', file, length: 0 })
        break
      case 'pwrite64': {
        const [, length = '', offset = ''] = /^, (\d+), (\d+)/.exec(numbers) ?? []
        if (Number(length) !== bytes.length) throw new Error('strace cut a write')
        events.push({ kind: 'write', file, offset: Number(offset), bytes: bytes.subarray(0, Number(result)) })
        break
      }
      case 'write': {
        const offset = ends.get(file) ?? 0
        ends.set(file, offset + bytes.length)
        events.push({ kind: 'write', file, offset, bytes })
        break
      }
      case 'ftruncate':
        events.push({ kind: 'truncate', file, length: Number(/, (\d+)$/.exec(args)?.[1] ?? Number.NaN) })
        break
      case 'fsync':
      case 'fdatasync':
        events.push({ kind: 'sync', file })
        break
      case 'fallocate':
        break
      default:
        throw new Error(`${name} is not understood`)
    }
  }
  return events
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`)
}

/** Paths of descriptors are plain, of arguments `\x41\x42`. */
function unhex(text: string): Buffer {
  if (!text.includes('\\x')) return Buffer.from(text, 'latin1')
  return Buffer.from(text.replaceAll('\\x', ''), 'hex')
}
