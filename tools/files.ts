/**
 * Where this repository is, its files without installed packages and build products, and its own commands.
 *
 * @module
 */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '..')

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'coverage', '.git', '.state'])

/** Every file below `folder` whose name ends with `ending`, sorted; empty where the folder is missing. */
export function listFiles(folder: string, ending = ''): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : listFiles(path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    })
    .toSorted()
}

/**
 * Runs an installed command, or Node itself, and waits. The commands and the runtime of this repository come first.
 *
 * @param output `show` passes it on to the terminal, `keep` returns it.
 */
export function runCommand(
  command: string,
  commandArguments: readonly string[],
  { cwd = ROOT, output = 'show', env = {} }: { cwd?: string; output?: 'show' | 'keep'; env?: NodeJS.ProcessEnv } = {},
): SpawnSyncReturns<string> {
  const first = [join(ROOT, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH'] ?? '']
  const result = spawnSync(command, commandArguments, {
    cwd,
    stdio: output === 'show' ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: first.join(delimiter), ...env },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (result.error !== undefined) throw result.error
  return result
}
