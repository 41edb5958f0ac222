/**
 * Transcripts of the command line that a person can read, and their player.
 *
 * ```
 * # a remark
 * > record list --as bob            must end with exit code 0
 * ! record list --as nobody         must fail
 *   exit 4                          with this exit code
 *   out  HbA1c                      standard output has it (a regular expression)
 *   no   Alice                      standard output does not have it
 *   err  CLIENT_NO_IDENTITY         standard error has it
 *   keep id r-[0-9a-f]{8}           what matches in standard output is ${id} from here on
 * ```
 *
 * @module
 */
import assert from 'node:assert/strict'
import { runCli } from '../../../clients/cli/src/program.ts'
import { COMMANDS } from '../../../clients/cli/src/main.ts'
import type { Terminal } from '../../../clients/cli/src/terminal.ts'

export interface TranscriptPlace {
  readonly state: string
  /** Files that commands name lie here. */
  readonly folder: string
}

export interface CommandResult {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** Runs one command line in this process, as the program would. */
export async function runCommand(
  { state, folder }: TranscriptPlace,
  words: readonly string[],
  input = '',
): Promise<CommandResult> {
  const text = { out: '', err: '' }
  const stream = (name: 'out' | 'err') => ({ write: (chunk: string) => (text[name] += chunk), columns: 100 })
  const terminal: Terminal = {
    out: stream('out'),
    err: stream('err'),
    canAsk: false,
    environment: { TRUSTHEALTH_STATE: state },
    currentFolder: folder,
    nowMs: () => Date.now(),
    readInput: () => Promise.resolve(new TextEncoder().encode(input)),
    onInterrupt: () => () => undefined,
  }
  const exit = await runCli(words, terminal, COMMANDS)
  return { exit, ...text }
}

/** @param kept values that `keep` found, also of transcripts before. */
export async function playTranscript(
  place: TranscriptPlace,
  transcript: string,
  kept: Map<string, string>,
): Promise<void> {
  let last: (CommandResult & { readonly line: string }) | undefined
  for (const [i, raw] of transcript.split('\n').entries()) {
    const line = raw.replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => kept.get(name) ?? assert.fail(`no ${name}`))
    if (line.trim() === '' || line.startsWith('#')) continue
    const where = `line ${i + 1}: ${line}`
    if (/^[>!] /.test(line)) {
      const result = await runCommand(place, wordsOf(line.slice(2)))
      last = { ...result, line: where }
      const isDone = result.exit === 0
      assert.equal(isDone, line.startsWith('>'), `${where}\nexit ${result.exit}\n${result.out}${result.err}`)
      continue
    }
    assert.ok(last !== undefined, where)
    check(line.trim(), last, kept, `${last.line}\n  ${line.trim()}\n${last.out}${last.err}`)
  }
}

function check(expectation: string, result: CommandResult, kept: Map<string, string>, where: string): void {
  const [kind = '', ...rest] = expectation.split(/ +/)
  const value = rest.join(' ')
  // Lines are broken where the terminal ends: a space stands for any white space.
  const pattern = () => new RegExp(value.replaceAll(' ', '\\s'))
  if (kind === 'exit') assert.equal(result.exit, Number(value), where)
  else if (kind === 'out') assert.match(result.out, pattern(), where)
  else if (kind === 'no') assert.doesNotMatch(result.out, pattern(), where)
  else if (kind === 'err') assert.match(result.err, pattern(), where)
  else if (kind === 'keep') {
    const [name = '', ...source] = rest
    const found = new RegExp(source.join(' ')).exec(result.out)
    assert.ok(found !== null, where)
    kept.set(name, found[1] ?? found[0])
  } else assert.fail(`unknown expectation: ${where}`)
}

/** Words as a shell splits them; only double quotes are special. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}
