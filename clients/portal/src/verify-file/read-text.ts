/**
 * The text of a record in a downloaded file: to read from, to show with the digits that were signed, and to compare.
 *
 * @module
 */
import { formatExact, parseExact, parseForReading } from '../fhir/exact-json.ts'

export interface ReadText {
  /** For reading: see `parseForReading`. */
  readonly resource: Readonly<Record<string, unknown>>
  /** Indented, every digit as it was signed: `46.50` is not `46.5`. */
  readonly data: string
  /** As the Bundle beside the proofs has it when it is read. */
  readonly plain: string
}

/** @throws {SyntaxError} not JSON */
export function readText(text: string): ReadText {
  return {
    resource: parseForReading(text) as ReadText['resource'],
    data: exactly(text),
    plain: JSON.stringify(JSON.parse(text)),
  }
}

function exactly(text: string): string {
  try {
    return formatExact(parseExact(text), undefined, 2)
  } catch (error) {
    // The mark of `parseExact` stands in it: as it is, then.
    if (error instanceof SyntaxError) return text
    throw error
  }
}
