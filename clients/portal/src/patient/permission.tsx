/**
 * A request for permission for an appointment: one sentence, three answers. This device signs it with its key.
 *
 * @module
 */
import { Button, Checkbox } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconArrowLeft, IconCheck } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { EHR_TYPES } from '../../../../shared/protocol/src/ehr-types.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { dayOf, endOf, momentOf, type Day } from '../shell/day.ts'
import { DayField } from '../shell/day-field.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { scopeText } from './kinds.ts'
import type { AppointmentLine } from './patient-area.ts'
import { patient, queries } from './queries.ts'
import { keepRefused } from './refused.ts'

const DAY_MS = 86_400_000
const BEFORE_MS = DAY_MS
const AFTER_MS = 7 * DAY_MS

export function Permission({ id, me }: { readonly id: string; readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const appointments = useQuery(queries.appointments)
  useTitle(t('permission.title'))
  if (appointments.isPending) return <Loading />
  if (appointments.isError) return <Problem error={appointments.error} again={appointments.refetch} />
  const found = appointments.data.find((one) => one.id === id)
  if (found === undefined) return <div className="th-empty">{t('permission.unknown')}</div>
  return <Request appointment={found} me={me} />
}

function Request({ appointment, me }: { readonly appointment: AppointmentLine; readonly me: IdentityCard }): ReactNode {
  const words = useWords()
  const { t, rich, date, moment, list } = words
  const cache = useQueryClient()
  const [, navigate] = useLocation()
  const { hospital, doctors, startMs, endMs } = appointment
  const [isChanging, setIsChanging] = useState(false)
  const [scope, setScope] = useState<readonly string[]>(['*'])
  const [proposed] = useState(() => ({
    fromMs: Math.min(Date.now() - 60_000, startMs - BEFORE_MS),
    untilMs: endMs + AFTER_MS,
  }))
  const [from, setFrom] = useState<Day>()
  const [until, setUntil] = useState<Day>()
  const fromMs = from === undefined ? proposed.fromMs : momentOf(from)
  const untilMs = until === undefined ? proposed.untilMs : endOf(until)
  const span = fromMs === undefined || untilMs === undefined || untilMs <= fromMs ? undefined : { fromMs, untilMs }
  const untilProblem =
    untilMs === undefined
      ? 'day.problem'
      : untilMs <= Date.now()
        ? 'day.problem.past'
        : fromMs !== undefined && span === undefined
          ? 'day.problem.order'
          : undefined
  const allow = useMutation({
    mutationFn: (times: { readonly fromMs: number; readonly untilMs: number }) =>
      patient.allow({ doctors: doctors.map(({ ref }) => ref), hospital: hospital.ref, scope, ...times }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient'] }),
  })
  if (allow.isSuccess) {
    return (
      <section className="th-narrow">
        <h1>
          <IconCheck size={28} aria-hidden /> {t('permission.done.title')}
        </h1>
        <p>
          {t('permission.done.line', {
            doctors: list(doctors.map(({ name }) => name)),
            until: date(allow.variables.untilMs),
          })}
        </p>
        <p className="th-dimmed">{t('permission.done.block', { block: allow.data.block })}</p>
        <div className="th-actions">
          <Button onClick={() => navigate('/patient')}>{t('permission.done.records')}</Button>
          <Button variant="default" onClick={() => navigate('/patient/access')}>
            {t('permission.done.access')}
          </Button>
        </div>
      </section>
    )
  }
  return (
    <section className="th-narrow">
      <Link href="/patient" className="th-back">
        <IconArrowLeft size={18} aria-hidden /> {t('record.back')}
      </Link>
      <h1>{t('permission.title')}</h1>
      <p className="th-sentence">
        {rich('permission.sentence', {
          hospital: hospital.name,
          moment: moment(startMs),
          doctors: list(doctors.map(({ name }) => name)),
          kinds: scopeText(words, scope),
          from: fromMs === undefined ? '…' : date(fromMs),
          until: untilMs === undefined || untilProblem !== undefined ? '…' : date(untilMs),
        })}
      </p>
      {isChanging ? (
        <fieldset className="th-card">
          <legend>{t('permission.change.kinds')}</legend>
          <Checkbox
            label={t('kind.all')}
            checked={scope.includes('*')}
            onChange={(event) => setScope(event.currentTarget.checked ? ['*'] : ['lab'])}
          />
          <div className="th-checkboxes">
            {EHR_TYPES.map((kind) => (
              <Checkbox
                key={kind}
                label={t(`kind.${kind}.many`)}
                checked={scope.includes('*') || scope.includes(kind)}
                disabled={scope.includes('*')}
                onChange={(event) => {
                  const next = event.currentTarget.checked ? [...scope, kind] : scope.filter((one) => one !== kind)
                  if (next.length > 0) setScope(next)
                }}
              />
            ))}
          </div>
          <DayField
            label={t('permission.change.from')}
            value={from ?? dayOf(proposed.fromMs)}
            onChange={setFrom}
            error={fromMs === undefined ? t('day.problem') : undefined}
          />
          <DayField
            label={t('permission.change.until')}
            value={until ?? dayOf(proposed.untilMs)}
            onChange={setUntil}
            error={untilProblem === undefined ? undefined : t(untilProblem)}
          />
        </fieldset>
      ) : undefined}
      {allow.isError ? <Problem error={allow.error} /> : undefined}
      <p className="th-dimmed">{t('permission.note')}</p>
      <div className="th-actions">
        <Button
          loading={allow.isPending}
          disabled={span === undefined || untilProblem !== undefined}
          onClick={() => (span === undefined ? undefined : allow.mutate(span))}
        >
          {t('permission.action.allow')}
        </Button>
        {isChanging ? undefined : (
          <Button variant="default" onClick={() => setIsChanging(true)}>
            {t('permission.action.change')}
          </Button>
        )}
        <Button
          variant="subtle"
          onClick={() => {
            keepRefused(me.id, appointment.id)
            navigate('/patient')
          }}
        >
          {t('permission.action.refuse')}
        </Button>
      </div>
      <p className="th-dimmed">{t('permission.refuse.note')}</p>
    </section>
  )
}
