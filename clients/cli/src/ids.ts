/**
 * Identifiers as people write them. Every id may be shortened, as git allows it: the first or the last digits, as
 * long as one known id fits. Records of one moment begin alike, so those are shown by their last digits.
 *
 * @module
 */
import { CommandError } from './command-error.ts'

const SHOWN_DIGITS = 8
const FEWEST_DIGITS = 4

/** `r-…1f9ac03e` → `r-1f9ac03e`: last digits of a record, first digits of everything else. */
export function shortId(id: string): string {
  const letter = id.slice(0, 2)
  const digits = id.slice(2)
  return letter + (letter === 'r-' ? digits.slice(-SHOWN_DIGITS) : digits.slice(0, SHOWN_DIGITS))
}

export function isWholeId(letter: string, text: string): boolean {
  return text.startsWith(`${letter}-`) && /^[0-9a-f]{32}$/.test(text.slice(2))
}

/** The ids among `known` that `given` may mean. */
export function matchingIds(letter: string, given: string, known: Iterable<string>): string[] {
  const digits = given.startsWith(`${letter}-`) ? given.slice(2) : given
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < FEWEST_DIGITS) return []
  const found = new Set<string>()
  for (const id of known) {
    if (!id.startsWith(`${letter}-`)) continue
    if (id.startsWith(digits, 2) || id.endsWith(digits)) found.add(id)
  }
  return [...found]
}

/**
 * One whole id from what was typed. `known` is asked only for shortened ones.
 * @param what "record", "permission": for people.
 */
export async function resolveId(
  letter: string,
  given: string,
  known: () => Promise<Iterable<string>> | Iterable<string>,
  what: string,
): Promise<string> {
  if (isWholeId(letter, given)) return given
  const found = matchingIds(letter, given, await known())
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  throw new CommandError('CLIENT_USAGE', {
    what: found.length === 0 ? `No ${what} fits "${given}".` : `"${given}" fits ${found.length} ${what}s.`,
    ...(found.length === 0 ? {} : { reason: found.slice(0, 5).join(', ') }),
    next: found.length === 0 ? `at least ${FEWEST_DIGITS} digits of an id from the list` : 'give more digits',
  })
}
