/**
 * How long each organisation must keep records, as it stated on the shared ledger, and how an administrator changes that:
 * with the organisation's own keys, which no browser has.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { queries } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

const YEAR_DAYS = 365.25

export function Retention(): ReactNode {
  const words = useWords()
  const { t, date } = words
  const retention = useQuery(queries.retention)
  const own = retention.data?.find(({ isOwn }) => isOwn)?.organization ?? ''
  return (
    <section aria-labelledby="retention">
      <h2 id="retention">{t('staff.retention.title')}</h2>
      <p>{t('staff.retention.line')}</p>
      {retention.isPending ? <Loading rows={2} /> : undefined}
      {retention.isError ? <StaffProblem error={retention.error} again={retention.refetch} /> : undefined}
      {retention.data === undefined ? undefined : (
        <>
          <SheetTable
            caption={<span className="th-hidden">{t('staff.retention.title')}</span>}
            words="staff.column"
            columns={['organization', 'period', 'since']}
          >
            {retention.data.map(({ mspId, organization, days, sinceMs }) => (
              <tr key={mspId}>
                <td data-label={t('staff.column.organization')}>{organization}</td>
                <td data-label={t('staff.column.period')}>{periodText(words, days)}</td>
                <td data-label={t('staff.column.since')}>{sinceMs === undefined ? '' : date(sinceMs)}</td>
              </tr>
            ))}
          </SheetTable>
          <details className="th-details">
            <summary>{t('staff.retention.change')}</summary>
            <p>{t('staff.retention.who', { organization: own })}</p>
            <p>
              <code>{`trusthealth retention set 10y --hospital "${own}"`}</code>
            </p>
            <p>{t('staff.retention.release')}</p>
            <p>
              <code>{`trusthealth retention release RECORD --hospital "${own}" --reason wrong-patient`}</code>
            </p>
          </details>
        </>
      )}
    </section>
  )
}

/** Whole years where the days are such: a year counts 365.25 days, rounded up. */
function periodText({ t }: Words, days: number | undefined): string {
  if (days === undefined) return t('staff.retention.none')
  const years = Math.floor(days / YEAR_DAYS)
  const isYears = years > 0 && Math.ceil(years * YEAR_DAYS) === days
  return isYears ? t('staff.retention.years', { years }) : t('staff.retention.days', { days })
}
