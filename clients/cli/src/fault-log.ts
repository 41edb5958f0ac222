/**
 * Faults of this program itself: the stack goes to a file, the person gets its path. No contents of records: messages
 * of our errors carry none, and nothing else is written.
 *
 * @module
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { GlobalOptions } from './context.ts'
import { findStateFolder } from './state-folder.ts'
import type { Terminal } from './terminal.ts'

/** @returns what to tell the person. */
export function logFault(terminal: Terminal, flags: GlobalOptions, error: unknown): string {
  const { logs } = findStateFolder(flags.state, terminal.environment, terminal.currentFolder)
  const path = join(logs, 'cli.log')
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  try {
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    appendFileSync(path, `${new Date(terminal.nowMs()).toISOString()} ${stack}\n`, { mode: 0o600 })
    return `report it with the log: ${path}`
  } catch {
    return `report it: ${stack.split('\n').slice(0, 2).join(' ')}`
  }
}
