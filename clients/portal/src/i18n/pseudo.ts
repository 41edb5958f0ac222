/**
 * The pseudo language: English with other letters and 40 % more of them; arguments and tags stay as they are.
 *
 * @module
 */
const LETTERS: Readonly<Record<string, string>> = {
  a: 'á',
  e: 'é',
  i: 'í',
  o: 'ó',
  u: 'ú',
  A: 'Á',
  E: 'É',
  O: 'Ó',
  U: 'Ú',
}
/** Of an ICU message: plain text up to the next argument, at the level where text is text. */
const LONGER = 0.4

/** Only messages without plural or select are made longer: in the others every word could be syntax. */
export function pseudo(message: string): string {
  if (/,\s*(plural|select|selectordinal)\s*,/.test(message)) return message
  const changed = message.replace(/(\{[^}]*\}|<[^>]*>)|[aeiouAEOU]/g, (found, kept: string | undefined) =>
    kept === undefined ? (LETTERS[found] ?? found) : kept,
  )
  return `${changed}${' ~'.repeat(Math.ceil((message.length * LONGER) / 2))}`
}
