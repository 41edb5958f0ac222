/**
 * One `trusthealth start` on one state folder. The lock names the process that holds it; one whose process is gone,
 * after kill -9 or a power cut, is taken over.
 *
 * @module
 */
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { CommandError } from '../command-error.ts'
import type { StateFolder } from '../state-folder.ts'
import { isSameProcess, knownProcess, type KnownProcess } from './processes.ts'

/** @returns releases the lock. @throws {CommandError} `CLIENT_ALREADY_RUNNING` */
export function takeLock(state: StateFolder, lock: string = state.lock): () => void {
  mkdirSync(state.root, { recursive: true, mode: 0o700 })
  const own = knownProcess(process.pid)
  const temporary = `${lock}.${process.pid}.new`
  writeFileSync(temporary, JSON.stringify(own), { mode: 0o600 })
  try {
    if (!tryLink(temporary, lock)) {
      const holder = readHolder(lock)
      if (holder !== undefined && isSameProcess(holder)) throw alreadyRunning(state, holder)
      removeStale(lock)
      if (!tryLink(temporary, lock)) throw alreadyRunning(state, readHolder(lock))
    }
  } finally {
    unlinkSync(temporary)
  }
  return () => {
    if (readHolder(lock)?.pid === own.pid) unlinkSync(lock)
  }
}

/** The process that holds the lock, if it lives. */
export function findLockHolder(state: StateFolder): KnownProcess | undefined {
  const holder = readHolder(state.lock)
  return holder !== undefined && isSameProcess(holder) ? holder : undefined
}

/** Unlike a rename, a link does not replace the lock that another start made meanwhile. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    throw error
  }
}

/** By way of a rename: of two that find the same stale lock, one moves it, and nobody removes a fresh one. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
    unlinkSync(aside)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  }
}

function readHolder(path: string): KnownProcess | undefined {
  try {
    const { pid, start } = JSON.parse(readFileSync(path, 'utf8')) as Partial<KnownProcess>
    return typeof pid === 'number' && typeof start === 'string' ? { pid, start } : undefined
  } catch {
    return undefined
  }
}

function alreadyRunning(state: StateFolder, holder: KnownProcess | undefined): CommandError {
  return new CommandError('CLIENT_ALREADY_RUNNING', {
    reason: `${state.root}, process ${holder?.pid ?? 'unknown'}`,
    next: 'trusthealth status, or another folder with --state',
  })
}
