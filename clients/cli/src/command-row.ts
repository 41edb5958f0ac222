/**
 * All that is known of one command stands in one row: its words, options, examples, and what it does.
 *
 * @module
 */
import { Command, Option } from 'commander'
import type { Context } from './context.ts'

export interface OptionRow {
  /** As commander has them: `--patient <name>`, `--all`. */
  readonly flags: string
  readonly description: string
  readonly choices?: readonly string[]
  readonly default?: string
  /** May be given more than once; the value is a list. */
  readonly repeatable?: boolean
}

/** Values by the option's name in camel case; a repeatable one is a list of texts. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface CommandRow {
  /** `record store`. */
  readonly path: string
  /** The WHAT: `<file>`, `[record]`, `<file...>`. */
  readonly what?: string
  /** One line, without a full stop. */
  readonly summary: string
  /** More lines for `--help`. */
  readonly details?: string
  readonly options?: readonly OptionRow[]
  /** Three, without the program's name: `record store result.json --patient bob`. */
  readonly examples: readonly string[]
  run(context: Context, what: readonly string[], options: OptionValues): Promise<void>
}

export const GLOBAL_OPTIONS: readonly OptionRow[] = [
  { flags: '--as <name>', description: 'who you are: the name of a key on this device' },
  { flags: '--state <folder>', description: 'state folder; else $TRUSTHEALTH_STATE, else .trusthealth' },
  { flags: '--json [mode]', description: 'print one JSON object, or with --json=lines one a line' },
  { flags: '-q, --quiet', description: 'print the result only' },
  { flags: '-v, --verbose', description: 'print more of what happens' },
  { flags: '--no-color', description: 'print without colour' },
  { flags: '--no-input', description: 'never ask a question' },
  { flags: '-y, --yes', description: 'answer yes to questions of the middle level' },
  { flags: '--confirm <code>', description: 'the 6-character code for what cannot be undone' },
  { flags: '--dry-run', description: 'say what would be done, and do nothing' },
  { flags: '--timeout <seconds>', description: 'give up waiting after this time' },
]

/** Builds the commander command of a row below the commands of its path. */
export function addCommand(
  program: Command,
  row: CommandRow,
  act: (command: Command, row: CommandRow, what: readonly string[]) => Promise<void>,
): void {
  const words = row.path.split(' ')
  const name = words.pop() as string
  const parent = words.reduce((above, word) => {
    const found = above.commands.find((one) => one.name() === word)
    if (found === undefined) throw new TypeError(`no group for the command ${row.path}`)
    return found
  }, program)
  const command = parent.command(name).summary(row.summary).description(sentence(row.summary))
  if (row.details !== undefined) command.addHelpText('after', `\n${row.details}`)
  if (row.what !== undefined) command.argument(row.what)
  for (const option of row.options ?? []) command.addOption(commanderOption(option))
  command.action(async (...given: unknown[]) => {
    // commander passes the arguments, then the options, then the command.
    const values = given.slice(0, -2).flat()
    await act(
      command,
      row,
      values.filter((value) => typeof value === 'string'),
    )
  })
}

export function commanderOption(row: OptionRow): Option {
  const option = new Option(row.flags, row.description)
  if (row.choices !== undefined) option.choices(row.choices)
  if (row.default !== undefined) option.default(row.default)
  if (row.repeatable === true) {
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
  }
  return option
}

/** The examples come first: they are what most people look for. */
export function examplesText(examples: readonly string[]): string {
  return `Examples:\n${examples.map((example) => `  trusthealth ${example}`).join('\n')}\n`
}

export function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}
