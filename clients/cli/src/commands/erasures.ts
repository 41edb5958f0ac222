/**
 * `trusthealth record erasures | keep`: what the hospital deleted for itself and asks the patient to destroy.
 *
 * @module
 */
import type { EraseRequest } from '../../../sdk/src/hospital-answers/outbox.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import { connect, connectPatient, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate } from '../dates.ts'
import { shortId } from '../ids.ts'
import { printable, table } from '../output.ts'
import { partiesOf } from '../parties.ts'

export const ERASURE_COMMANDS: readonly CommandRow[] = [
  {
    path: 'record erasures',
    summary: 'list the records that the hospital asks a patient to destroy',
    details: 'To agree: record erase. To keep one: record keep.',
    examples: ['record erasures --as bob', 'record erasures --as hospital-a', 'record erasures --as bob --json=lines'],
    run: listErasures,
  },
  {
    path: 'record keep',
    what: '<record>',
    summary: 'say no to the hospital, which asks to destroy a record',
    examples: [
      'record keep r-1f9ac03e --as bob',
      'record keep r-1f9ac03e --json --as bob',
      'record keep r-1f9ac03e --dry-run --as bob',
    ],
    run: keepRecord,
  },
]

const STATES = {
  requested: 'waits for the patient',
  kept: 'the patient keeps it',
  cancelled: 'taken back by the hospital',
  erased: 'destroyed',
} as const satisfies Record<EraseRequest['state'], string>

async function listErasures(context: Context): Promise<void> {
  await using(connect(context), async (connection) => {
    const { client, who } = connection
    const { kind } = who.identity
    if (kind !== 'patient' && kind !== 'organization') {
      throw usageError('Patients and hospitals see these requests.', '--as NAME of a patient')
    }
    const requests = await doing('Not listed', () => client.options.hospital.eraseRequests(client.requestSigner))
    const parties = await partiesOf(context, connection).complete()
    const rows = requests.map((one) => [
      formatDate(one.askedMs),
      shortId(one.record),
      one.resourceType,
      parties.nameOf(one.patient),
      `${printable(one.byName ?? one.by)}${one.reason === undefined ? '' : `: ${printable(one.reason)}`}`,
      STATES[one.state],
    ])
    const open = requests.find(({ state }) => state === 'requested')
    const next =
      open === undefined || kind !== 'patient'
        ? ''
        : `\nAgree:  trusthealth record erase ${shortId(open.record)} --as ${who.slug}\nKeep:   trusthealth record keep ${shortId(open.record)} --as ${who.slug}`
    context.output.list(requests, `${table(rows, 'No requests.')}${next}`)
  })
}

async function keepRecord(context: Context, what: readonly string[]): Promise<void> {
  await using(connectPatient(context), async ({ client }) => {
    const given = what[0] as string
    const found = (await client.openEraseRequests()).filter(({ record }) => record.startsWith(given))
    const [only] = found
    if (only === undefined || found.length > 1) {
      throw usageError(`No single request of the hospital is about ${printable(given)}.`, 'record erasures')
    }
    if (context.flags.dryRun !== true) await doing('Not answered', () => client.keepAsked(only.id))
    context.output.result(
      { record: only.record, kept: context.flags.dryRun !== true },
      context.flags.dryRun === true
        ? `Would keep ${shortId(only.record)}.`
        : `Kept ${shortId(only.record)}. The hospital sees that you said no.`,
    )
  })
}
