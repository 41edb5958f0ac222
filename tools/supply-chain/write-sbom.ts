/**
 * `npm run sbom`: writes dist/sbom.cdx.json and checks it; with `--check` (`npm run check -- sbom`) it only checks, and
 * makes it twice. Fails where the bill is not CycloneDX's, names no hash of a package, or misses one.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { measuredFile } from '../bundle-ta.ts'
import { ROOT, runCommand } from '../files.ts'
import { makeSbom, type Sbom } from './sbom.ts'
import { findSchemaFaults } from './sbom-schema.ts'

const FILE = join(ROOT, 'dist/sbom.cdx.json')

const measured = await measuredFile()
const ofNpm = fromNpm()
const bill = makeSbom(ofNpm, measured)
const faults = await findSchemaFaults(bill)
if (makeSbom(fromNpm(), measured) !== bill) faults.push('made a second time it is another one')
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly name?: string }>>
}
const listed = new Set(ofNpm.components.map((component) => String(component['purl'])))
for (const [path, { version = '', name }] of Object.entries(packages)) {
  if (path === '') continue
  const own = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  if (!listed.has(`pkg:npm/${own.replace('@', '%40')}@${version}`)) faults.push(`${own} ${version} is not in it`)
}
for (const { name, hashes, externalReferences } of ofNpm.components) {
  if (hashes === undefined && externalReferences === undefined) faults.push(`${name} has no hash`)
}
if (!process.argv.includes('--check')) {
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  writeFileSync(FILE, bill)
  console.log(FILE)
}
for (const fault of faults) console.error(fault)
console.log(`sbom: ${ofNpm.components.length} packages and the trusted application, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1

/** npm's bill of the lock file: of every platform, installed or not. */
function fromNpm(): Sbom {
  const { status, stdout, stderr } = runCommand(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--silent'],
    { output: 'keep' },
  )
  if (status !== 0) throw new Error(`npm makes no bill: ${stderr}`)
  return JSON.parse(stdout) as Sbom
}
