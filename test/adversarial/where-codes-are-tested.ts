/**
 * Where each code of the error table is named in a test, and the page that says so. Run this file with `--write` to
 * write the page again.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { ERROR_TABLE } from '../../shared/protocol/src/error-table.ts'
import { listFiles, ROOT } from '../../tools/files.ts'
import { reasonOf } from './reached-elsewhere.ts'

export const PAGE = join(import.meta.dirname, 'README.md')
/** Tests against running systems. */
const WHOLE = ['test/adversarial', 'test/fault', 'test/e2e', 'test/fhir']
/** Folders whose tests count, beside those of `WHOLE`. */
const BESIDE = [
  'clients',
  'host',
  'hospital',
  'ledger',
  'secure',
  'shared',
  'tee',
  'testkit/src/suites',
  'test/conformance',
]

export interface WhereTested {
  readonly code: string
  /** Paths from the root, with `/`. */
  readonly whole: readonly string[]
  readonly beside: readonly string[]
}

export function whereTested(): readonly WhereTested[] {
  const whole = namesIn(WHOLE)
  const beside = namesIn(BESIDE)
  return Object.keys(ERROR_TABLE).map((code) => ({
    code,
    whole: filesWith(whole, code),
    beside: filesWith(beside, code),
  }))
}

/** Markdown: one row for each code, in the order of the error table. */
export function page(rows: readonly WhereTested[]): string {
  const lines = rows.map(({ code, whole, beside }) => {
    const isWhole = whole.length > 0
    return `| \`${code}\` | ${fileList(isWhole ? whole : beside)} | ${isWhole ? '' : (reasonOf(code) ?? '')} |`
  })
  return `# Refusals and where they are tested

One file for each thing that somebody may try against the running system: real ledger, real services, the real trusted
application and the clients that everybody uses (\`openTestWorld\` of the testkit). Each file ends with
\`verifyEverything\`: what was refused has left nothing behind.

\`every-code-has-a-test.test.ts\` compares this page with the error table and the tests: every code has a row, and every
file of a row names the code. Written by \`node tools/run.mjs test/adversarial/where-codes-are-tested.ts --write\`.

| code | tests | why not against the running system |
| --- | --- | --- |
${lines.join('\n')}
`
}

type Names = ReadonlyMap<string, ReadonlySet<string>>

/** The words of each test that look like codes. */
function namesIn(folders: readonly string[]): Names {
  const files = folders.flatMap((folder) => listFiles(join(ROOT, folder))).filter(isTest)
  return new Map(
    files.map((path) => [
      relative(ROOT, path).split(sep).join('/'),
      new Set(readFileSync(path, 'utf8').match(/[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+/g)),
    ]),
  )
}

function isTest(path: string): boolean {
  const name = relative(ROOT, path).split(sep).join('/')
  return name.endsWith('.test.ts') || name.startsWith('testkit/src/suites/') || name.includes('/transcripts/')
}

function filesWith(names: Names, code: string): string[] {
  return [...names].filter(([, words]) => words.has(code)).map(([path]) => path)
}

const MAX_NAMED = 3

/** The first few: which they are tells enough. */
function fileList(paths: readonly string[]): string {
  const named = paths.slice(0, MAX_NAMED).map((path) => `\`${path}\``)
  return paths.length > MAX_NAMED ? `${named.join(', ')} …` : named.join(', ')
}

if (import.meta.main && process.argv.includes('--write')) writeFileSync(PAGE, page(whereTested()))
