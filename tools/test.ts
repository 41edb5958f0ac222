/**
 * Runs the tests with the runner of Node: `npm test`, or `npm test -- shared/tlog secure` for some folders.
 * `--long` adds the long suites, `--coverage` measures what is trusted, refuses to pass below the floor, and lists refusals that no
 * test reaches.
 * `--fabric` runs the suites that need a Fabric network instead (`*.fabric.test.ts`). They are skipped, in one line that
 * says why, where Fabric's programs are not installed, unless TRUSTHEALTH_FABRIC=1. `--portal` runs the suites that need a
 * browser instead (`*.portal.test.ts`), skipped in the same way where there is none, unless TRUSTHEALTH_PORTAL=1.
 * `--optee` runs the suites that need what `npm run optee:build` makes (`*.optee.test.ts`), skipped in the same way without
 * it, unless TRUSTHEALTH_OPTEE=1. `--hl7` runs what HL7's Java validator judges (`*.hl7.test.ts`), skipped in the same way
 * without a JDK and Maven, unless TRUSTHEALTH_HL7=1.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { findBrowser } from '../test/portal/browser.ts'
import { findBinaries, NetworkError } from '../ledger/network/src/index.ts'
import { builtFolder } from '../tee/optee/src/index.ts'
import { ROOTS } from './boundaries/rules.ts'
import { lineCoverage, readLcov } from './coverage.ts'
import { listFiles, ROOT, runCommand } from './files.ts'
import { refusalFaults } from './refusals.ts'

/** Test files that a run of everything must find. Raise it as the product grows. */
const LEAST_FILES = 50
const FABRIC_SUITE = '.fabric.test.ts'
const OPTEE_SUITE = '.optee.test.ts'
const HL7_SUITE = '.hl7.test.ts'
const PORTAL_SUITE = '.portal.test.ts'
/** A guard against a test that hangs, not a measure of speed. */
const HANGING_MS = { usual: 300_000, long: 3_600_000 }
/** Each has a GiB of memory. */
const EMULATED_AT_ONCE = 2

const TRUSTED = ['shared', 'secure', 'ledger/contract'] as const
const LEAST_COVERAGE_PERCENT = 95
/** Runs in an emulated machine only, which measures nothing: `npm run test:optee`. */
const ELSEWHERE = 'secure/adapters/optee/'
const LCOV = join(ROOT, 'coverage/lcov.info')
const V8_REPORTS = join(ROOT, 'coverage/v8')

const { values, positionals } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    fabric: { type: 'boolean', default: false },
    optee: { type: 'boolean', default: false },
    portal: { type: 'boolean', default: false },
    hl7: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

const files = ROOTS.flatMap((root) => listFiles(join(ROOT, root), '.test.ts'))
  .map((path) => relative(ROOT, path))
  .filter((file) => !/^tools\/[^/]+\/planted\//.test(file))
  .filter((file) => file.endsWith(FABRIC_SUITE) === values.fabric)
  .filter((file) => file.endsWith(OPTEE_SUITE) === values.optee)
  .filter((file) => file.endsWith(PORTAL_SUITE) === values.portal)
  .filter((file) => file.endsWith(HL7_SUITE) === values.hl7)
  .filter((file) => positionals.length === 0 || positionals.some((wanted) => file.startsWith(wanted)))
const isOwnSuite = values.fabric || values.optee || values.portal || values.hl7
const least = positionals.length === 0 && !isOwnSuite ? LEAST_FILES : 1
if (files.length < least) {
  console.error(`found ${files.length} test files only, expected ${least} or more`)
  process.exit(1)
}

if (values.fabric) leaveWithoutFabric()
if (values.optee) leaveWithoutOptee()
if (values.portal) leaveWithoutBrowser()
if (values.hl7) leaveWithoutJava()

// The end-to-end tests start the trusted application as what it is: a file with a measurement.
if (existsSync(join(ROOT, 'secure/ta/src/main.ts')))
  run([join(ROOT, 'tools/bundle-ta.ts'), '--allow-unreviewed'], 'the trusted application does not build')

if (values.coverage) {
  rmSync(V8_REPORTS, { recursive: true, force: true })
  mkdirSync(V8_REPORTS, { recursive: true })
}
process.exitCode = run([
  '--test',
  `--test-concurrency=${concurrency()}`,
  `--test-timeout=${values.long || values.optee || values.hl7 ? HANGING_MS.long : HANGING_MS.usual}`,
  ...(values.coverage ? coverageOptions() : []),
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  ...files,
])
if (values.coverage && !isCovered()) process.exitCode = 1

function run(nodeArguments: readonly string[], otherwise?: string): number {
  // Of functions that were compiled before the coverage is coarser.
  const env = {
    ...(values.long && { TRUSTHEALTH_LONG: '1' }),
    ...(values.coverage && { NODE_DISABLE_COMPILE_CACHE: '1', NODE_V8_COVERAGE: V8_REPORTS }),
  }
  const status = runCommand(process.execPath, nodeArguments, { env }).status ?? 1
  if (status !== 0 && otherwise !== undefined) {
    console.error(otherwise)
    process.exit(1)
  }
  return status
}

/** Ends this run where there is no Fabric to test with, unless it was demanded. */
function leaveWithoutFabric(): void {
  try {
    findBinaries()
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    const isDemanded = process.env['TRUSTHEALTH_FABRIC'] === '1'
    console.error(`Fabric suites ${isDemanded ? 'cannot run' : 'skipped'}: ${error.code}: ${error.message}`)
    process.exit(isDemanded ? 1 : 0)
  }
}

/** Ends this run where there is no browser to test with, unless it was demanded. */
function leaveWithoutBrowser(): void {
  if (findBrowser() !== undefined) return
  const isDemanded = process.env['TRUSTHEALTH_PORTAL'] === '1'
  console.error(
    `Portal suites ${isDemanded ? 'cannot run' : 'skipped'}: no Chromium (apt-get install chromium, or CHROMIUM)`,
  )
  process.exit(isDemanded ? 1 : 0)
}

/** Ends this run where there is no JDK or no Maven, unless it was demanded. */
function leaveWithoutJava(): void {
  const missing = ['javac', 'mvn'].filter((command) => spawnSync(command, ['-version']).status !== 0)
  if (missing.length === 0) return
  const isDemanded = process.env['TRUSTHEALTH_HL7'] === '1'
  console.error(`HL7 suites ${isDemanded ? 'cannot run' : 'skipped'}: no ${missing.join(', ')} (a JDK 17 and Maven)`)
  process.exit(isDemanded ? 1 : 0)
}

/** Ends this run where nothing was built for OP-TEE, unless it was demanded. */
function leaveWithoutOptee(): void {
  if (existsSync(join(builtFolder(), 'reference.json'))) return
  const isDemanded = process.env['TRUSTHEALTH_OPTEE'] === '1'
  console.error(`OP-TEE suites ${isDemanded ? 'cannot run' : 'skipped'}: not built (npm run optee:build)`)
  process.exit(isDemanded ? 1 : 0)
}

/** Each of the own suites starts a whole network, emulated machines, or a browser; an emulated machine keeps one processor busy. */
function concurrency(): number {
  const processors = availableParallelism()
  if (values.optee) return Math.min(EMULATED_AT_ONCE, processors)
  return isOwnSuite ? 1 : processors
}

function coverageOptions(): string[] {
  return [
    '--experimental-test-coverage',
    ...TRUSTED.map((folder) => `--test-coverage-include=${folder}/**/*.ts`),
    '--test-coverage-exclude=**/*.test.ts',
    '--test-coverage-exclude=**/*.test-d.ts',
    '--test-reporter=lcov',
    `--test-reporter-destination=${LCOV}`,
  ]
}

function isCovered(): boolean {
  const measured = readLcov(readFileSync(LCOV, 'utf8'))
  let covered = true
  for (const folder of TRUSTED) {
    const sources = listFiles(join(ROOT, folder), '.ts')
      .map((path) => relative(ROOT, path))
      .filter((file) => !/\.(test|test-d)\.ts$/.test(file))
    const { percent, files: counted, never } = lineCoverage(measured, sources, ROOT)
    console.log(`line coverage of ${folder}: ${percent.toFixed(1)} % in ${counted} files`)
    for (const file of never) console.log(`  no test loads ${file}`)
    if (!(percent >= LEAST_COVERAGE_PERCENT)) {
      console.error(`${folder} is below ${LEAST_COVERAGE_PERCENT} %`)
      covered = false
    }
    if (!isRefusalTested(folder, sources)) covered = false
  }
  return covered
}

function isRefusalTested(folder: (typeof TRUSTED)[number], sources: readonly string[]): boolean {
  const here = sources.filter((file) => !file.startsWith(ELSEWHERE))
  const { refusals, faults } = refusalFaults(V8_REPORTS, here, ROOT)
  for (const { file, line, code } of faults) console.log(`  ${file}:${line} ${code}`)
  console.log(`refusals of ${folder}: ${refusals}, of which ${faults.length} are not as they should be`)
  if (refusals > 0 && faults.length === 0) return true
  console.error(`${folder} may have none of them`)
  return false
}
