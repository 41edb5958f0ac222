/**
 * The gate over deployment.ts, `npm run check -- deployment`, and systemd's own judgement of the units where
 * systemd-analyze is there: no fault, and an exposure of at most 3.0 of 10.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listFiles, ROOT } from '../files.ts'
import { findComposeFaults, findDockerfileFaults, findUnitFaults, findWorkflowFaults } from './deployment.ts'

/** In tenths, as systemd-analyze has it. */
const MOST_EXPOSED = 30
const UNITS = join(ROOT, 'deploy/systemd')

const exists = (path: string) => path !== '' && existsSync(join(ROOT, path))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const faults: string[] = []
const add = (file: string, found: readonly string[]) => faults.push(...found.map((fault) => `${file}: ${fault}`))

const services = readdirSync(UNITS).filter((name) => name.endsWith('.service'))
for (const name of services) add(name, findUnitFaults(readFileSync(join(UNITS, name), 'utf8'), exists))
add('Dockerfile', findDockerfileFaults(read('deploy/container/Dockerfile'), exists))
add('compose.yaml', findComposeFaults(read('deploy/container/compose.yaml'), exists))
const workflows = listFiles(join(ROOT, '.github/workflows'))
for (const path of workflows) add(path, findWorkflowFaults(readFileSync(path, 'utf8')))
if (services.length < 3) faults.push('found no units: the check did not look')
const judged = spawnSync('systemd-analyze', ['--version']).status === 0
if (judged) judge()

for (const fault of faults) console.error(fault)
const systemd = judged ? 'judged by systemd-analyze' : 'systemd-analyze is not here: not judged by it'
console.log(`deployment: ${services.length} units (${systemd}), ${workflows.length} workflows, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1

/** On copies in which the programs are some that exist: they need not be installed here. */
function judge(): void {
  const folder = mkdtempSync(join(tmpdir(), 'units-'))
  try {
    cpSync(UNITS, folder, { recursive: true })
    const units = services.map((name) => {
      const path = join(folder, name.replace('@.', '@a.'))
      const text = readFileSync(join(folder, name), 'utf8')
      writeFileSync(path, text.replaceAll(/^(ExecStart)=\S+/gm, '$1=/bin/true').replaceAll('%i', 'a'))
      return path
    })
    for (const unit of units) {
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', unit], {
        encoding: 'utf8',
      })
      const said = verified.stderr.split('\n').filter((line) => line !== '')
      add(unit, verified.status === 0 ? said : [...said, 'systemd refuses it'])
      const threshold = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSED}`, unit]
      const exposed = spawnSync('systemd-analyze', threshold, { encoding: 'utf8' })
      if (exposed.status !== 0) add(unit, [exposed.stdout.trim().split('\n').at(-1) ?? 'too exposed'])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
