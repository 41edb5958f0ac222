/**
 * Every gate, one after the other, each of which can be run alone: `npm run check`, or `npm run check -- lint docs`.
 * All run even when one fails. The last line counts them.
 *
 * @module
 */
import { join } from 'node:path'
import { ROOT, runCommand } from './files.ts'

const tool = (path: string, ...rest: string[]) => [process.execPath, join(ROOT, 'tools', path), ...rest]

const GATES: Readonly<Record<string, readonly string[]>> = {
  format: ['prettier', '--check', '--log-level', 'warn', '.'],
  types: tool('types/check.ts'),
  lint: tool('lint/check.ts'),
  boundaries: tool('boundaries/check.ts'),
  docs: tool('docs/check.ts'),
  'dead-code': ['knip', '--no-progress'],
  licences: tool('supply-chain/check-licences.ts'),
  secrets: tool('supply-chain/check-secrets.ts'),
  sbom: tool('supply-chain/write-sbom.ts', '--check'),
  deployment: tool('supply-chain/check-deployment.ts'),
  // What is measured: the reviewed list of files, and the same bytes wherever it is built.
  'trusted-application': tool('bundle-ta.ts', '--check-reproducible'),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(GATES, name))
if (unknown.length > 0) {
  console.error(`no such gate: ${unknown.join(', ')}; there are ${Object.keys(GATES).join(', ')}`)
  process.exit(2)
}

const failed: string[] = []
const passed: string[] = []
for (const [name, [command = '', ...rest]] of Object.entries(GATES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`── ${name}`)
  if (runCommand(command, rest).status === 0) passed.push(name)
  else failed.push(name)
}

if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`)
console.log(`gates: ${passed.length} passed, ${failed.length} failed`)
if (failed.length > 0) process.exitCode = 1
