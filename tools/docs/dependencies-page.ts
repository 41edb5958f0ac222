/**
 * docs/dependencies.md names every package of package.json with its licence and the reason for it. Rows are written by
 * hand; this compares them with what is declared and installed.
 *
 * @module
 */

export interface DependencyRow {
  readonly name: string
  readonly licence: string
  readonly reason: string
}

/** Licences that may be used here without asking. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  // Public domain.
  'Unlicense',
  '0BSD',
  'CC0-1.0',
  'BlueOak-1.0.0',
])

/** Run beside our code in tests, changed by nobody, in nothing that is shipped: MPL-2.0 asks nothing of us there. */
const TESTS_ONLY = new Set(['axe-core'])

/** What a LICENSE file says where package.json has a word that is no SPDX name. */
const BY_ITS_FILE = new Map([['@commapp/sqlcipher-amalgamation', 'BSD-3-Clause']])

/** `(MIT OR Apache-2.0)` is for us to choose from: the page says which. */
function choicesOf(licence: string): readonly string[] {
  return /^\((.+)\)$/.exec(licence)?.[1]?.split(' OR ') ?? [licence]
}

/** The rows of the page: `| name | licence | reason |`, the name in backticks. */
export function dependencyRows(markdown: string): DependencyRow[] {
  return [...markdown.matchAll(/^\|\s*`([^`]+)`\s*\|\s*([^|]+?)\s*\|\s*([^|]*?)\s*\|/gm)].map(
    ([, name = '', licence = '', reason = '']) => ({ name, licence, reason }),
  )
}

/**
 * One sentence for each difference.
 *
 * @param licenceOf Licence of an installed package, or `undefined` where this platform has not installed it.
 */
export function compareDependencies(
  rows: readonly DependencyRow[],
  declared: readonly string[],
  licenceOf: (name: string) => string | undefined,
): string[] {
  const faults: string[] = []
  const named = rows.map(({ name }) => name)
  for (const name of declared) if (!named.includes(name)) faults.push(`${name} is in package.json, not in the page`)
  for (const [i, { name, licence, reason }] of rows.entries()) {
    if (named.indexOf(name) !== i) faults.push(`${name} stands in the page twice`)
    if (!declared.includes(name)) faults.push(`${name} is in the page, not in package.json`)
    if (reason === '') faults.push(`${name} has no reason`)
    const installed = BY_ITS_FILE.get(name) ?? licenceOf(name)
    if (installed !== undefined && !choicesOf(installed).includes(licence))
      faults.push(`${name} is ${installed}, the page says ${licence}`)
    if (!ALLOWED.has(licence) && !(licence === 'MPL-2.0' && TESTS_ONLY.has(name)))
      faults.push(`${name}: ${licence} is not a licence we use`)
  }
  return faults
}
