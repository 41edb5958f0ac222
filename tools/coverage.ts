/**
 * Line coverage from an LCOV report, counting files that no test loaded: the report leaves them out, and with them
 * exactly the code that nobody tested.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'

export interface LineCount {
  readonly found: number
  readonly hit: number
}

/** Counts of each source file of the report. */
export function readLcov(text: string): Map<string, LineCount> {
  const counts = new Map<string, LineCount>()
  for (const record of text.split('end_of_record')) {
    const file = /^SF:(.+)$/m.exec(record)?.[1]
    if (file === undefined) continue
    const number = (field: string) => Number(new RegExp(`^${field}:(\\d+)$`, 'm').exec(record)?.[1] ?? 0)
    counts.set(file.replaceAll('\\', '/'), { found: number('LF'), hit: number('LH') })
  }
  return counts
}

/** `never`: files with code that no test loaded; their lines count as missed. Percent of no line at all is NaN. */
export function lineCoverage(
  measured: ReadonlyMap<string, LineCount>,
  sources: readonly string[],
  root: string,
): { percent: number; files: number; never: string[] } {
  let found = 0
  let hit = 0
  let files = 0
  const never: string[] = []
  for (const source of sources) {
    const count = measured.get(source) ?? measured.get(join(root, source))
    if (count !== undefined) {
      found += count.found
      hit += count.hit
      files++
      continue
    }
    const text = readFileSync(join(root, source), 'utf8')
    if (isTypesOnly(text)) continue
    found += text.split('\n').length
    files++
    never.push(source)
  }
  return { percent: (100 * hit) / found, files, never }
}

/** Whether nothing is left of a module once its types are removed. */
export function isTypesOnly(text: string): boolean {
  return /^(export ?\{\};)?$/.test(transformSync(text, { loader: 'ts', minify: true }).code.trim())
}
