/**
 * `trusthealth retention …`: how long hospitals must keep records, as they state it on the ledger, and records that they
 * release. Spec: docs/protocol/07-ledger.md §7.19.
 *
 * @module
 */
import type { Organization } from '../../../../hospital/src/index.ts'
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import {
  MAX_RETENTION_DAYS,
  reasonShape,
  retentionRecordShape,
  type RetentionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import { confirmStep } from '../ask.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatDate } from '../dates.ts'
import { listIdentityNames } from '../identities.ts'
import { resolveId, shortId } from '../ids.ts'
import { ledgerReaderOf, withLedger } from '../ledger-access.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { rememberedIds } from '../remembered.ts'
import { requireSystem } from '../system-file.ts'
import { countWords } from '../words.ts'
import { votersOf } from './voters.ts'

const HOSPITAL: OptionRow = {
  flags: '--hospital <name>',
  description: 'the hospital, whose administrator’s keys are here',
}

export const RETENTION_COMMANDS: readonly CommandRow[] = [
  {
    path: 'retention show',
    summary: 'show how long each hospital must keep records',
    examples: ['retention show', 'retention show --json', 'retention show --quiet'],
    run: show,
  },
  {
    path: 'retention set',
    what: '<period>',
    summary: 'state how long a hospital must keep records: 10y, 3653d, none',
    details:
      'A longer period is for what is stored from then on, a shorter one for everything. Until it has ended the record\n' +
      'server refuses to erase. A year counts 365.25 days, rounded up.',
    options: [HOSPITAL],
    examples: [
      'retention set 10y --hospital "Hospital A"',
      'retention set none --hospital "Hospital A"',
      'retention set 30y --hospital hospital-a --dry-run',
    ],
    run: set,
  },
  {
    path: 'retention release',
    what: '<record>',
    summary: 'let the patient erase one record before the period has ended',
    details: 'For what the hospital’s own people wrote. Stays on the ledger, and cannot be taken back.',
    options: [HOSPITAL, { flags: '--reason <code>', description: 'why, as a code: wrong-patient, court-order, …' }],
    examples: [
      'retention release r-1f9ac03e --hospital hospital-a --reason wrong-patient',
      'retention release r-1f9ac03e --hospital hospital-a --reason wrong-patient --yes',
      'retention release r-1f9ac03e --hospital hospital-a --reason wrong-patient --dry-run',
    ],
    run: release,
  },
]

async function show(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const reader = await ledgerReaderOf(context, consortium, system)
  const all = await doing('The periods cannot be read', () =>
    Promise.all(
      consortium.hospitals.map(async ({ name, mspId }) => {
        const { value } = await readLedger(reader, 'retention', [mspId], retentionRecordShape)
        return { name, ...value }
      }),
    ),
  )
  const rows = all.map(({ name, ...record }) => [name, ...periodWords(record)])
  context.output.list(all, table(rows, 'No hospitals.'))
}

function periodWords({ statements }: RetentionRecord): [string, string] {
  const newest = statements.at(-1)
  if (newest === undefined) return ['nothing stated', '']
  return [daysWords(newest.days), `since ${formatDate(newest.timeMs)}`]
}

async function set(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const days = parsePeriod(what[0] ?? '')
  const words = `keep for ${daysWords(days)} what is stored from now on`
  await asOrganization(context, options, { days }, words, {
    what: 'Nothing was stated',
    work: (ledger, { admin }) => submitCall(ledger, admin, { fn: 'setRetention', args: [String(days)] }),
  })
  if (context.flags.dryRun !== true) await show(context)
}

async function release(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const seen = () => listIdentityNames(context.state).flatMap((who) => rememberedIds(context.state, who))
  const record = await resolveId('r', what[0] as string, seen, 'record')
  const reason = reasonOf(options)
  const words = `let the patient erase ${shortId(record)} from now on`
  await asOrganization(context, options, { record }, words, {
    what: 'Not released',
    ask: `Let the patient erase ${shortId(record)}? This cannot be taken back.`,
    work: (ledger, { admin }) => submitCall(ledger, admin, { fn: 'releaseRecord', args: [record, reason] }),
  })
  if (context.flags.dryRun !== true) {
    context.output.result({ record, released: true }, `Released ${shortId(record)}. The patient can erase it.`)
  }
}

/** @throws {CommandError} `CLIENT_USAGE` */
function reasonOf(options: OptionValues): string {
  try {
    return reasonShape(text(options, 'reason') ?? '', 'reason')
  } catch {
    throw usageError('The reason is a code of small letters, digits and hyphens.', '--reason wrong-patient')
  }
}

/** With the administrator's keys of the one hospital that is named: says what would be done, or does it. */
async function asOrganization(
  context: Context,
  options: OptionValues,
  data: object,
  words: string,
  step: {
    readonly what: string
    readonly ask?: string
    readonly work: (ledger: Ledger, organization: Organization) => Promise<unknown>
  },
): Promise<void> {
  const { consortium } = requireSystem(context.state)
  if (text(options, 'hospital') === undefined) throw usageError('Which hospital?', '--hospital "Hospital A"')
  const [organization] = await votersOf(context, consortium, options)
  if (organization === undefined) throw new TypeError('one organisation, or a refusal')
  const { mspId } = organization
  if (context.flags.dryRun === true) {
    context.output.result({ mspId, ...data }, `Would ${words}: ${mspId}.`)
    return
  }
  if (step.ask !== undefined) await confirmStep(context, step.ask)
  await withLedger(context, step.what, (ledger) => step.work(ledger, organization))
}

/** `10y`, `3653d`, `none`, in days. @throws {CommandError} `CLIENT_USAGE` */
function parsePeriod(given: string): number {
  if (given === 'none') return 0
  const [, count = '', unit] = /^(\d{1,5})([yd])$/.exec(given) ?? []
  const days = unit === 'y' ? Math.ceil(Number(count) * 365.25) : Number(count)
  if (unit === undefined || days < 1 || days > MAX_RETENTION_DAYS) {
    throw usageError(`A period is up to 100 years, not "${given}".`, 'retention set 10y, 3653d or none')
  }
  return days
}

/** "10 years", "45 days", "no time". */
function daysWords(days: number): string {
  if (days === 0) return 'no time'
  const years = Math.floor(days / 365.25)
  return years > 0 && Math.ceil(years * 365.25) === days ? countWords(years, 'year') : countWords(days, 'day')
}
