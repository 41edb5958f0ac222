/**
 * Compiles the tree three times: the pure folders with nothing but ES2023, everything for Node, the portal for browsers. Both compilers also run
 * on the planted tree, where each announced line must be refused.
 *
 * @module
 */
import { join } from 'node:path'
import { ROOT, runCommand } from '../files.ts'
import { comparePlanted, withPlantedTree, type Finding } from '../planted.ts'

const PLANTED = join(import.meta.dirname, 'planted')
/** Files of ours that each real run must have compiled. Raise them as the product grows. */
const LEAST_FILES = {
  'tsconfig.pure.json': 100,
  'tsconfig.json': 200,
  'clients/portal/tsconfig.json': 60,
  'tools/portal/tsconfig.json': 4,
}
type Project = keyof typeof LEAST_FILES

interface Compilation {
  readonly findings: readonly Finding[]
  readonly lines: readonly string[]
  readonly files: number
}

function compile(folder: string, project: Project): Compilation {
  const { stdout, stderr } = runCommand('tsc', ['-p', project, '--noEmit', '--pretty', 'false', '--listFiles'], {
    cwd: folder,
    output: 'keep',
  })
  const findings: Finding[] = []
  const lines: string[] = []
  let files = 0
  for (const text of `${stdout}${stderr}`.split('\n')) {
    const located = /^(\S+?)\((\d+),\d+\): error (TS\d+): /.exec(text)
    if (located !== null) findings.push({ file: located[1] ?? '', line: Number(located[2]), code: located[3] ?? '' })
    if (/error TS\d+: /.test(text)) lines.push(text)
    else if (text.startsWith('/') && !text.includes('/node_modules/')) files++
  }
  return { findings, lines, files }
}

const faults: string[] = []
const seen: string[] = []
for (const [project, least] of Object.entries(LEAST_FILES) as [Project, number][]) {
  const real = compile(ROOT, project)
  faults.push(...real.lines)
  seen.push(`${project} ${real.files} files`)
  if (real.files < least) faults.push(`${project} compiled ${real.files} files only, expected ${least} or more`)
}

// The planted tree holds pure folders, which only the pure compiler judges, and one that only the other judges.
const pure = withPlantedTree(PLANTED, ['package.json', 'tsconfig.base.json', 'tsconfig.pure.json'], (tree) =>
  compile(tree, 'tsconfig.pure.json'),
)
const node = withPlantedTree(PLANTED, ['package.json', 'tsconfig.base.json', 'tsconfig.json'], (tree) =>
  compile(tree, 'tsconfig.json'),
)
const caught = [...pure.findings, ...node.findings.filter(({ file }) => file.startsWith('host/'))]
faults.push(...comparePlanted(PLANTED, caught))

for (const fault of new Set(faults)) console.error(fault)
console.log(`types: ${seen.join(', ')}, ${caught.length} planted faults caught, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
