/**
 * What the commands print. The result goes to standard output, all else to standard error; `--json` prints one object
 * `{"ok":true,"data":…}` or `{"ok":false,"error":…}` and nothing else on standard output; `--json=lines` one object a
 * line for lists. Colour is 16-colour ANSI, each with its word, off for anything that is not a terminal.
 *
 * @module
 */
import { styleText } from 'node:util'
import { ERROR_TABLE, isErrorCode } from '../../../shared/protocol/src/error-table.ts'

export type JsonMode = 'off' | 'object' | 'lines'

export interface OutputOptions {
  readonly json: JsonMode
  readonly quiet: boolean
  readonly verbose: boolean
  /** False for `--no-color`. */
  readonly color: boolean
}

/** A stream as `process.stdout` is one; tests give their own. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface ErrorView {
  readonly code: string
  /** One sentence: what happened, with names and times of this case. Falls back to the table's meaning. */
  readonly what?: string | undefined
  readonly cause?: string | undefined
  readonly next?: string | undefined
  /** For `--json`: what was found or done before. */
  readonly data?: unknown
}

type Hue = 'green' | 'yellow' | 'red' | 'magenta' | 'dim' | 'bold'
export type Paint = Readonly<Record<Hue, (text: string) => string>>

export class Output {
  readonly options: OutputOptions
  readonly out: Stream
  readonly err: Stream
  readonly paint: Paint
  readonly paintErr: Paint

  constructor(
    options: OutputOptions,
    out: Stream,
    err: Stream,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.options = options
    this.out = out
    this.err = err
    this.paint = paintFor(wantsColor(options, out, environment))
    this.paintErr = paintFor(wantsColor(options, err, environment))
  }

  /** The result: text for people, `data` for programs. */
  result(data: unknown, text: string): void {
    if (this.options.json === 'off') this.out.write(`${fitted(text.trimEnd(), widthOf(this.out))}\n`)
    else this.out.write(`${JSON.stringify({ ok: true, data })}\n`)
  }

  /** A list: one text for people, one object a line with `--json=lines`, one object with the array otherwise. */
  list(items: readonly unknown[], text: string): void {
    if (this.options.json === 'lines') for (const item of items) this.out.write(`${JSON.stringify(item)}\n`)
    else this.result(items, text)
  }

  /** A line beside the result; silent with `--quiet`. */
  note(text: string): void {
    if (!this.options.quiet) this.err.write(`${fitted(text, widthOf(this.err))}\n`)
  }

  /** A line only with `--verbose`. */
  detail(text: string): void {
    if (this.options.verbose) this.err.write(`${this.paintErr.dim(text)}\n`)
  }

  error(view: ErrorView): void {
    const row = isErrorCode(view.code) ? ERROR_TABLE[view.code] : undefined
    const what = view.what ?? row?.meaning ?? 'An unexpected fault.'
    const next = view.next ?? row?.action
    if (this.options.json !== 'off') {
      const error = {
        code: view.code,
        what,
        cause: view.cause ?? null,
        next: next ?? null,
        docs: `docs/errors.md#${view.code.toLowerCase()}`,
      }
      const data = view.data === undefined ? {} : { data: view.data }
      this.out.write(`${JSON.stringify({ ok: false, error, ...data })}\n`)
      return
    }
    const head = `✗ ${what}`
    const width = widthOf(this.err)
    const gap = ' '.repeat(Math.max(2, width - head.length - view.code.length))
    this.err.write(`${this.paintErr.red(head)}${gap}${view.code}\n`)
    if (view.cause !== undefined) this.err.write(`  Cause  ${view.cause}\n`)
    if (next !== undefined) this.err.write(`  Next   ${next}\n`)
  }
}

/**
 * Text from a record or from another person, without what a terminal would obey or that would reorder the line:
 * control characters, and marks that change the direction of writing.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, ' ')
}

const MAX_WIDTH = 100
const MIN_WIDTH = 30

/** A terminal that says it has no columns, or hardly any, does not know. */
function widthOf({ columns = MAX_WIDTH }: Stream): number {
  return columns < MIN_WIDTH ? MAX_WIDTH : Math.min(columns, MAX_WIDTH)
}

/** Breaks sentences that are too long between words. Tables, indented text and data stay as they are. */
export function fitted(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => (visibleLength(line) <= width || /^[ {["]|\S {2}/.test(line) ? line : brokenLine(line, width)))
    .join('\n')
}

function brokenLine(line: string, width: number): string {
  const lines: string[] = []
  let current = ''
  for (const word of line.split(' ')) {
    if (current !== '' && visibleLength(current) + 1 + visibleLength(word) > width) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current].join('\n')
}

/** Aligned columns; the last one is not padded. Empty list gives `empty`. */
export function table(rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => visibleLength(row[i] ?? ''))))
  return rows
    .map((row) =>
      row
        .map((cell, i) =>
          i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] as number) - visibleLength(cell)),
        )
        .join('  '),
    )
    .join('\n')
}

function paintFor(colored: boolean): Paint {
  const hue = (name: Hue) => (text: string) => (colored ? styleText(name, text, { validateStream: false }) : text)
  return {
    green: hue('green'),
    yellow: hue('yellow'),
    red: hue('red'),
    magenta: hue('magenta'),
    dim: hue('dim'),
    bold: hue('bold'),
  }
}

// eslint-disable-next-line no-control-regex -- the escape sequences are what is looked for
const ANSI = /\u001b\[[0-9;]*m/g
function visibleLength(text: string): number {
  return text.replaceAll(ANSI, '').length
}

function wantsColor(
  options: OutputOptions,
  stream: Stream,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (!options.color || options.json !== 'off') return false
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
}
