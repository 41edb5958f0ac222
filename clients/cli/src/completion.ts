/**
 * Completion for shells. Commands, options and choices come from the program itself; nothing is asked of the network.
 * The package that writes the scripts is young, so it is behind this one function.
 *
 * @module
 */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { listIdentityNames } from './identities.ts'
import { shortId } from './ids.ts'
import { rememberedIds } from './remembered.ts'
import { findStateFolder } from './state-folder.ts'
import type { Terminal } from './terminal.ts'

/** Options that take the name of a key on this device. */
const NAMES = ['as', 'patient', 'to', 'doctor', 'hospital']
const MAX_IDS = 50

/** Adds `completion SHELL` and the hidden command that the scripts call. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const root = tab(program, { completionCommandName: 'completion' })
  const state = findStateFolder(undefined, terminal.environment, terminal.currentFolder)
  for (const command of root.commands.values()) {
    // The package looks for an option at the command only; the flags of every command are the program's.
    for (const [name, option] of root.options) if (!command.options.has(name)) command.options.set(name, option)
    for (const name of NAMES) {
      const option = command.options.get(name)
      if (option === undefined) continue
      option.handler = (complete) => {
        for (const identity of listIdentityNames(state)) complete(identity, '')
      }
    }
    const record = command.arguments.get('record')
    if (record === undefined) continue
    record.handler = (complete) => {
      const ids = listIdentityNames(state).flatMap((name) => rememberedIds(state, name).slice(0, MAX_IDS))
      for (const id of ids) if (id.startsWith('r-')) complete(shortId(id), '')
    }
  }
}
