/**
 * docs/errors.md, written from shared/protocol/src/error-table.ts. Each code is a heading, so that a message can link to
 * it: docs/errors.md#warrant_expired.
 *
 * @module
 */
import type { ErrorKind, ErrorRow } from '../../shared/protocol/src/error-table.ts'

const KINDS = {
  usage: 'The caller’s input is wrong. Correct it; repeating it as it is will not help.',
  refused: 'A permission says no. Somebody can change that, and the text says who.',
  check: 'Something was verified and is wrong. Do not rely on it.',
  unavailable: 'A part does not answer. Nothing is lost and nothing is stored twice; a retry helps.',
  'sign-in': 'A key or a session is missing.',
  internal: 'A fault of this product. Please report it.',
} as const satisfies Record<ErrorKind, string>

const title = (kind: string) => kind.charAt(0).toUpperCase() + kind.slice(1)

/** The page as Markdown, before formatting. */
export function errorsPage(table: Readonly<Record<string, ErrorRow>>): string {
  const sections = Object.entries(KINDS).map(([kind, meaning]) => {
    const rows = Object.entries(table)
      .filter(([, row]) => row.kind === kind)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, row]) => `### ${code}\n\n${row.meaning}\n_What to do:_ ${row.action}\n`)
    return `## ${title(kind)}\n\n${meaning}\n\n${rows.join('\n')}`
  })
  return `# Error codes

Codes are stable: programs may compare them. The words around them may change. No message carries a record, a key, a token or the
name of another person. This page is written from \`shared/protocol/src/error-table.ts\` by \`npm run docs:write\`; do not edit it.

${sections.join('\n')}`
}
