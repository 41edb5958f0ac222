/**
 * Processes of the network: started so that they outlive this program, found again by id and time of start, and ended
 * only if they are still the ones that were started.
 *
 * @module
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { literal, optional, parseJson, struct, text, uint } from '../../../shared/protocol/src/index.ts'
import { NetworkError } from './errors.ts'
import { writeOwnFile } from './folder.ts'

const LOOK_EVERY_MS = 25
const GRACE_MS = 10_000

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Appended to. */
  readonly log: string
  /** Where id and start of the process are kept. */
  readonly record: string
}

const recordShape = struct({ v: literal(1), pid: uint({ min: 1 }), start: optional(text({ max: 100 })) })

/** What programs of the network get of this one's surroundings. */
export function plainEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'GOMAXPROCS', 'SystemRoot']
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

/** Starts the program unless it runs. @returns its process id */
export async function startProgram(program: Program): Promise<number> {
  const running = runningPid(program.record)
  if (running !== 0) return running
  const log = openSync(program.log, 'a', 0o600)
  try {
    const child = spawn(program.command, program.args, {
      cwd: program.cwd,
      env: { ...plainEnvironment(), ...program.env },
      detached: true,
      stdio: ['ignore', log, log],
    })
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('spawn', () => resolve(child.pid ?? 0))
    })
    child.unref()
    writeOwnFile(program.record, processRecord(pid))
    return pid
  } catch (cause) {
    throw new NetworkError('NETWORK_TOOL_FAILED', `${program.command} cannot be started`, { cause })
  } finally {
    closeSync(log)
  }
}

/** What is kept of a process, to find it again. */
export function processRecord(pid: number): string {
  const start = startOf(pid)
  return `${JSON.stringify({ v: 1, pid, ...(start === undefined ? {} : { start }) })}\n`
}

/** Id of the process of this record; 0 if it does not run, or if the id belongs to another one by now. */
export function runningPid(record: string): number {
  try {
    const { pid, start } = recordShape(parseJson(readFileSync(record, 'utf8'), { maxBytes: 4_096 }), 'process')
    return start !== undefined && startOf(pid) === start ? pid : 0
  } catch {
    return 0
  }
}

/** Sends the signal, after a grace period SIGKILL, and returns when the process is gone. */
export async function endProgram(record: string, signal: NodeJS.Signals): Promise<void> {
  for (const next of [signal, 'SIGKILL'] as const) {
    const pid = runningPid(record)
    if (pid === 0) break
    try {
      process.kill(pid, next)
    } catch {
      // It ended by itself in between.
    }
    const untilMs = performance.now() + GRACE_MS
    while (runningPid(record) !== 0 && performance.now() < untilMs) await sleep(LOOK_EVERY_MS)
  }
  if (runningPid(record) === 0) rmSync(record, { force: true })
}

/** When the process was started, in the system's own form; undefined if there is none. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // proc(5): field 3 is the state, 22 the start; both after the name in parentheses, which may hold spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}
