/**
 * One patient: a banner that stays, the records by kind, and the form to write, which stays open beside them. An emergency
 * access puts a red frame and the remaining time around it.
 *
 * @module
 */
import { Button, SegmentedControl } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { useSearchParams } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { bornText, numberText } from './born.ts'
import { Chart } from './chart.tsx'
import type { EmergencyLine, PatientRow } from './doctor-area.ts'
import { countdownOf } from './model/emergency.ts'
import { PermissionText } from './permission-text.tsx'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { doctor, queries } from './queries.ts'
import { VIEWS } from './views.ts'
import { Write } from './write.tsx'

export function Patient({ patient }: { readonly patient: string }): ReactNode {
  const { t } = useWords()
  const found = useQuery(queries.patient(patient))
  const [params, setParams] = useSearchParams()
  const asked = params.get('view')
  const view = VIEWS.find((one) => one === asked) ?? 'all'
  useTitle(found.data === undefined ? t('doctor.patient.title') : t('doctor.patient.page', { name: found.data.name }))
  const mayRead = found.data?.permission.state === 'holds' || found.data?.emergency !== undefined
  const records = useQuery({ ...queries.records(patient), enabled: mayRead })
  const facts = useQuery({ ...queries.banner(patient), enabled: mayRead })
  if (found.isPending || (mayRead && isFirstAnswerAwaited(records, facts))) return <Loading />
  if (found.isError) return <Problem error={found.error} again={found.refetch} />
  const row = found.data
  const { emergency } = row
  // A record is written under a permission of the patient; an emergency access only opens.
  const mayWrite = row.permission.state === 'holds'
  return (
    <div className={emergency === undefined ? undefined : 'th-emergency-frame'}>
      <Banner row={row} mayRead={mayWrite || emergency !== undefined} />
      {emergency === undefined ? undefined : <EmergencyBar emergency={emergency} patient={patient} />}
      {row.permission.state === 'ended' || row.permission.state === 'taken-back' ? (
        <div className="th-banner" data-tone="wait" role="status">
          <PermissionText permission={row.permission} /> {t('doctor.patient.ended')}
        </div>
      ) : undefined}
      <div className="th-work" data-columns="2">
        <section aria-labelledby="chart">
          <h2 id="chart">{t('doctor.chart.title')}</h2>
          <SegmentedControl
            aria-label={t('doctor.chart.view')}
            value={view}
            onChange={(next) => setParams(next === 'all' ? {} : { view: next }, { replace: true })}
            data={VIEWS.map((one) => ({ value: one, label: t(`doctor.view.${one}`) }))}
          />
          <Chart patient={patient} view={view} mayWrite={mayWrite} />
        </section>
        {mayWrite ? (
          <Write patient={patient} name={row.name} draft={params.get('draft') ?? undefined} isGroup={row.isGroup} />
        ) : emergency === undefined ? undefined : (
          <p className="th-dimmed">{t('doctor.emergency.readonly')}</p>
        )}
      </div>
    </div>
  )
}

/** Label before value; what no record says is "Not known". */
function Banner({ row, mayRead }: { readonly row: PatientRow; readonly mayRead: boolean }): ReactNode {
  const words = useWords()
  const { t, list } = words
  const facts = useQuery({ ...queries.banner(row.patient), enabled: mayRead })
  const { name, birthDate = row.birthDate, sex, allergies } = facts.data ?? {}
  const unknown = t('doctor.banner.unknown')
  const values = [
    { label: 'born', value: bornText(words, birthDate) },
    { label: 'sex', value: sex === undefined ? unknown : t(`doctor.sex.${sex}`) },
    { label: 'number', value: numberText(row.patient) },
    { label: 'allergies', value: allergies === undefined ? unknown : list(allergies) },
  ]
  return (
    <div className="th-patient-banner">
      <h1>{name ?? row.name}</h1>
      {values.map(({ label, value }) => (
        <span key={label}>
          <span className="th-dimmed">{t(`doctor.banner.${label}`)}</span> {value}
        </span>
      ))}
      <PermissionText permission={row.permission} />
    </div>
  )
}

const SECOND_MS = 1_000

function EmergencyBar({
  emergency,
  patient,
}: {
  readonly emergency: EmergencyLine
  readonly patient: string
}): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), SECOND_MS)
    return () => clearInterval(timer)
  }, [])
  const close = useMutation({
    mutationFn: () => doctor.closeEmergency(emergency.id),
    onSuccess: () => {
      cache.removeQueries({ queryKey: ['doctor', 'records', patient] })
      return cache.invalidateQueries({ queryKey: ['doctor'] })
    },
  })
  const { clock, mark } = countdownOf(emergency.untilMs, nowMs)
  return (
    <div className="th-banner" data-tone="bad">
      <span>
        <b>{t('doctor.emergency.running')}</b> {t('doctor.emergency.left', { clock })}
      </span>
      <span className="th-hidden" role="status">
        {mark === undefined ? '' : t('doctor.emergency.minutes', { minutes: mark })}
      </span>
      <Button size="xs" color="bad" loading={close.isPending} onClick={() => close.mutate()}>
        {t('doctor.emergency.close')}
      </Button>
      {close.isError ? <Problem error={close.error} /> : undefined}
    </div>
  )
}
