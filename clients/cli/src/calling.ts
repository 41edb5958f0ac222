/**
 * Commands as a person has to write them.
 *
 * @module
 */
import type { Context } from './context.ts'

/** How a person calls this program: out of a checkout by npx, as npm's own environment tells. */
export function commandName({ terminal }: Pick<Context, 'terminal'>): string {
  return terminal.environment['npm_command'] === undefined ? 'trusthealth' : 'npx trusthealth'
}

/** For this very system: with its state folder, if other commands would not find that by themselves. */
export function commandHere(context: Pick<Context, 'terminal' | 'flags'>, command: string): string {
  const { state } = context.flags
  return `${commandName(context)} ${command}${state === undefined ? '' : ` --state ${state}`}`
}
