/**
 * Completion for shells. Commands, options and choices come from the program itself; nothing is asked of the network.
 * The package that writes the scripts is young, so it is behind this one function.
 *
 * @module
 */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { findStateFolder } from './state-folder.ts'
import { listIdentityNames } from './identities.ts'
import type { Terminal } from './terminal.ts'

/** Adds `completion SHELL` and the hidden command that the scripts call. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const root = tab(program, { completionCommandName: 'completion' })
  const { environment, currentFolder } = terminal
  const names = () => listIdentityNames(findStateFolder(undefined, environment, currentFolder))
  const completeNames = (complete: (value: string, description: string) => void) => {
    for (const name of names()) complete(name, '')
  }
  for (const command of [root, ...root.commands.values()]) {
    for (const name of ['as', 'patient', 'to', 'doctor']) {
      const option = command.options.get(name)
      if (option !== undefined) option.handler = completeNames
    }
  }
}
