/**
 * The program: its groups and commands, help that starts with examples, and one place where errors become words and
 * exit codes.
 *
 * @module
 */
import { Command, CommanderError } from 'commander'
import { commandWords, jsonModeOf, prepareArguments } from './arguments.ts'
import { CommandError, codeOfFailure, errorView, usageError } from './command-error.ts'
import { addCommand, commanderOption, examplesText, GLOBAL_OPTIONS, sentence, type CommandRow } from './command-row.ts'
import { addCompletion } from './completion.ts'
import { makeContext, makeOutput, type GlobalOptions } from './context.ts'
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts'
import { helpTopic, HELP_TOPICS } from './help-topics.ts'
import { logFault } from './fault-log.ts'
import { nearestCommands } from './suggest.ts'
import type { Terminal } from './terminal.ts'
import { VERSION } from './version.ts'

/** Things that have verbs. */
const GROUPS: Readonly<Record<string, string>> = {
  hospital: 'hospitals of this system',
  doctor: 'doctors of a hospital',
  patient: 'patients of a hospital',
  appointment: 'appointments of a patient',
  warrant: 'permissions for appointments',
  record: 'health records: store, read, verify, erase',
  grant: 'access that a patient gives, and takes back',
  emergency: 'emergency access of doctors',
  keys: 'keys of a patient',
  app: 'apps and services that use the hospital’s FHIR interface',
  ledger: 'the shared ledger of the hospitals',
  witness: 'hospitals that watch the log of the record server',
  program: 'votes for programs of the record server',
  retention: 'how long hospitals must keep records',
  recovery: 'votes for who holds the record server’s store',
  backup: 'copies of this system',
  replica: 'a second record server that follows the first',
  certificate: 'certificates and the record server’s identity key',
}

const EXAMPLES = ['start', 'record list --as bob', 'record verify r-1f9ac03e --as bob']

/** Runs one command line. Never throws; returns the exit code. */
export async function runCli(
  given: readonly string[],
  terminal: Terminal,
  rows: readonly CommandRow[],
): Promise<ExitCode> {
  const output = makeOutput(terminal, fallbackFlags(given))
  try {
    const program = buildProgram(terminal, rows)
    await program.parseAsync(prepareArguments(given), { from: 'user' })
    return EXIT.done
  } catch (error) {
    const told = tellApart(error, given, rows)
    if (told === undefined) return EXIT.done
    const view = errorView(told)
    const exit = view.code === 'UNEXPECTED' ? EXIT.unexpected : exitCodeOf(view.code)
    const next = exit === EXIT.unexpected ? logFault(terminal, fallbackFlags(given), told) : undefined
    output.error({ ...view, next: view.next ?? next })
    return exit
  }
}

export function buildProgram(terminal: Terminal, rows: readonly CommandRow[]): Command {
  const program = new Command('trusthealth')
    .description('Health records that hospitals share without having to believe each other.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      // Errors of commander are told in our own words, by runCli.
      writeErr: () => undefined,
      getOutHelpWidth: () => Math.min(terminal.out.columns ?? 80, 100),
    })
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .addHelpText('beforeAll', ({ command }) => examplesText(examplesOf(command, rows)))
    .addHelpText('afterAll', () => `\nFlags for every command: trusthealth --help. Topics: trusthealth help.`)
  for (const option of GLOBAL_OPTIONS) program.addOption(commanderOption(option))
  const act = async (command: Command, row: CommandRow, what: readonly string[]) => {
    const values = command.optsWithGlobals()
    await row.run(makeContext(terminal, values), what, values)
  }
  for (const row of rows) {
    addGroup(program, row)
    addCommand(program, row, act)
  }
  program
    .command('help')
    .summary('help on a command or a topic')
    .description(`Help on a command or a topic.\nTopics: ${Object.keys(HELP_TOPICS).join(', ')}`)
    .argument('[words...]')
    .action((words: string[]) => {
      const text = helpTopic(words.join(' '))
      if (text !== undefined) terminal.out.write(text)
      else commandOf(program, words).help()
    })
  addCompletion(program, terminal)
  // Without it commander writes the page where errors go, which we do not read.
  program.action(() => showGroupHelp(program))
  return program
}

/** The thing of a row's verb, once. */
function addGroup(program: Command, { path }: CommandRow): void {
  const [thing = '', verb] = path.split(' ')
  if (verb === undefined || program.commands.some((one) => one.name() === thing)) return
  const summary = GROUPS[thing]
  if (summary === undefined) throw new TypeError(`no words for the group ${thing}`)
  const group = program.command(thing).summary(summary).description(sentence(summary)).helpCommand(false)
  group.action(() => showGroupHelp(group))
}

/** Flags that must be known even when the command line is wrong. */
function fallbackFlags(given: readonly string[]): GlobalOptions {
  const json = jsonModeOf(given)
  const at = given.indexOf('--state')
  const state = at < 0 ? undefined : given[at + 1]
  return {
    color: !given.includes('--no-color'),
    ...(json === undefined ? {} : { json }),
    ...(state === undefined ? {} : { state }),
  }
}

/** What commander refuses, in our words; undefined for `--help` and `--version`, which are no errors. */
function tellApart(error: unknown, given: readonly string[], rows: readonly CommandRow[]): unknown {
  if (!(error instanceof CommanderError) || codeOfFailure(error) !== undefined) return error
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined
  const words = commandWords(given)
  if (error.code === 'commander.unknownCommand' || error.code === 'commander.excessArguments') {
    return unknownCommand(words, rows)
  }
  const what = sentenceOf(error.message)
  return usageError(what, `trusthealth ${[...words.slice(0, 2), '--help'].join(' ')}`)
}

function unknownCommand(words: readonly string[], rows: readonly CommandRow[]): CommandError {
  const near = nearestCommands(words, [...rows.map(({ path }) => path), 'completion', 'help'])
  const what = `There is no command "${words.join(' ')}".`
  if (near.length === 0) return usageError(what, 'trusthealth --help')
  return usageError(what, `Did you mean ${near.map((path) => `\`${path}\``).join(' or ')}?`)
}

/** `error: option '--x' …` and the suggestion in the next line, as one or two sentences. */
function sentenceOf(message: string): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', '. ')
  const words = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.?)]$/.test(words) ? words : `${words}.`
}

function showGroupHelp(group: Command): void {
  if (group.args.length > 0) throw new CommanderError(2, 'commander.unknownCommand', 'unknown command')
  // A program that reads JSON is not helped by a page.
  if (group.optsWithGlobals<GlobalOptions>().json !== undefined) {
    const path = pathOf(group)
    throw usageError('A command is missing.', path === '' ? 'trusthealth --help' : `trusthealth ${path} --help`)
  }
  group.help()
}

function commandOf(program: Command, words: readonly string[]): Command {
  return words.reduce((above, word) => {
    const found = above.commands.find((one) => one.name() === word)
    if (found === undefined) throw new CommanderError(2, 'commander.unknownCommand', 'unknown command')
    return found
  }, program)
}

function pathOf(command: Command): string {
  const words: string[] = []
  for (let one: Command | null = command; one?.parent != null; one = one.parent) words.unshift(one.name())
  return words.join(' ')
}

function examplesOf(command: Command, rows: readonly CommandRow[]): readonly string[] {
  const path = pathOf(command)
  if (path === '') return EXAMPLES
  const own = rows.find((row) => row.path === path)
  if (own !== undefined) return own.examples
  const below = rows.filter((row) => row.path.startsWith(`${path} `))
  if (below.length > 0) return below.slice(0, 3).map((row) => row.examples[0] as string)
  return path === 'completion'
    ? ['completion bash', 'completion zsh > ~/.trusthealth-completion.zsh', 'completion fish']
    : ['help exit-codes', 'help environment', 'help record store']
}
