/**
 * `trusthealth grant …`: access that a patient gives to a doctor or a hospital, and takes back.
 *
 * @module
 */
import {
  grantIdShape,
  isPractitionerRef,
  oneOf,
  type ParticipantRef,
  type RecordId,
} from '../../../../shared/protocol/src/index.ts'
import type { GrantRecord } from '../../../../shared/ledger-model/src/index.ts'
import { checkListedDoctor } from '../../../sdk/src/directories.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connectPatient, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate, formatMoment } from '../dates.ts'
import { resolveId, shortId } from '../ids.ts'
import { scopeOf, scopeWords } from '../kinds.ts'
import { momentOption, untilOption } from '../moments.ts'
import { requiredText, text, texts } from '../option-values.ts'
import { table } from '../output.ts'
import { partiesOf } from '../parties.ts'
import { rememberIds } from '../remembered.ts'
import { findRecord } from './record.ts'

const DAY_MS = 86_400_000
const PURPOSES = ['TREAT', 'ETREAT', 'HRESCH', 'HPAYMT', 'HOPERAT', 'PATRQT', 'FAMRQT'] as const

export const GRANT_COMMANDS: readonly CommandRow[] = [
  {
    path: 'grant create',
    summary: 'give a doctor or a hospital access to your records',
    details: '`trusthealth grant --to NAME` is the same.',
    options: [
      { flags: '--to <name>', description: 'the doctor or hospital' },
      { flags: '--kind <kind>', description: 'kinds of records; else all', repeatable: true },
      { flags: '--record <id>', description: 'only this record; may be repeated', repeatable: true },
      { flags: '--except <id>', description: 'all but this record; may be repeated', repeatable: true },
      { flags: '--until <date>', description: 'until: a date or a span', default: '30d' },
      { flags: '--dates-from <date>', description: 'only records from this clinical date on' },
      { flags: '--dates-until <date>', description: 'only records up to this clinical date' },
      { flags: '--purpose <code>', description: 'why', choices: PURPOSES, default: 'TREAT' },
    ],
    examples: [
      'grant --to omar --until 30d --as bob',
      'grant --to omar --kind lab --kind medicine --until 2026-12-14 --as bob',
      'grant --to omar --except r-1f9ac03e --as bob',
    ],
    run: give,
  },
  {
    path: 'grant revoke',
    what: '<access>',
    summary: 'take access back',
    details: '`trusthealth revoke ID` is the same.',
    examples: [
      'revoke g-02d4e6f8 --as bob',
      'grant revoke g-02d4e6f8 --as bob',
      'grant revoke g-02d4e6f8 --dry-run --as bob',
    ],
    run: takeBack,
  },
  {
    path: 'grant list',
    summary: 'list the access you gave',
    options: [{ flags: '--all', description: 'also what ended or was taken back' }],
    examples: ['grant list --as bob', 'grant list --all --as bob', 'grant list --as bob --json=lines'],
    run: listGrants,
  },
]

async function give(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const to = requiredText(options, 'to', '--to', 'To whom? The name')
  await using(connectPatient(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const grantee: ParticipantRef = await parties.find(to, ['d', 'h'])
    const listedBy = parties.listedBy(grantee)
    if (listedBy !== undefined && isPractitionerRef(grantee)) {
      await doing('Not given', () => checkListedDoctor(client.options.ledger, listedBy, grantee))
    }
    const records: RecordId[] = []
    for (const given of texts(options, 'record') ?? []) records.push(await findRecord(context, connection, given))
    const except: RecordId[] = []
    for (const given of texts(options, 'except') ?? []) except.push(await findRecord(context, connection, given))
    if (records.length > 0 && except.length > 0) {
      throw usageError('Named records and exceptions exclude each other.', '--except r-1f9ac03e')
    }
    const datesFromMs = momentOption(context, '--dates-from', text(options, 'datesFrom'))
    const datesToMs = untilOption(context, '--dates-until', text(options, 'datesUntil'))
    const terms = {
      grantee,
      scope: scopeOf(texts(options, 'kind')),
      records,
      ...(except.length === 0 ? {} : { except }),
      untilMs: untilOption(context, '--until', text(options, 'until')) ?? context.clock.nowMs() + 30 * DAY_MS,
      purpose: oneOf(...PURPOSES)(text(options, 'purpose') ?? 'TREAT', 'purpose'),
      ...(datesFromMs === undefined ? {} : { datesFromMs }),
      ...(datesToMs === undefined ? {} : { datesToMs }),
    }
    if (terms.untilMs <= context.clock.nowMs()) throw usageError('The end is in the past.', '--until 30d')
    const sentence = `${parties.nameOf(grantee)} may see ${reachWords(terms)} until ${formatMoment(terms.untilMs)}`
    if (context.flags.dryRun === true) {
      context.output.result({ ...terms, dryRun: true }, `Would give access: ${sentence}.`)
      return
    }
    const given = await doing('Not given', () => client.giveAccess(terms))
    rememberIds(context.state, who.slug, [given.jti])
    context.output.result(
      { grant: given.jti, ...terms, block: given.block, txId: given.txId },
      `${sentence}. Shared ledger block ${given.block}.\nTake it back:  trusthealth revoke ${shortId(given.jti)} --as ${who.slug}`,
    )
  })
}

async function takeBack(context: Context, what: readonly string[]): Promise<void> {
  await using(connectPatient(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const given = what[0] as string
    const known = await doing('Not taken back yet', () => client.grants())
    const target = grantIdShape(await resolveId('g', given, () => known.map((one) => one.jti), 'access'), 'access')
    const found = known.find((one) => one.jti === target)
    if (found !== undefined && found.revokedMs !== null) {
      const { revokedMs } = found
      context.output.result({ grant: target, revokedMs }, `Taken back already, ${formatMoment(revokedMs)}.`)
      return
    }
    const name = found === undefined ? shortId(target) : parties.nameOf(found.grantee)
    const effect = `From the next request on, ${name} can open nothing under it. What was already read or saved cannot be taken back.`
    if (context.flags.dryRun === true) {
      context.output.result({ grant: target, dryRun: true }, effect)
      return
    }
    const receipt = await doing('Not taken back yet', () => client.takeBack(target))
    const again =
      found === undefined ? '' : `\nGive it again:  trusthealth grant --to ${shortId(found.grantee)} --as ${who.slug}`
    context.output.result(
      { grant: target, block: receipt.block, txId: receipt.txId },
      `${effect}\nTaken back: shared ledger block ${receipt.block}.${again}`,
    )
  })
}

async function listGrants(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  await using(connectPatient(context), async (connection) => {
    const parties = partiesOf(context, connection)
    const now = context.clock.nowMs()
    const all = await doing('Not listed', () => connection.client.grants())
    const shown = options['all'] === true ? all : all.filter((one) => stateOf(one, now) === 'holds')
    rememberIds(
      context.state,
      connection.who.slug,
      shown.map(({ jti }) => jti),
    )
    await parties.complete()
    const rows = shown.map((one) => [
      stateOf(one, now),
      parties.nameOf(one.grantee),
      reachWords(one),
      `until ${formatDate(one.expMs)}`,
      shortId(one.jti),
    ])
    context.output.list(
      shown.map(({ jti, grantee, scope, records, purpose, nbfMs, expMs, revokedMs, ...one }) => ({
        grant: jti,
        grantee,
        scope,
        records,
        ...(one.except === undefined ? {} : { except: one.except }),
        purpose,
        fromMs: nbfMs,
        untilMs: expMs,
        revokedMs,
        state: stateOf({ ...one, jti, grantee, scope, records, purpose, nbfMs, expMs, revokedMs }, now),
      })),
      table(rows, 'You gave no access.'),
    )
  })
}

/** "3 named records", "lab results, but not 1 record". */
function reachWords({ scope, records, except }: Pick<GrantRecord, 'scope' | 'records' | 'except'>): string {
  const count = (ids: readonly RecordId[], word: string): string =>
    `${ids.length} ${word}${ids.length === 1 ? '' : 's'}`
  if (records.length > 0) return count(records, 'named record')
  return except === undefined ? scopeWords(scope) : `${scopeWords(scope)}, but not ${count(except, 'record')}`
}

function stateOf({ nbfMs, expMs, revokedMs }: GrantRecord, nowMs: number): string {
  if (revokedMs !== null) return `taken back ${formatDate(revokedMs)}`
  if (nowMs < nbfMs) return 'not yet'
  return nowMs < expMs ? 'holds' : 'ended'
}
