/**
 * What a person finds by typing: every word of the question in the name or the note, those that begin with it first.
 *
 * @module
 */
/** A person or a command, and where it is. */
export interface Found {
  readonly label: string
  readonly note: string
  readonly href: string
}

/** More are found by typing more. */
const MOST = 12

export function matching(items: readonly Found[], question: string): readonly Found[] {
  const words = question
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const first = words[0]
  const rankOf = ({ label }: Found) => (first === undefined || label.toLowerCase().startsWith(first) ? 0 : 1)
  return items
    .filter(({ label, note }) => words.every((word) => `${label} ${note}`.toLowerCase().includes(word)))
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .slice(0, MOST)
}
