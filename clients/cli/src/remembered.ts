/**
 * Ids that were listed last, so that shortened ones need no question to the network. Ids only: no titles, no names.
 *
 * @module
 */
import { join } from 'node:path'
import { readJsonFile, writePrivateFile } from './files.ts'
import type { StateFolder } from './state-folder.ts'

const MAX_IDS = 2_000

export function rememberedIds(state: StateFolder, who: string): readonly string[] {
  try {
    const value = readJsonFile(pathOf(state, who))
    return Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : []
  } catch {
    // A file that was cut off is only a list of the last ids.
    return []
  }
}

export function rememberIds(state: StateFolder, who: string, ids: readonly string[]): void {
  const all = [...new Set([...ids, ...rememberedIds(state, who)])].slice(0, MAX_IDS)
  writePrivateFile(pathOf(state, who), `${JSON.stringify(all)}\n`)
}

function pathOf(state: StateFolder, who: string): string {
  return join(state.identities, 'seen', `${who}.json`)
}
