/**
 * Lints the whole tree with type information, then proves on the planted tree that each rule we chose still reports.
 * `npm run lint -- --fix` is oxlint's own; this program only looks.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, runCommand } from '../files.ts'
import { comparePlanted, withPlantedTree, type Finding } from '../planted.ts'

const PLANTED = join(import.meta.dirname, 'planted')
/** Files that the real run must have looked at. Raise it as the product grows. */
const LEAST_FILES = 200

interface Report {
  readonly diagnostics: readonly {
    readonly code?: string
    readonly message: string
    readonly filename: string
    readonly labels: readonly { readonly span: { readonly line: number } }[]
  }[]
  readonly number_of_files: number
  readonly number_of_rules: number
}

function lint(folder: string): Report {
  const { stdout, stderr } = runCommand('oxlint', ['--format', 'json'], { cwd: folder, output: 'keep' })
  try {
    return JSON.parse(stdout) as Report
  } catch (cause) {
    throw new Error(`oxlint did not report: ${stdout.slice(0, 2_000)}${stderr}`, { cause })
  }
}

/** `typescript(rule)` as configurations write it: `typescript/rule`; rules of ESLint itself have no prefix. */
function findings({ diagnostics }: Report): Finding[] {
  return diagnostics.map(({ code, message, filename, labels }) => ({
    file: filename,
    line: labels[0]?.span.line ?? 0,
    code: (code ?? message).replace(/^([\w-]+)\((.+)\)$/, '$1/$2').replace(/^eslint\//, ''),
  }))
}

/** The rules that .oxlintrc.json names as errors, and what it restricts: each needs a planted fault. */
function chosen(): string[] {
  const text = readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8').replace(/^\s*\/\/.*$/gm, '')
  const { rules, overrides } = JSON.parse(text) as {
    rules: Record<string, unknown>
    overrides: { rules: Record<string, unknown> }[]
  }
  return [rules, ...overrides.map((override) => override.rules)].flatMap((set) =>
    Object.entries(set).flatMap(([name, setting]) => (setting === 'off' ? [] : [name])),
  )
}

const real = lint(ROOT)
const faults = findings(real).map(
  ({ file, line, code }, i) => `${file}:${line} ${code}: ${real.diagnostics[i]?.message ?? ''}`,
)
if (real.number_of_files < LEAST_FILES)
  faults.push(`looked at ${real.number_of_files} files only, expected ${LEAST_FILES} or more`)

const planted = withPlantedTree(
  PLANTED,
  ['.oxlintrc.json', 'tsconfig.json', 'tsconfig.base.json', 'package.json'],
  (tree) => findings(lint(tree)),
)
faults.push(...comparePlanted(PLANTED, planted))
const caught = new Set(planted.map(({ code }) => code))
for (const rule of new Set(chosen())) if (!caught.has(rule)) faults.push(`no planted fault for ${rule}`)

for (const fault of faults) console.error(fault)
console.log(
  `lint: ${real.number_of_files} files, ${real.number_of_rules} rules, ${planted.length} planted faults caught, ${faults.length} faults`,
)
if (faults.length > 0) process.exitCode = 1
