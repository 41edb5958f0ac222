/**
 * `trusthealth program …`: votes of organisations for a program of the record server. A program takes a store over only
 * when more than half of the organisations voted for it. Spec: docs/protocol/07-ledger.md §7.15, 10-tee-abi.md §10.8.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { Organization } from '../../../../hospital/src/index.ts'
import type { Ledger } from '../../../../ledger/client/src/index.ts'
import {
  isApproved,
  MAX_SECURITY_VERSION,
  programRecordShape,
  REPLICA_VERSION,
  type ProgramRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import type { ServerRegistration } from '../../../../shared/protocol/src/index.ts'
import { readLedger, readServerRegistration } from '../../../sdk/src/ledger-reader.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { readOwnFile } from '../files.ts'
import { ledgerReaderOf, withLedger } from '../ledger-access.ts'
import { countOption } from '../moments.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { fetchServerStatus } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf, type Consortium, type SystemState } from '../system-file.ts'
import { countWords } from '../words.ts'
import { votersOf } from './voters.ts'

const HOSPITAL: OptionRow = {
  flags: '--hospital <name>',
  description: 'vote of this hospital only; else of every organisation whose administrator is on this device',
}

export const PROGRAM_COMMANDS: readonly CommandRow[] = [
  {
    path: 'program approve',
    what: '<program>',
    summary: 'vote for a program of the record server, a file or its measurement',
    details:
      'The program takes the store over when more than half of the organisations voted for it and its security version\n' +
      'is not lower than that of the program before.',
    options: [
      { flags: '--security-version <number>', description: 'as which security version' },
      { flags: '--replica', description: 'for an instance as a replica of the record server, instead of a program' },
      HOSPITAL,
    ],
    examples: [
      'program approve release.mjs --security-version 1',
      'program approve release.mjs --security-version 1 --hospital "Hospital A"',
      'program approve release.mjs --security-version 1 --dry-run',
    ],
    run: approve,
  },
  {
    path: 'program withdraw',
    what: '<program>',
    summary: 'take a vote for a program back',
    options: [HOSPITAL],
    examples: [
      'program withdraw release.mjs',
      'program withdraw release.mjs --hospital "Hospital A"',
      'program withdraw release.mjs --json',
    ],
    run: withdraw,
  },
  {
    path: 'program show',
    what: '<program>',
    summary: 'show who voted for a program, and whether it is approved',
    examples: ['program show release.mjs', 'program show release.mjs --json', 'program show release.mjs --quiet'],
    run: show,
  },
]

async function approve(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const measurement = measurementOf(context, what)
  const securityVersion = votedVersion(options)
  const { voteForProgram } = await import('../system/program-votes.ts')
  await voting(context, options, measurement, `approve ${measurement} as ${versionWords(securityVersion)}`, {
    what: 'No vote was cast',
    work: (ledger, voters) => voteForProgram(ledger, voters, { measurement, securityVersion }),
  })
}

/** @throws {CommandError} `CLIENT_USAGE` */
function votedVersion(options: OptionValues): number {
  const given = text(options, 'securityVersion')
  const isReplica = options['replica'] === true
  if (isReplica === (given !== undefined)) {
    throw usageError('A program has a security version, a replica has none.', '--security-version … or --replica')
  }
  return given === undefined ? REPLICA_VERSION : countOption('--security-version', given, 1, MAX_SECURITY_VERSION)
}

function versionWords(version: number): string {
  return version === REPLICA_VERSION ? 'a replica' : `security version ${version}`
}

async function withdraw(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const measurement = measurementOf(context, what)
  const { withdrawVotes } = await import('../system/program-votes.ts')
  await voting(context, options, measurement, `no longer approve ${measurement}`, {
    what: 'No vote was taken back',
    work: (ledger, voters) => withdrawVotes(ledger, voters, measurement),
  })
}

/** With the voters' keys: says what would be done, or does it and shows what came of it. */
async function voting(
  context: Context,
  options: OptionValues,
  measurement: string,
  words: string,
  step: { readonly what: string; readonly work: (ledger: Ledger, voters: readonly Organization[]) => Promise<void> },
): Promise<void> {
  const { consortium } = requireSystem(context.state)
  const voters = await votersOf(context, consortium, options)
  const names = voters.map(({ mspId }) => mspId)
  if (context.flags.dryRun === true) {
    context.output.result({ measurement, voters: names }, `Would ${words}: ${names.join(', ')}.`)
    return
  }
  await withLedger(context, step.what, (ledger) => step.work(ledger, voters))
  await show(context, [measurement])
}

async function show(context: Context, what: readonly string[]): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const measurement = measurementOf(context, what)
  const { record, registration } = await readProgram(context, consortium, system, measurement)
  const organizations = [
    { name: 'the operator', mspId: consortium.operatorMspId },
    ...consortium.hospitals.map(({ name, mspId }) => ({ name, mspId })),
  ]
  const mspIds = organizations.map(({ mspId }) => mspId)
  const versions = record.votes.map(({ securityVersion }) => securityVersion)
  const standing: Standing = {
    approvedAs: versions.find((version) => isApproved(record, mspIds, version)),
    isAccepted: registration.measurements.includes(measurement),
    isRunning: await runsNow(context, system, measurement),
  }
  const rows = organizations.map(({ name, mspId }) => {
    const vote = record.votes.find((one) => one.mspId === mspId)
    if (vote === undefined) return [name, 'no vote', '']
    return [name, versionWords(vote.securityVersion), formatMoment(vote.timeMs)]
  })
  const { approvedAs, isAccepted, isRunning } = standing
  context.output.result(
    { measurement, approvedAs: approvedAs ?? null, accepted: isAccepted, running: isRunning, votes: record.votes },
    `${measurement}\n${table(rows, '')}\n${standingWords(standing, organizations.length)}`,
  )
}

interface Standing {
  readonly approvedAs: number | undefined
  readonly isAccepted: boolean
  /** Null: the record server does not answer. */
  readonly isRunning: boolean | null
}

/** Votes decide who takes a store over; the program that has it needs none, and the first one never had any. */
function standingWords({ approvedAs, isAccepted, isRunning }: Standing, organizations: number): string {
  const votes =
    approvedAs === undefined
      ? `more than half of ${countWords(organizations, 'organisation')} must vote for the same`
      : versionWords(approvedAs)
  if (isAccepted && isRunning !== false) {
    if (isRunning === null) return 'Clients accept it. The record server does not answer: whether it runs is not known.'
    const why = approvedAs === undefined ? 'It has the store, so it needs no votes.' : `Voted for as ${votes}.`
    return `Approved: the record server runs it, and clients accept it. ${why}`
  }
  return approvedAs === undefined ? `Not approved: ${votes}.` : `Approved as ${votes}.`
}

async function readProgram(
  context: Context,
  consortium: Consortium,
  system: SystemState,
  measurement: string,
): Promise<{ readonly record: ProgramRecord; readonly registration: ServerRegistration }> {
  const reader = await ledgerReaderOf(context, consortium, system)
  return await doing('The votes cannot be read', async () => {
    const { value: record } = await readLedger(reader, 'program', [measurement], programRecordShape)
    return { record, registration: await readServerRegistration(reader, consortium.serverRef) }
  })
}

/** By the record server's own word; `attest` has evidence of it. */
async function runsNow(context: Context, system: SystemState, measurement: string): Promise<boolean | null> {
  try {
    const server = await fetchServerStatus(context, urlOf(system, SERVER_PROGRAM))
    return server.state === 'serving' && server.measurement === measurement
  } catch {
    return null
  }
}

/** Of a file, or as it was given. @throws {CommandError} `CLIENT_USAGE` */
function measurementOf({ terminal }: Context, [what = '']: readonly string[]): string {
  if (/^[0-9a-f]{64}$/.test(what)) return what
  return createHash('sha256')
    .update(readOwnFile(resolve(terminal.currentFolder, what), what))
    .digest('hex')
}
