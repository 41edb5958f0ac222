/**
 * All results of one kind over time: every point is a record that was read and checked here; one that must not be relied
 * on gives no point.
 *
 * @module
 */
import { queryOptions, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { LabPoint } from '../charts/points.ts'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { wasOpened, type Choice } from './choices.ts'
import { patient } from './queries.ts'

/** Results and the plots they need come together, so that what stands below moves once. */
export const historyQuery = (code: string) =>
  queryOptions({
    queryKey: ['patient', 'history', code],
    queryFn: async () => {
      const [history, { LabChart }, { PressureChart }] = await Promise.all([
        patient.history(code),
        import('../charts/lab-chart.tsx'),
        import('../charts/pressure-chart.tsx'),
      ])
      return { ...history, LabChart, PressureChart }
    },
    structuralSharing: false,
  })

interface LabHistoryProps {
  /** Of `codeKeyOf`. */
  readonly code: string
  readonly title: string
  readonly patientName: string
  /** The record on the page. */
  readonly current: string
  readonly choices: readonly Choice[]
}

export function LabHistory({ code, title, patientName, current, choices }: LabHistoryProps): ReactNode {
  const { t, date } = useWords()
  const history = useQuery(historyQuery(code))
  if (history.isPending) return <Loading rows={1} />
  if (history.isError) return undefined
  const { series, left, asking, LabChart, PressureChart } = history.data
  const isClosed = (record: string) => asking.includes(record) && !wasOpened(choices, record)
  const shown = series
    .map((one) => ({ ...one, points: one.points.filter(({ record }) => !isClosed(record)) }))
    .filter(({ points }) => points.length > 1)
  const pressure = history.data.pressure.filter(({ upper }) => !isClosed(upper.record))
  const pressureUnit = pressure[0]?.upper.unit ?? ''
  const hasPressure = pressure.length > 1 && pressure.every(({ upper }) => upper.unit === pressureUnit)
  if (shown.length === 0 && !hasPressure) return <p className="th-dimmed">{t('chart.single')}</p>
  return (
    <section aria-label={t('chart.section')} data-record={current}>
      <h2>{t('chart.section')}</h2>
      {hasPressure ? (
        <PressureChart title={title} unit={pressureUnit} points={pressure} patientName={patientName} />
      ) : undefined}
      {shown.map(({ name, unit, points }) => (
        <div key={`${name} ${unit}`}>
          <p>{summary(t, date, points)}</p>
          <LabChart title={shown.length > 1 ? name : title} unit={unit} points={points} patientName={patientName} />
        </div>
      ))}
      {left === 0 ? undefined : <p className="th-dimmed">{t('chart.left', { count: left })}</p>}
    </section>
  )
}

function summary(
  t: (key: string, values?: Record<string, string | number>) => string,
  date: (timeMs: number) => string,
  points: readonly LabPoint[],
): string {
  const first = points[0] as LabPoint
  const last = points.at(-1) as LabPoint
  const numbers = points.map(({ value }) => value)
  return t('chart.summary', {
    count: points.length,
    from: date(first.timeMs),
    to: date(last.timeMs),
    lowest: Math.min(...numbers),
    highest: Math.max(...numbers),
    last: `${last.text} ${last.unit}`,
    trend: last.value > first.value ? 'up' : last.value < first.value ? 'down' : 'same',
  })
}
