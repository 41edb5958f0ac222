#!/usr/bin/env node
/**
 * `trusthealth`: the program. Everything it can do is a row of a table; see program.ts.
 *
 * @module
 */
import { ACCESS_LOG_COMMANDS } from './commands/access-log.ts'
import { APPOINTMENT_COMMANDS } from './commands/appointment.ts'
import { ATTEST_COMMANDS } from './commands/attest.ts'
import { EMERGENCY_COMMANDS } from './commands/emergency.ts'
import { GRANT_COMMANDS } from './commands/grant.ts'
import { IMPORT_COMMANDS } from './commands/import.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { PEOPLE_COMMANDS } from './commands/people.ts'
import { RECORD_COMMANDS } from './commands/record.ts'
import { SYSTEM_COMMANDS } from './commands/system.ts'
import { WARRANT_COMMANDS } from './commands/warrant.ts'
import type { CommandRow } from './command-row.ts'
import { runCli } from './program.ts'
import { processTerminal } from './terminal.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandRow[] = [
  ...SYSTEM_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...APPOINTMENT_COMMANDS,
  ...WARRANT_COMMANDS,
  ...RECORD_COMMANDS,
  ...IMPORT_COMMANDS,
  ...GRANT_COMMANDS,
  ...ACCESS_LOG_COMMANDS,
  ...EMERGENCY_COMMANDS,
  ...KEY_COMMANDS,
  ...ATTEST_COMMANDS,
]

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2), processTerminal(), COMMANDS)
