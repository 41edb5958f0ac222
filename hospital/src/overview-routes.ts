/**
 * `/v1/summary` and `/v1/emergencies`: the staff's first screen and the review of emergency accesses.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import type { Emergency } from '../../clients/sdk/src/participant.ts'
import { ProtocolError } from '../../shared/protocol/src/index.ts'
import { VERDICTS, type EmergencyReviews } from './emergency-reviews.ts'
import type { MisuseReports } from './misuse-reports.ts'
import type { RouteParts } from './route-parts.ts'
import { requireStaff } from './staff/roles.ts'
import type { SummaryReader } from './summary.ts'

const ReviewBody = Type.Object(
  {
    verdict: Type.Union(VERDICTS.map((verdict) => Type.Literal(verdict))),
    note: Type.Optional(Type.String({ maxLength: 2_048 })),
  },
  { additionalProperties: false },
)

export interface OverviewParts {
  readonly summary: SummaryReader
  readonly reviews: EmergencyReviews
  readonly emergencies: () => Promise<readonly Emergency[]>
  readonly misuse: Pick<MisuseReports, 'report'>
}

export function registerOverviewRoutes({ server, caller, nowMs }: RouteParts, parts: OverviewParts): void {
  const { summary, reviews, emergencies, misuse } = parts
  server.get('/v1/summary', async (request) => {
    requireStaff(await caller(request), 'system')
    return await summary.read(nowMs())
  })
  server.get('/v1/emergencies', async (request) => {
    requireStaff(await caller(request), 'review')
    const found = await emergencies()
    return {
      emergencies: found.map((one) => {
        const review = reviews.find(one.emergency)
        return { ...one, ...(review === undefined ? {} : { review }) }
      }),
    }
  })
  server.post('/v1/emergencies/:id/reviews', { schema: { body: ReviewBody } }, async (request) => {
    const { id } = request.params as { id: string }
    const { verdict, note = '' } = request.body as Static<typeof ReviewBody>
    const who = await caller(request)
    requireStaff(who, 'review')
    const found = (await emergencies()).find(({ emergency }) => emergency === id)
    if (found === undefined) {
      throw new ProtocolError('HTTP_NOT_FOUND', 'no such emergency access of a patient of this hospital')
    }
    // The ledger first: a verdict that says reported was reported.
    const reportTx = verdict === 'misuse' ? await misuse.report(found) : undefined
    const reported = reportTx === undefined ? {} : { reportTx }
    reviews.add({ emergency: id, verdict, note, by: who.staff?.name ?? 'service', timeMs: nowMs(), ...reported })
    return { ok: true, ...reported }
  })
}
