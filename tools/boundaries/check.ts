/**
 * Runs the import rules on the real tree, which must break none, and on the planted tree, where every rule must catch
 * the fault that was planted for it: a tool that looked at no file reports no fault either.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cruise, type ICruiseResult, type IViolation } from 'dependency-cruiser'
import { listFiles, ROOT } from '../files.ts'
import { FORBIDDEN, ROOTS, governs } from './rules.ts'

const PLANTED = join(import.meta.dirname, 'planted')

/** Modules of ours that the real run must have looked at. Raise it as the product grows. */
const LEAST_MODULES = 200

async function look(baseDir: string): Promise<ICruiseResult> {
  const present = ROOTS.filter((root) => listFiles(join(baseDir, root)).length > 0)
  const { output } = await cruise(
    present,
    {
      baseDir,
      validate: true,
      ruleSet: { forbidden: [...FORBIDDEN] },
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '^(tools/[^/]+/planted|dist|build|coverage)/' },
      moduleSystems: ['es6', 'cjs'],
    },
    {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs'],
    },
  )
  if (typeof output === 'string') throw new TypeError('dependency-cruiser answered with text')
  return output
}

/** What one file declares to break, and what it was found to break. */
function compare(found: readonly IViolation[]): string[] {
  const faults: string[] = []
  const caught = new Set<string>()
  for (const path of listFiles(PLANTED, '.ts')) {
    const file = relative(PLANTED, path)
    const declared = /^\/\/ breaks: (.+)/.exec(readFileSync(path, 'utf8'))?.[1]?.split(', ') ?? []
    const broken = new Set(found.filter((violation) => violation.from === file).map((violation) => violation.rule.name))
    for (const name of declared) {
      if (broken.has(name)) caught.add(name)
      else faults.push(`planted fault not caught: ${file} breaks ${name}`)
    }
    for (const name of broken) {
      if (!declared.includes(name)) faults.push(`sound file refused: ${file} by ${name}`)
    }
  }
  for (const { name } of FORBIDDEN) {
    if (name !== undefined && !caught.has(name)) faults.push(`no planted fault for ${name}`)
  }
  return faults
}

const real = await look(ROOT)
const ours = real.modules.map((module) => module.source).filter((source) => /^[a-z]+\/.*\.tsx?$/.test(source))
const faults = real.summary.violations.map(
  ({ rule, from, to, comment }) => `${rule.name}: ${from} → ${to}${comment === undefined ? '' : ` (${comment})`}`,
)
for (const source of ours) if (governs(source) === undefined) faults.push(`no rule speaks of ${source}`)
if (ours.length < LEAST_MODULES) faults.push(`looked at ${ours.length} modules only, expected ${LEAST_MODULES} or more`)

const planted = await look(PLANTED)
faults.push(...compare(planted.summary.violations))

for (const fault of faults) console.error(fault)
console.log(
  `boundaries: ${ours.length} modules, ${FORBIDDEN.length} rules, ${planted.summary.violations.length} planted violations caught, ${faults.length} faults`,
)
if (faults.length > 0) process.exitCode = 1
