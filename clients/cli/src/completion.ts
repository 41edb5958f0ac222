/**
 * Completion for shells. Commands, options and choices come from the program itself; nothing is asked of the network.
 * The package that writes the scripts is young, so it is behind this one function.
 *
 * @module
 */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { EHR_TYPES } from '../../../shared/protocol/src/index.ts'
import { listIdentityNames } from './identities.ts'
import { shortId } from './ids.ts'
import { rememberedIds } from './remembered.ts'
import { findStateFolder, type StateFolder } from './state-folder.ts'
import type { Terminal } from './terminal.ts'

/** Options that take the name of a key on this device. */
const NAMES = ['as', 'patient', 'to', 'doctor', 'hospital']
/** What takes an id of the last list: an argument or an option, and how those ids begin. */
const IDS: Readonly<Record<string, string>> = {
  record: 'r-',
  except: 'r-',
  permission: 'w-',
  access: 'g-',
  emergency: 'e-',
}
const MAX_IDS = 50

/** Adds `completion SHELL` and the hidden command that the scripts call. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const root = tab(program, { completionCommandName: 'completion' })
  const state = findStateFolder(undefined, terminal.environment, terminal.currentFolder)
  const words = new Map<string, () => readonly string[]>([
    ...NAMES.map((name) => [name, () => listIdentityNames(state)] as const),
    ...Object.entries(IDS).map(([name, letter]) => [name, () => lastIds(state, letter)] as const),
    ['kind', () => EHR_TYPES],
  ])
  for (const command of root.commands.values()) {
    // The package looks for an option at the command only; the flags of every command are the program's.
    for (const [name, option] of root.options) if (!command.options.has(name)) command.options.set(name, option)
    for (const taking of [command.options, command.arguments]) {
      for (const [name, wordsOf] of words) {
        const taken = taking.get(name)
        if (taken === undefined) continue
        taken.handler = (complete) => {
          for (const word of wordsOf()) complete(word, '')
        }
      }
    }
  }
}

/** Of each key on this device the newest ones, as lists show them. */
function lastIds(state: StateFolder, letter: string): readonly string[] {
  return listIdentityNames(state).flatMap((name) =>
    rememberedIds(state, name)
      .filter((id) => id.startsWith(letter))
      .slice(0, MAX_IDS)
      .map(shortId),
  )
}
