/**
 * `trusthealth start`, `status`, `stop`.
 *
 * @module
 */
import { commandHere } from '../calling.ts'
import { CommandError } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import type { Context } from '../context.ts'
import { findLockHolder } from '../system/lock.ts'
import { endLeftovers } from '../system/leftovers.ts'
import { endProcess } from '../system/processes.ts'
import { readStatus, statusText } from '../system/status.ts'

const STOP_GRACE_MS = 60_000

export const SYSTEM_COMMANDS: readonly CommandRow[] = [
  {
    path: 'start',
    summary: 'start the whole system on this machine, and keep it running',
    details:
      'The first start makes the hospitals, sets the record server up and loads practice patients. Ctrl-C stops it.',
    options: [
      { flags: '--hospital <name>', description: 'first start: a hospital; may be repeated', repeatable: true },
      { flags: '--no-data', description: 'first start: no practice patients' },
      { flags: '--no-restart', description: 'a part that ends stays down, and start ends with it' },
      { flags: '--ledger <kind>', description: 'first start: embedded, or fabric for a network of Hyperledger Fabric' },
      { flags: '--tee <kind>', description: 'first start: process, or optee for ARM TrustZone in QEMU' },
      { flags: '--ledger-only', description: 'the shared ledger alone, for votes about who holds the store' },
      { flags: '--restore <folder>', description: 'new hardware: restore the lost record server from its backups' },
      { flags: '--any-ports', description: 'use any free ports, not the usual ones' },
    ],
    examples: [
      'start',
      'start --state ./practice --no-data',
      'start --hospital "Hospital A" --hospital "Hospital B" --hospital "Hospital C"',
    ],
    // Loaded when it is wanted: it brings every program's entry point with it.
    run: async (context, _what, options) => (await import('../system/start.ts')).start(context, options),
  },
  {
    path: 'status',
    summary: 'see what runs, and what to do',
    examples: ['status', 'status --json', 'status --state ./practice'],
    run: status,
  },
  {
    path: 'stop',
    summary: 'stop the system that runs on this state folder',
    examples: ['stop', 'stop --state ./practice', 'stop --json'],
    run: stop,
  },
]

async function status(context: Context): Promise<void> {
  const found = await readStatus(context)
  if (found.down.length > 0) {
    if (context.output.options.json === 'off') context.output.note(statusText(found, context))
    throw new CommandError('SERVER_UNAVAILABLE', { what: `Down: ${found.down.join(', ')}.`, data: found })
  }
  context.output.result(found, statusText(found, context))
}

async function stop(context: Context): Promise<void> {
  const holder = findLockHolder(context.state)
  if (holder === undefined) {
    await endLeftovers(context)
    throw new CommandError('CLIENT_NOT_RUNNING', { reason: `nothing runs in ${context.state.root}` })
  }
  await endProcess(holder, STOP_GRACE_MS)
  await endLeftovers(context)
  const again = commandHere(context, 'start')
  context.output.result({ stopped: holder.pid }, `Stopped. Nothing is lost; ${again} goes on from here.`)
}
