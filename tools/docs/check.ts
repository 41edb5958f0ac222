/**
 * Keeps pages and code in step: docs/errors.md and the error table, error unions and the table, codes and tests that
 * pages name, relative links, packages and docs/dependencies.md, the import table of docs/architecture.md. `--write`
 * rewrites docs/errors.md and docs/operations/incidents.md.
 *
 * @module
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { ERROR_TABLE } from '../../shared/protocol/src/error-table.ts'
import { FOLDERS, ROOTS, WORKSHOP } from '../boundaries/rules.ts'
import { listFiles, ROOT } from '../files.ts'
import { compareDependencies, dependencyRows } from './dependencies-page.ts'
import { declaredCodes, unknownCodes, usedCodes } from './error-codes.ts'
import { errorsPage } from './errors-page.ts'
import { incidentsPage } from './incidents-page.ts'
import { checkLinks, isPage, testsNamed } from './links.ts'

const TABLE = 'shared/protocol/src/error-table.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const faults: string[] = []
const seen: string[] = []

async function checkWritten(path: string, made: string): Promise<void> {
  const options = await resolveConfig(path)
  const page = await format(made, { ...options, filepath: path })
  if (process.argv.includes('--write')) writeFileSync(path, page)
  if (!existsSync(path) || readFileSync(path, 'utf8') !== page) {
    faults.push(`${relative(ROOT, path)} differs from the error table: npm run docs:write`)
  }
}

function checkErrorCodes(): void {
  const sources = ROOTS.filter((root) => !(WORKSHOP as readonly string[]).includes(root))
    .flatMap((root) => listFiles(join(ROOT, root), '.ts'))
    .map((path) => relative(ROOT, path))
    .filter((path) => !/\.(test|test-d)\.ts$/.test(path) && path !== TABLE)
  const used = new Set<string>()
  let unions = 0
  for (const path of sources) {
    for (const code of usedCodes(read(path))) used.add(code)
    if (!path.endsWith('/errors.ts')) continue
    unions++
    for (const code of declaredCodes(read(path))) {
      if (!Object.hasOwn(ERROR_TABLE, code)) faults.push(`${path}: ${code} has no row in ${TABLE}`)
    }
  }
  if (unions === 0) faults.push('found no errors.ts: the check did not look')
  for (const code of Object.keys(ERROR_TABLE)) if (!used.has(code)) faults.push(`${TABLE}: nothing gives ${code}`)
  seen.push(`${Object.keys(ERROR_TABLE).length} error codes in ${unions} unions`)
}

function checkAllLinks(): void {
  const pages = listFiles(ROOT, '.md')
    .map((path) => relative(ROOT, path))
    .filter(isPage)
  let links = 0
  for (const page of pages) {
    const { faults: broken, count } = checkLinks(join(ROOT, page), ROOT)
    faults.push(...broken)
    links += count
  }
  if (links === 0) faults.push('found no link: the check did not look')
  seen.push(`${links} links in ${pages.length} pages`)
}

function checkDependencies(): void {
  const manifest = JSON.parse(read('package.json')) as Partial<Record<string, Record<string, string>>>
  const declared = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {}),
  )
  const licenceOf = (name: string) => {
    const path = join(ROOT, 'node_modules', name, 'package.json')
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { license?: string }).license : undefined
  }
  const rows = dependencyRows(read('docs/dependencies.md'))
  faults.push(...compareDependencies(rows, declared, licenceOf).map((fault) => `docs/dependencies.md: ${fault}`))
  seen.push(`${rows.length} packages`)
}

/** Pages of docs/ say what is tested where. */
function checkNamedTests(): void {
  let tests = 0
  for (const page of listFiles(join(ROOT, 'docs'), '.md').map((path) => relative(ROOT, path))) {
    for (const test of testsNamed(read(page))) {
      tests++
      if (globSync(test, { cwd: ROOT }).length === 0) faults.push(`${page}: there is no test ${test}`)
    }
  }
  if (tests === 0) faults.push('found no test that a page names: the check did not look')
  seen.push(`${tests} tests named`)
}

/** Codes of others that look like ours: of the model, of Fabric, of OP-TEE. */
const FOREIGN_CODES = [
  'CLIENT_KEY_LEAKED',
  'ENDORSEMENT_POLICY_FAILURE',
  'SERVICE_UNAVAILABLE',
  'TEE_STORAGE_PRIVATE_RPMB',
]

function checkNamedCodes(): void {
  const known = [...Object.keys(ERROR_TABLE), ...FOREIGN_CODES]
  const pages = listFiles(ROOT, '.md')
    .map((path) => relative(ROOT, path))
    .filter(isPage)
  for (const page of pages) {
    for (const code of unknownCodes(read(page), known)) faults.push(`${page}: there is no code ${code}`)
  }
}

function checkImportTable(): void {
  const page = read('docs/architecture.md')
  for (const { folder } of FOLDERS) {
    if (!new RegExp(`^\\|[^|]*\`${folder}(/\\*)?\``, 'm').test(page)) {
      faults.push(`docs/architecture.md: the import table has no row for ${folder}`)
    }
  }
}

await checkWritten(join(ROOT, 'docs/errors.md'), errorsPage(ERROR_TABLE))
await checkWritten(join(ROOT, 'docs/operations/incidents.md'), incidentsPage(ERROR_TABLE))
checkErrorCodes()
checkAllLinks()
checkNamedCodes()
checkNamedTests()
checkDependencies()
checkImportTable()

for (const fault of faults) console.error(fault)
console.log(`docs: ${seen.join(', ')}, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
