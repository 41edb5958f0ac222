/**
 * Emergency accesses to review: who opened whose records, when and why; a verdict each, after "follow up" another one.
 * After 72 hours a row turns amber. Misuse is reported to the shared ledger, after a question: it cannot be taken back.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'
import type { EmergencyRow } from './staff-area.ts'

const LATE_MS = 72 * 3_600_000
const VERDICTS = ['justified', 'follow-up', 'misuse'] as const

export function Emergencies(): ReactNode {
  const { t } = useWords()
  const found = useQuery(queries.emergencies)
  useTitle(t('staff.nav.emergencies'))
  return (
    <>
      <h1>{t('staff.nav.emergencies')}</h1>
      {found.isPending ? <Loading rows={3} /> : undefined}
      {found.isError ? <StaffProblem error={found.error} again={found.refetch} /> : undefined}
      {found.data === undefined ? undefined : found.data.length === 0 ? (
        <div className="th-empty">{t('staff.emergencies.none')}</div>
      ) : (
        found.data.map((one) => <Row key={one.emergency} row={one} />)
      )}
    </>
  )
}

function Row({ row }: { readonly row: EmergencyRow }): ReactNode {
  const { t, moment } = useWords()
  const cache = useQueryClient()
  const [note, setNote] = useState('')
  const [isAsking, setIsAsking] = useState(false)
  const review = useMutation({
    mutationFn: (verdict: (typeof VERDICTS)[number]) => staff.review(row.emergency, verdict, note),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['staff'] })
      setIsAsking(false)
    },
  })
  const isLate = row.review === undefined && Date.now() - row.openedMs > LATE_MS
  const title = t('staff.emergency.title', { doctor: row.doctorName ?? row.doctor, patient: row.patientName })
  return (
    <section className="th-card" aria-label={title} data-tone={isLate ? 'wait' : 'none'}>
      <h2>{title}</h2>
      <p>
        {t('staff.emergency.line', {
          opened: moment(row.openedMs),
          until: moment(row.closedMs ?? row.untilMs),
          reason: t(`staff.reason.${row.reason}`),
          text: row.text,
        })}
      </p>
      {isLate ? (
        <p className="th-state" data-tone="wait">
          <IconAlertTriangle size={16} aria-hidden />
          {t('staff.emergency.late')}
        </p>
      ) : undefined}
      {row.review === undefined ? undefined : <Reviewed review={row.review} />}
      {row.review === undefined || row.review.verdict === 'follow-up' ? (
        <>
          <TextInput
            label={t('staff.emergency.note')}
            value={note}
            mb="sm"
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {review.isError ? <StaffProblem error={review.error} /> : undefined}
          {isAsking ? (
            <div className="th-card">
              <p>{t('staff.misuse.ask', { doctor: row.doctorName ?? row.doctor })}</p>
              <div className="th-actions">
                <Button size="sm" color="bad" loading={review.isPending} onClick={() => review.mutate('misuse')}>
                  {t('staff.verdict.misuse')}
                </Button>
                <Button size="sm" variant="default" disabled={review.isPending} onClick={() => setIsAsking(false)}>
                  {t('staff.misuse.keep')}
                </Button>
              </div>
            </div>
          ) : (
            <div className="th-actions">
              {VERDICTS.map((verdict) => (
                <Button
                  key={verdict}
                  size="sm"
                  variant="default"
                  loading={review.isPending}
                  onClick={() => (verdict === 'misuse' ? setIsAsking(true) : review.mutate(verdict))}
                >
                  {t(`staff.verdict.${verdict}`)}
                </Button>
              ))}
            </div>
          )}
        </>
      ) : undefined}
    </section>
  )
}

function Reviewed({ review }: { readonly review: NonNullable<EmergencyRow['review']> }): ReactNode {
  const { t, moment } = useWords()
  const { verdict, by, timeMs, note, reportTx } = review
  return (
    <div role="status">
      <p>
        {t('staff.emergency.reviewed', {
          verdict: t(`staff.verdict.done.${verdict}`),
          by,
          moment: moment(timeMs),
        })}{' '}
        {note}
      </p>
      {reportTx === undefined ? undefined : (
        <p>
          {t('staff.misuse.recorded')} <code>{reportTx.slice(0, 16)}…</code>{' '}
          <CopyText text={reportTx} label={t('staff.misuse.copy')} />
        </p>
      )}
    </div>
  )
}
