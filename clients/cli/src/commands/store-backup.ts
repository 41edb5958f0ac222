/**
 * `trusthealth backup store|prove|put`: the record server's store, copied while the system runs, proven against the ledger,
 * put back. Encrypted as it is on disk, without the device's key; what changed only. Spec: docs/operations/backups.md.
 *
 * Limits: process TEE. In TrustZone the store is a volume of its own format, which is copied while it stands still
 * (`backup create`).
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  proveSnapshot,
  Repository,
  restoreSnapshot,
  takeSnapshot,
  type Backup,
} from '../../../../host/backup/src/index.ts'
import { startTee } from '../../../../tee/kinds/src/index.ts'
import { confirmSevereStep } from '../ask.ts'
import { CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { memberIdentity, openLedgerOf } from '../ledger-access.ts'
import { text } from '../option-values.ts'
import { takeLock } from '../system/lock.ts'
import { ensureServer, programPath, storeFolder } from '../system/tees.ts'
import { requireSystem } from '../system-file.ts'
import { numberWords } from '../words.ts'

const NUMBER = { flags: '--number <number>', description: 'which backup; else the newest' }

export const STORE_BACKUP_COMMANDS: readonly CommandRow[] = [
  {
    path: 'backup store',
    what: '<folder>',
    summary: 'copy what changed in the record server’s store, while it runs',
    details: 'The copy is encrypted as the store is and opens on this device only.',
    examples: ['backup store /media/stick/store', 'backup store ../store --json', 'backup store ../store --quiet'],
    run: store,
  },
  {
    path: 'backup prove',
    what: '<folder>',
    summary: 'start the protected program on such a copy and compare it with the shared ledger',
    options: [NUMBER],
    examples: ['backup prove ../store', 'backup prove ../store --number 3', 'backup prove ../store --json'],
    run: prove,
  },
  {
    path: 'backup put',
    what: '<folder>',
    summary: 'put such a copy in place of the record server’s store; stop the system first',
    details: 'What is there is moved aside, not removed. Wants the 6-character code, see --dry-run.',
    options: [NUMBER],
    examples: [
      'backup put ../store --dry-run',
      'backup put ../store --confirm 4be07c',
      'backup put ../store --number 3',
    ],
    run: put,
  },
]

async function store(context: Context, what: readonly string[]): Promise<void> {
  const data = dataFolder(context)
  const folder = folderOf(context, what)
  const { clock, output } = context
  const taken = await doing('Nothing was copied', () =>
    Promise.resolve(takeSnapshot(data, new Repository(folder), () => clock.nowMs())),
  )
  const { backup, addedPages, pages } = taken
  output.result(
    { folder, number: backup.number, pages, addedPages },
    `Backup ${backup.number} in ${folder}: ${numberWords(pages * 8)} KiB, ${numberWords(addedPages * 8)} KiB of it new.\n` +
      `It opens on this device only. Whether it would serve:  trusthealth backup prove ${what[0]}`,
  )
}

async function prove(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const { state, output } = context
  const { consortium, system } = requireSystem(state)
  const data = dataFolder(context)
  const repository = new Repository(folderOf(context, what))
  const backup = chosen(repository, options)
  const taPath = programPath(state, 'process')
  const measurement = createHash('sha256').update(readFileSync(taPath)).digest('hex')
  const ledger = await openLedgerOf(context, consortium, system)
  try {
    const proven = await doing('The backup would not serve', () =>
      proveSnapshot({
        repository,
        backup,
        dataFolder: data,
        scratchFolder: join(state.server, 'proofs'),
        startTee: (folder) => startTee({ taPath, measurement, storeFolder: folder }),
        ledger,
        identity: memberIdentity(context),
        deadlineMs: timeoutOf(context),
      }),
    )
    const { logSize, anchoredSize, records } = proven
    const anchored = anchoredSize === undefined ? 'nothing anchored yet' : `${numberWords(anchoredSize)} on the ledger`
    output.result(
      { number: backup.number, createdMs: backup.createdMs, ...proven },
      `Backup ${backup.number} of ${formatMoment(backup.createdMs)} would serve: ${numberWords(records)} records, ` +
        `${numberWords(logSize)} entries in the log, ${anchored}.`,
    )
  } finally {
    await ledger.close()
  }
}

async function put(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const { state, output, clock } = context
  const data = dataFolder(context)
  const repository = new Repository(folderOf(context, what))
  const backup = chosen(repository, options)
  const code = backup.pagesSha256.slice(0, 6)
  const lines = [
    `Put the record server's store of ${formatMoment(backup.createdMs)} in place of the one that is there?`,
    'If the shared ledger knows a newer one, the record server will not serve from it.',
    'What is there now is moved aside, not removed.',
  ]
  if (context.flags.dryRun === true) {
    const command = `trusthealth backup put ${what[0]} --number ${backup.number} --confirm ${code}`
    output.result({ number: backup.number, code, lines }, `${lines.join('\n')}\nTo do it:  ${command}`)
    return
  }
  await confirmSevereStep(context, { lines, code })
  const release = takeLock(state)
  try {
    const aside = restoreSnapshot(repository, backup, data, clock.nowMs())
    output.result(
      { number: backup.number, aside: aside ?? null },
      `Backup ${backup.number} is in place.${aside === undefined ? '' : ` What was there: *${aside}`}\nStart it:  trusthealth start`,
    )
  } finally {
    release()
  }
}

function chosen(repository: Repository, options: OptionValues): Backup {
  const backups = repository.backups()
  const given = text(options, 'number')
  const backup = given === undefined ? backups.at(-1) : backups.find(({ number }) => String(number) === given)
  if (backup !== undefined) return backup
  throw usageError(given === undefined ? 'There is no backup in this folder.' : `There is no backup ${given}.`)
}

function dataFolder(context: Context): string {
  requireSystem(context.state)
  if (ensureServer(context, undefined).tee !== 'process') {
    throw new CommandError('TEE_NOT_OFFERED', {
      what: 'In TrustZone the store is copied while the system stands still.',
      next: 'trusthealth backup create <folder>',
    })
  }
  return join(storeFolder(context.state), 'data')
}

function folderOf(context: Context, [name = '']: readonly string[]): string {
  return resolve(context.terminal.currentFolder, name)
}
