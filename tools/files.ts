/**
 * Lists the files of this repository for the checks, without installed packages, build products and planted faults.
 *
 * @module
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

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
