/**
 * Programs of a system under measurement: started as processes, waited for, stopped by their own id; CPU time of each.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../../tools/files.ts'

export interface Program {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/**
 * Starts `script` and waits for its line of JSON with a `url`.
 * @param log file that gets everything else it says.
 */
export async function startProgram(script: string, args: readonly string[], log: string): Promise<Program> {
  const file = openSync(log, 'a')
  const child = spawn(process.execPath, [...nodeOptions(script), join(ROOT, script), ...args], {
    stdio: ['pipe', 'pipe', file],
  })
  closeSync(file)
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const found = /"url":"((?:http|fabric):[^"]*)"/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(`${script} did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`)))
  })
  return { url, pid: child.pid ?? 0, stop: () => stop(child) }
}

/** `TRUSTHEALTH_BENCH_PROFILE=folder`: a CPU profile of each program, written when it ends. */
export function nodeOptions(script: string): readonly string[] {
  if (PROFILES === undefined) return []
  const name = script.replaceAll('/', '-').replace(/\.ts$/, '')
  const options = ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`]
  return script.startsWith('host/') ? [...options, '--import', join(import.meta.dirname, 'profile-ta.ts')] : options
}

/** Folder of the profiles that were asked for. */
export const PROFILES = process.env['TRUSTHEALTH_BENCH_PROFILE']

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 40_000)
  await ended
  clearTimeout(timer)
}

/** Milliseconds of CPU that a process has used, user and system; 0 where the system does not tell. */
export function cpuMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // proc(5): utime and stime are fields 14 and 15, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

/** Bytes of memory that a process holds; 0 where the system does not tell. */
export function residentBytesOf(pid: number): number {
  try {
    const [, pages = 0] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ').map(Number)
    return pages * 4_096
  } catch {
    return 0
  }
}

/** The process below `ancestor` whose command line has `word`: the trusted application runs below its confinement. */
export function findDescendant(ancestor: number, word: string): number | undefined {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It has ended.
    }
  }
  let found: number | undefined
  for (const pid of parents.keys()) {
    let at: number | undefined = pid
    while (at !== undefined && at !== ancestor) at = parents.get(at)
    if (at === undefined || pid === ancestor) continue
    // The innermost one: whoever starts it has the same words in its command line.
    if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word) && pid > (found ?? 0)) found = pid
  }
  return found
}
