#!/usr/bin/env node
/**
 * `trusthealth`: the program. Everything it can do is a row of a table; see program.ts.
 *
 * @module
 */
import { ACCESS_LOG_COMMANDS } from './commands/access-log.ts'
import { APPOINTMENT_COMMANDS } from './commands/appointment.ts'
import { ATTEST_COMMANDS } from './commands/attest.ts'
import { AUDIT_COMMANDS } from './commands/audit.ts'
import { BACKUP_COMMANDS } from './commands/backup.ts'
import { CERTIFICATE_COMMANDS } from './commands/certificate.ts'
import { DEMO_COMMANDS } from './commands/demo.ts'
import { EMERGENCY_COMMANDS } from './commands/emergency.ts'
import { ERASURE_COMMANDS } from './commands/erasures.ts'
import { GRANT_COMMANDS } from './commands/grant.ts'
import { IMPORT_COMMANDS } from './commands/import.ts'
import { APP_COMMANDS } from './commands/app.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { LEDGER_COMMANDS } from './commands/ledger.ts'
import { OUTBOX_COMMANDS } from './commands/outbox.ts'
import { PEOPLE_COMMANDS } from './commands/people.ts'
import { PROGRAM_COMMANDS } from './commands/programs.ts'
import { RECORD_COMMANDS } from './commands/record.ts'
import { RECOVERY_COMMANDS } from './commands/recovery.ts'
import { REPLICA_COMMANDS } from './commands/replica.ts'
import { RETENTION_COMMANDS } from './commands/retention.ts'
import { STORE_BACKUP_COMMANDS } from './commands/store-backup.ts'
import { SYSTEM_COMMANDS } from './commands/system.ts'
import { WARRANT_COMMANDS } from './commands/warrant.ts'
import { WITNESS_COMMANDS } from './commands/witness.ts'
import type { CommandRow } from './command-row.ts'
import { runCli } from './program.ts'
import { processTerminal } from './terminal.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandRow[] = [
  ...SYSTEM_COMMANDS,
  ...DEMO_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...APPOINTMENT_COMMANDS,
  ...WARRANT_COMMANDS,
  ...RECORD_COMMANDS,
  ...ERASURE_COMMANDS,
  ...OUTBOX_COMMANDS,
  ...IMPORT_COMMANDS,
  ...GRANT_COMMANDS,
  ...ACCESS_LOG_COMMANDS,
  ...EMERGENCY_COMMANDS,
  ...KEY_COMMANDS,
  ...APP_COMMANDS,
  ...LEDGER_COMMANDS,
  ...AUDIT_COMMANDS,
  ...ATTEST_COMMANDS,
  ...WITNESS_COMMANDS,
  ...PROGRAM_COMMANDS,
  ...RETENTION_COMMANDS,
  ...RECOVERY_COMMANDS,
  ...BACKUP_COMMANDS,
  ...STORE_BACKUP_COMMANDS,
  ...REPLICA_COMMANDS,
  ...CERTIFICATE_COMMANDS,
]

/** `trusthealth record list | head -1`: whoever reads has enough, and that is no fault. */
function endWithReader(error: Error & { readonly code?: string }): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

if (import.meta.main) {
  process.stdout.on('error', endWithReader)
  process.exitCode = await runCli(process.argv.slice(2), processTerminal(), COMMANDS)
}
