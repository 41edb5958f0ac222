/**
 * Processes of this machine by their id: whether one lives, whether it is still the one that was meant, and how it is
 * ended. An id alone is not enough: it may belong to another program by now.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 25

/** Whether any process has this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, and belongs to somebody else.
    return (error as { code?: unknown }).code === 'EPERM'
  }
}

/** When the process was started, in the system's own form; undefined if there is none or it cannot be told. */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // proc(5): field 22, after the name in parentheses, which may itself hold spaces.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    }
    if (process.platform === 'win32') return isAlive(pid) ? 'unknown' : undefined
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}

/** A process that can be found again later. */
export interface KnownProcess {
  readonly pid: number
  readonly start: string
}

export function knownProcess(pid: number): KnownProcess {
  return { pid, start: startOf(pid) ?? 'unknown' }
}

export function isSameProcess({ pid, start }: KnownProcess): boolean {
  return pid > 0 && isAlive(pid) && startOf(pid) === start
}

/** SIGTERM, and after `graceMs` SIGKILL. Resolves when it is gone; one that is not the same is left alone. */
export async function endProcess(known: KnownProcess, graceMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isSameProcess(known)) return
    try {
      process.kill(known.pid, signal)
    } catch {
      return
    }
    const untilMs = performance.now() + graceMs
    while (isSameProcess(known) && performance.now() < untilMs) await sleep(LOOK_EVERY_MS)
  }
}
