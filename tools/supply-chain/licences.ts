/**
 * Licences of every package in the lock file, this platform's or not: what we ship is under licences that go with
 * Apache-2.0, and nothing that is used at all is unknown. Which ones and why: docs/dependencies.md.
 *
 * @module
 */

/** Shipped or not. */
const PERMISSIVE: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])
/** In tools and tests only, unchanged and never shipped. */
const TOOLS_ONLY: ReadonlySet<string> = new Set(['MPL-2.0'])

/** Packages whose manifest does not say it in SPDX's words; looked up in the package. */
export const STATED: Readonly<Record<string, string>> = {
  // Its LICENSE.md: three clauses, Zetetic LLC.
  '@commapp/sqlcipher-amalgamation': 'BSD-3-Clause',
  // Its LICENSE-MIT.txt.
  'base-64': 'MIT',
}

export interface LockedPackage {
  readonly license?: string
  readonly dev?: boolean
  readonly link?: boolean
}

/** What is wrong with the packages of a lock file, one sentence each. `packages`: as npm's lock file has them. */
export function findLicenceFaults(
  packages: Readonly<Record<string, LockedPackage>>,
  stated: Readonly<Record<string, string>> = STATED,
): string[] {
  const faults: string[] = []
  const needed = new Set<string>()
  for (const [path, { license, dev = false, link = false }] of Object.entries(packages)) {
    if (path === '' || link) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const own = Object.hasOwn(stated, name) ? stated[name] : undefined
    if (own !== undefined) needed.add(name)
    const expression = own ?? license
    if (expression === undefined) faults.push(`${name} names no licence`)
    else if (!isAllowed(expression, dev)) faults.push(`${name} is under ${expression}${dev ? '' : ', and shipped'}`)
  }
  for (const name of Object.keys(stated))
    if (!needed.has(name)) faults.push(`${name} is stated and not in the lock file`)
  return faults
}

/** SPDX expressions as packages have them: one licence, `(A OR B)`, `(A AND B)`. Everything else is refused. */
export function isAllowed(expression: string, dev: boolean): boolean {
  const inner = /^\((.*)\)$/.exec(expression)?.[1] ?? expression
  if (/[()]/.test(inner)) return false
  const isOne = (licence: string) => PERMISSIVE.has(licence) || (dev && TOOLS_ONLY.has(licence))
  if (inner.includes(' OR ') && inner.includes(' AND ')) return false
  if (inner.includes(' OR ')) return inner.split(' OR ').some(isOne)
  return inner.split(' AND ').every(isOne)
}
