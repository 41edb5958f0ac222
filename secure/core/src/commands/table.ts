/**
 * Every command of a session, one row each. Spec: docs/protocol/08-access.md §8.5.
 *
 * @module
 */
import { ACCESS_LOG_COMMANDS } from './access-log-command.ts'
import type { CommandRow } from './call.ts'
import { EMERGENCY_COMMANDS } from './emergency-commands.ts'
import { LIST_COMMANDS } from './list-commands.ts'
import { PROVISION_COMMANDS } from './provision-commands.ts'
import { READ_COMMANDS } from './read-commands.ts'
import { RECOVERY_COMMANDS } from './recovery-command.ts'
import { SIMPLE_COMMANDS } from './simple.ts'
import { UPLOAD_COMMANDS } from './upload-commands.ts'

export const COMMANDS = {
  ...SIMPLE_COMMANDS,
  ...PROVISION_COMMANDS,
  ...UPLOAD_COMMANDS,
  ...READ_COMMANDS,
  ...LIST_COMMANDS,
  ...ACCESS_LOG_COMMANDS,
  ...EMERGENCY_COMMANDS,
  ...RECOVERY_COMMANDS,
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof COMMANDS

export function findCommand(name: unknown): CommandRow | undefined {
  return typeof name === 'string' && Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}
