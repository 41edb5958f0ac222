/**
 * JSON whose numbers keep their digits: a decimal of FHIR means its digits, `47.0` is not `47` (R4 datatypes.html#decimal).
 *
 * Limits: text that holds the mark itself cannot be read exactly; no text of a form does, control characters are taken out.
 *
 * @module
 */

/** A character that JSON escapes, before the digits of a number that stands as a string for a while. */
const MARK = '\u0001decimal:'
const ESCAPED_MARK = String.raw`\u0001decimal:`
/** A string of JSON, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** A number whose digits count. */
export class Decimal {
  readonly digits: string
  constructor(digits: string) {
    this.digits = digits
  }
  /** Marked, so that the digits can be put in place of the marked text: JSON.stringify drops trailing zeros. */
  toJSON(): string {
    return `${MARK}${this.digits}`
  }
}

/**
 * Every number becomes a `Decimal`.
 * @throws {SyntaxError} not JSON, or the mark stands in it
 */
export function parseExact(text: string): unknown {
  if (/\\u0001decimal:/i.test(text)) throw new SyntaxError('a reserved mark stands in the text')
  const marked = text.replaceAll(TOKEN, (token) => (token.startsWith('"') ? token : `"${ESCAPED_MARK}${token}"`))
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? new Decimal(value.slice(MARK.length)) : value,
  )
}

/**
 * For reading: numbers are numbers, but a quantity's `value` whose digits a number would drop is those digits as a string.
 * @throws {SyntaxError} not JSON
 */
export function parseForReading(text: string): unknown {
  // The third argument is the text of a value (ECMAScript 2026); a browser without it drops trailing zeros.
  const revive = (key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source
    const isDropped = key === 'value' && typeof value === 'number' && source !== undefined && source !== String(value)
    return isDropped && /^-?\d+\.\d+$/.test(source) ? source : value
  }
  return JSON.parse(text, revive)
}

/** @param clean is applied to every string. @param indent spaces a level; 0: on one line */
export function formatExact(content: unknown, clean: (text: string) => string = (text) => text, indent = 0): string {
  return JSON.stringify(
    content,
    function (this: Record<string, unknown>, key, value: unknown) {
      // Only what was a Decimal before `toJSON` may keep the mark.
      return typeof value === 'string' && !(this[key] instanceof Decimal) ? clean(value) : value
    },
    indent,
  ).replaceAll(/"\\u0001decimal:(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"/g, '$1')
}

/** FHIR strings hold no control characters but tab and line ends (R4 datatypes.html#string). */
export function withoutControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (one) => ('\t\n\r'.includes(one) ? one : ''))
}
