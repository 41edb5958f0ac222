/**
 * Planted faults: a checker that looked at nothing reports nothing, so each one also runs on a tree in which the lines
 * that it must report say so: `// expect: CODE, CODE`. Every other line must stay unreported.
 *
 * @module
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { listFiles, ROOT } from './files.ts'

/** One report of a checker. `file` is relative to the tree. */
export interface Finding {
  readonly file: string
  readonly line: number
  readonly code: string
}

/** Copies a planted tree beside this repository's configuration, so that path patterns mean there what they mean here. */
export function withPlantedTree<T>(planted: string, configurations: readonly string[], use: (tree: string) => T): T {
  const tree = mkdtempSync(join(tmpdir(), 'planted-'))
  try {
    cpSync(planted, tree, { recursive: true })
    for (const name of configurations) cpSync(join(ROOT, name), join(tree, name))
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
    return use(tree)
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

/** Compares what the lines of a planted tree announce with what was found. Returns one sentence for each difference. */
export function comparePlanted(planted: string, found: readonly Finding[]): string[] {
  const text = ({ file, line, code }: Finding) => `${file}:${line} ${code}`
  const announced = new Set(
    listFiles(planted, '.ts')
      .flatMap((path) => announcements(planted, path))
      .map(text),
  )
  const reported = new Set(found.map(text))
  return [
    ...[...announced].filter((one) => !reported.has(one)).map((one) => `planted fault not caught: ${one}`),
    ...[...reported].filter((one) => !announced.has(one)).map((one) => `sound line refused: ${one}`),
  ]
}

function announcements(planted: string, path: string): Finding[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((text, i) => {
      const codes = /\/\/ expect: (.+)$/.exec(text)?.[1]?.split(', ') ?? []
      return codes.map((code) => ({ file: relative(planted, path), line: i + 1, code }))
    })
}
