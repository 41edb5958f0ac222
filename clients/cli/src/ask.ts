/**
 * Questions before something is done that is hard to undo, at two levels: yes or no (`--yes`), and a code that has to
 * be typed (`--confirm CODE`). Without a terminal nothing is asked and nothing is assumed.
 *
 * @module
 */
import { isCancel, confirm, text } from '@clack/prompts'
import { CommandError } from './command-error.ts'
import type { Context } from './context.ts'

/**
 * The middle level.
 * @param question ends with a question mark.
 * @throws {CommandError} `CLIENT_CANCELLED`, `CLIENT_CONFIRMATION` where nobody can be asked.
 */
export async function confirmStep(context: Context, question: string): Promise<void> {
  if (context.flags.yes === true) return
  if (!canAsk(context)) {
    throw new CommandError('CLIENT_CONFIRMATION', { reason: question, next: 'give --yes' })
  }
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr })
  if (answer !== true) throw new CommandError('CLIENT_CANCELLED', { next: 'nothing was changed' })
}

export interface SevereStep {
  /** What is lost and what stays, one sentence a line. */
  readonly lines: readonly string[]
  /** 6 characters. */
  readonly code: string
}

/**
 * The highest level: shows what is lost, then wants the code. `--yes` is not enough.
 * @throws {CommandError} `CLIENT_CANCELLED`, `CLIENT_CONFIRMATION`
 */
export async function confirmSevereStep(context: Context, { lines, code }: SevereStep): Promise<void> {
  const { confirm: given } = context.flags
  if (given === code) return
  if (given !== undefined) {
    throw new CommandError('CLIENT_CONFIRMATION', {
      what: `The code ${given} is not that of what you named.`,
      next: 'run it again with --dry-run to see the code',
    })
  }
  if (!canAsk(context)) {
    throw new CommandError('CLIENT_CONFIRMATION', {
      reason: lines.join(' '),
      next: 'run it with --dry-run to see the code, then with --confirm CODE',
    })
  }
  for (const line of lines) context.output.note(line)
  const answer = await text({ message: `Type the code ${code} to go on`, output: process.stderr })
  if (isCancel(answer) || answer !== code) {
    throw new CommandError('CLIENT_CANCELLED', { next: 'nothing was changed' })
  }
}

function canAsk({ terminal, flags }: Context): boolean {
  return terminal.canAsk && flags.input !== false
}
