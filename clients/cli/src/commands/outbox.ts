/**
 * `trusthealth record deliver`: what the hospital keeps for an author, because the record server or the ledger was away.
 *
 * @module
 */
import type { OutboxEntry } from '../../../sdk/src/hospital-answers/outbox.ts'
import { Author } from '../../../sdk/src/author.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import { connect, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { shortId } from '../ids.ts'
import { table } from '../output.ts'
import { partiesOf } from '../parties.ts'

export const OUTBOX_COMMANDS: readonly CommandRow[] = [
  {
    path: 'record deliver',
    summary: 'deliver what the hospital keeps for you, and see what still waits',
    details: "A hospital's own records are delivered by the hospital itself: this shows them.",
    examples: ['record deliver --as alice', 'record deliver --as hospital-a', 'record deliver --json=lines --as alice'],
    run: deliver,
  },
]

async function deliver(context: Context): Promise<void> {
  await using(connect(context), async (connection) => {
    const { client } = connection
    if (!(client instanceof Author)) throw usageError('Doctors and hospitals write records.', '--as NAME of a doctor')
    const { hospital } = client.options
    const isDoctor = connection.who.identity.kind === 'practitioner'
    const entries = await doing('Not delivered', async () => {
      const delivered = isDoctor ? await client.deliverKept() : []
      const known = new Set(delivered.map(({ record, version }) => `${record} ${version}`))
      const rest = await hospital.outbox(client.requestSigner)
      return [...delivered, ...rest.filter(({ record, version }) => !known.has(`${record} ${version}`))]
    })
    const parties = await partiesOf(context, connection).complete()
    const rows = entries.map((one) => [
      formatMoment(one.sinceMs),
      shortId(one.record),
      `version ${one.version}`,
      parties.nameOf(one.patient),
      stateWords(one),
    ])
    context.output.list(entries, table(rows, 'Nothing waits.'))
  })
}

function stateWords({ state, code }: OutboxEntry): string {
  if (state === 'delivered') return 'stored'
  if (state === 'refused') return `refused: ${code ?? ''}`
  return code === undefined ? 'waits' : `waits: ${code}`
}
