/**
 * The gate over licences.ts: `npm run check -- licences`.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../files.ts'
import { findLicenceFaults, type LockedPackage } from './licences.ts'

/** Packages that the run must have looked at. */
const LEAST_PACKAGES = 300

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}
const count = Object.keys(packages).length - 1
const faults = findLicenceFaults(packages)
if (count < LEAST_PACKAGES) faults.push(`looked at ${count} packages only`)
for (const fault of faults) console.error(fault)
console.log(`licences: ${count} packages, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
