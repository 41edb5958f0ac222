/**
 * Where programs are looked for: the folders of $PATH, and the cache of those that were put or built there.
 *
 * @module
 */
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** The folders of $PATH, in order. */
export function pathFolders(environment: Environment): readonly string[] {
  return (environment['PATH'] ?? '').split(delimiter).filter(Boolean)
}

/** The cache folder of one version of a product's programs. */
export function cachedFolder(environment: Environment, product: string, version: string): string {
  const cache = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(cache, 'trusthealth', product, version, 'bin')
}

/** Whether each of the programs is in the folder and may be run. */
export function hasPrograms(folder: string, programs: readonly string[]): boolean {
  return programs.every((program) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
