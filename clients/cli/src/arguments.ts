/**
 * The command line before commander sees it: `--json` without a value, ids of keys that begin with a dash, and the aliases
 * `grant` and `revoke`.
 *
 * @module
 */

const WITH_VALUE = new Set(['--as', '--state', '--confirm', '--timeout'])
const GRANT_VERBS = new Set(['create', 'revoke', 'list', 'help'])

/**
 * `--json bob` would take the name for the mode, so a bare `--json` gets its value here. The id of a key is base64url, so
 * one in 64 begins with a dash: it goes behind `--`. No option is so long with a capital, a digit or a line below in it.
 * @param given without program and script.
 */
export function prepareArguments(given: readonly string[]): string[] {
  if (given[0] === 'complete' && given[1] === '--') return ['complete', '--', ...expandTyped(given.slice(2))]
  const end = given.indexOf('--')
  const before = end < 0 ? given : given.slice(0, end)
  const after = end < 0 ? [] : given.slice(end)
  const ids = before.filter(isKeyId)
  const others = before.filter((one) => !isKeyId(one)).map((one) => (one === '--json' ? '--json=object' : one))
  return expandAlias(ids.length === 0 ? [...others, ...after] : [...others, '--', ...ids, ...after.slice(1)])
}

function isKeyId(text: string): boolean {
  return /^-[A-Za-z0-9_-]{9,42}$/.test(text) && /[A-Z0-9_]/.test(text)
}

/** The words that are no options, up to the first three: enough to know the command. */
export function commandWords(given: readonly string[]): string[] {
  const words: string[] = []
  for (let i = 0; i < given.length && words.length < 3; i++) {
    const one = given[i] as string
    if (one === '--') break
    if (WITH_VALUE.has(one)) i++
    else if (!one.startsWith('-')) words.push(one)
  }
  return words
}

export function jsonModeOf(given: readonly string[]): 'object' | 'lines' | undefined {
  const mode = given.find((one) => one === '--json' || one.startsWith('--json='))
  if (mode === undefined) return undefined
  return mode === '--json=lines' ? 'lines' : 'object'
}

/** `grant --to omar` is `grant create --to omar`; `revoke g-12ab` is `grant revoke g-12ab`. */
function expandAlias(given: string[]): string[] {
  const [first, second] = commandWords(given)
  if (first === undefined) return given
  const at = given.indexOf(first)
  if (first === 'revoke') return given.toSpliced(at, 1, 'grant', 'revoke')
  const isBare = given.every((one) => one === 'grant' || one === '--help' || one === '-h')
  if (first === 'grant' && !isBare && !GRANT_VERBS.has(second ?? '')) return given.toSpliced(at, 1, 'grant', 'create')
  return given
}

/** What was typed so far, for completion: after `grant` alone a verb may follow. */
function expandTyped(typed: string[]): string[] {
  return typed[0] === 'grant' && !typed[1]?.startsWith('-') ? typed : expandAlias(typed)
}
