/**
 * `trusthealth warrant …`: a patient's permission for an appointment. Takes effect when the shared ledger has it.
 *
 * @module
 */
import { MAX_QUERIES, warrantRecordShape } from '../../../../shared/ledger-model/src/index.ts'
import { parseWarrant, warrantIdShape, type AuthorRef, type Warrant } from '../../../../shared/protocol/src/index.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { parseLedgerResult } from '../../../sdk/src/ledger-reader.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import type { LedgerReader } from '../../../sdk/src/ports.ts'
import { confirmStep } from '../ask.ts'
import { CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, connectPatient, using, type Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate, formatMoment } from '../dates.ts'
import { resolveId, shortId } from '../ids.ts'
import { scopeOf, scopeWords } from '../kinds.ts'
import { momentOption, untilOption } from '../moments.ts'
import { text, texts } from '../option-values.ts'
import { table } from '../output.ts'
import { findAuthor, findHospital, partiesOf, type Parties } from '../parties.ts'
import { rememberIds } from '../remembered.ts'

const DAY_MS = 86_400_000

export const WARRANT_COMMANDS: readonly CommandRow[] = [
  {
    path: 'warrant issue',
    summary: 'allow doctors to see and add records',
    options: [
      {
        flags: '--doctor <name>',
        description: 'a doctor, or your hospital itself; repeat it for a group',
        repeatable: true,
      },
      { flags: '--hospital <name>', description: 'the hospital; else yours' },
      { flags: '--from <date>', description: 'from; else now' },
      { flags: '--until <date>', description: 'until: a date or a span such as 7d; at most 366 days', default: '7d' },
      { flags: '--kind <kind>', description: 'kinds of records; else all', repeatable: true },
      { flags: '--note <text>', description: 'a note for the doctor' },
    ],
    examples: [
      'warrant issue --doctor alice --until 7d --as bob',
      'warrant issue --doctor alice --doctor wei --until 2026-12-10 --as bob',
      'warrant issue --doctor alice --kind lab --kind medicine --until 30d --as bob',
    ],
    run: issue,
  },
  {
    path: 'warrant revoke',
    what: '<permission>',
    summary: 'take a permission back',
    examples: [
      'warrant revoke w-7f3c90ab --as bob',
      'warrant revoke w-7f3c90ab --yes --as bob',
      'warrant revoke w-7f3c90ab --dry-run --as bob',
    ],
    run: revoke,
  },
  {
    path: 'warrant show',
    what: '<permission>',
    summary: 'show one permission',
    examples: [
      'warrant show w-7f3c90ab --as bob',
      'warrant show w-7f3c90ab --as alice',
      'warrant show w-7f3c90ab --json --as bob',
    ],
    run: show,
  },
  {
    path: 'warrant list',
    summary: 'list permissions: those you gave, or those that name you',
    examples: ['warrant list --as bob', 'warrant list --as alice', 'warrant list --as bob --json=lines'],
    run: listWarrants,
  },
]

/** One permission with what the ledger says of it. */
interface KnownWarrant {
  readonly warrant: Warrant
  readonly revokedMs: number | null
}

async function issue(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  await using(connectPatient(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const names = texts(options, 'doctor') ?? []
    if (names.length === 0) throw usageError('Whom? The doctor is missing.', '--doctor NAME')
    const doctors: AuthorRef[] = []
    for (const name of names) doctors.push(await findAuthor(parties, name))
    const given = text(options, 'hospital')
    const hospital = given === undefined ? who.hospital?.ref : await findHospital(parties, given)
    if (hospital === undefined) throw usageError('Which hospital?', '--hospital NAME')
    const now = context.clock.nowMs()
    const terms = {
      doctors,
      hospital: hospital as Warrant['hospital'],
      fromMs: momentOption(context, '--from', text(options, 'from')) ?? now,
      untilMs: untilOption(context, '--until', text(options, 'until')) ?? now + 7 * DAY_MS,
      scope: scopeOf(texts(options, 'kind')),
      aux: text(options, 'note') ?? '',
    }
    if (terms.untilMs <= terms.fromMs) throw usageError('The end is before the start.', '--until 7d')
    const sentence = `${namesOf(doctors, parties)} may see and add ${scopeWords(terms.scope)} until ${formatMoment(terms.untilMs)}`
    if (context.flags.dryRun === true) {
      context.output.result({ ...terms, dryRun: true }, `Would allow: ${sentence}.`)
      return
    }
    const issued = await doing('Not allowed', () => client.issueWarrant(terms))
    rememberIds(context.state, who.slug, [issued.jti])
    await parties.complete()
    context.output.result(
      {
        warrant: issued.jti,
        doctors,
        hospital,
        fromMs: terms.fromMs,
        untilMs: terms.untilMs,
        scope: terms.scope,
        block: issued.block,
        txId: issued.txId,
      },
      `${sentence}. Shared ledger block ${issued.block}. Your key signed it; the hospital cannot sign for you.\n` +
        `Take it back:  trusthealth warrant revoke ${shortId(issued.jti)} --as ${who.slug}`,
    )
  })
}

async function revoke(context: Context, what: readonly string[]): Promise<void> {
  await using(connectPatient(context), async (connection) => {
    const { client } = connection
    const parties = partiesOf(context, connection)
    const known = await client.recordedWarrants()
    const jti = warrantIdShape(
      await resolveId('w', what[0] as string, () => known.map((one) => one.jti), 'permission'),
      'permission',
    )
    const { doctors = [], revokedMs = null } = known.find((one) => one.jti === jti) ?? {}
    if (revokedMs !== null) {
      context.output.result({ warrant: jti, revokedMs }, `Taken back already, ${formatMoment(revokedMs)}.`)
      return
    }
    const names = doctors.length === 0 ? shortId(jti) : namesOf(doctors, parties)
    const effect = `From the next request on, ${names} can open nothing under it. What was already read or saved cannot be taken back.`
    if (context.flags.dryRun === true) {
      context.output.result({ warrant: jti, dryRun: true }, effect)
      return
    }
    await confirmStep(context, `Take back the permission of ${names}?`)
    const receipt = await doing('Not taken back yet', () => client.revokeWarrant(jti))
    context.output.result(
      { warrant: jti, block: receipt.block, txId: receipt.txId },
      `${effect}\nTaken back: shared ledger block ${receipt.block}.`,
    )
  })
}

async function show(context: Context, what: readonly string[]): Promise<void> {
  await using(connect(context), async (connection) => {
    const parties = partiesOf(context, connection)
    const known = await doing('Not shown', () => warrantsOf(connection))
    const jti = await resolveId('w', what[0] as string, () => known.map(({ warrant }) => warrant.jti), 'permission')
    const found = known.find(({ warrant }) => warrant.jti === jti)
    if (found === undefined) throw new CommandError('WARRANT_UNKNOWN')
    await parties.complete()
    const { warrant } = found
    const rows = [
      ['Permission', warrant.jti],
      ['Patient', parties.nameOf(warrant.iss)],
      ['Who may', namesOf(warrant.doctors, parties)],
      ['Hospital', parties.nameOf(warrant.hospital)],
      ['What', scopeWords(warrant.scope)],
      ['From', formatMoment(warrant.nbf * 1000)],
      ['Until', formatMoment(warrant.exp * 1000)],
      ['State', stateOf(found, context.clock.nowMs())],
      ...(warrant.aux === '' ? [] : [['Note', warrant.aux]]),
    ]
    context.output.result(warrantJson(found, context.clock.nowMs()), table(rows, ''))
  })
}

async function listWarrants(context: Context): Promise<void> {
  await using(connect(context), async (connection) => {
    const parties = partiesOf(context, connection)
    const known = await doing('Not listed', () => warrantsOf(connection))
    rememberIds(
      context.state,
      connection.who.slug,
      known.map(({ warrant }) => warrant.jti),
    )
    await parties.complete()
    const now = context.clock.nowMs()
    const rows = known.map((one) => [
      stateOf(one, now),
      connection.client instanceof PatientClient
        ? namesOf(one.warrant.doctors, parties)
        : parties.nameOf(one.warrant.iss),
      scopeWords(one.warrant.scope),
      `until ${formatDate(one.warrant.exp * 1000)}`,
      shortId(one.warrant.jti),
    ])
    context.output.list(
      known.map((one) => warrantJson(one, now)),
      table(rows, 'No permissions.'),
    )
  })
}

/** What the ledger says of permissions that a hospital delivered. */
async function withRevocations(
  ledger: LedgerReader,
  held: readonly { readonly warrant: Warrant }[],
): Promise<KnownWarrant[]> {
  const known: KnownWarrant[] = []
  for (let i = 0; i < held.length; i += MAX_QUERIES) {
    const some = held.slice(i, i + MAX_QUERIES)
    const answers = await ledger.read(some.map(({ warrant }) => ({ fn: 'warrant', args: [warrant.jti] })))
    for (const [at, answer] of answers.entries()) {
      const { warrant } = some[at] as { readonly warrant: Warrant }
      known.push({ warrant, revokedMs: parseLedgerResult(answer, warrantRecordShape).revokedMs })
    }
  }
  return known
}

/** Full texts from the hospital; whether one was taken back, from the ledger. */
async function warrantsOf({ client }: Connection): Promise<KnownWarrant[]> {
  if (client instanceof PatientClient) {
    const [held, recorded] = await Promise.all([client.warrants(), client.recordedWarrants()])
    return held.map(({ warrant, jti }) => ({
      warrant: parseWarrant(warrant).payload,
      revokedMs: recorded.find((one) => one.jti === jti)?.revokedMs ?? null,
    }))
  }
  if (client instanceof DoctorClient) {
    return await withRevocations(client.options.ledger, await client.warrants())
  }
  throw usageError('Patients and doctors have permissions.')
}

function stateOf({ warrant, revokedMs }: KnownWarrant, nowMs: number): string {
  if (revokedMs !== null) return `taken back ${formatDate(revokedMs)}`
  if (nowMs < warrant.nbf * 1000) return 'not yet'
  return nowMs < warrant.exp * 1000 ? 'holds' : 'ended'
}

function warrantJson(known: KnownWarrant, nowMs: number): object {
  const { jti, iss, doctors, hospital, nbf, exp, scope, aux } = known.warrant
  return {
    warrant: jti,
    patient: iss,
    doctors,
    hospital,
    fromMs: nbf * 1000,
    untilMs: exp * 1000,
    scope,
    note: aux,
    revokedMs: known.revokedMs,
    state: stateOf(known, nowMs),
  }
}

function namesOf(refs: readonly string[], parties: Parties): string {
  const names = refs.map((ref) => parties.nameOf(ref))
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
}
