/**
 * Numbers over time: line and points on a true time axis, the usual range of each result as a band, flags by shape and word.
 *
 * @module
 */
import type { ReactNode } from 'react'
import type { Flag } from '../fhir/read.ts'
import { useWords } from '../i18n/i18n.tsx'
import { ChartFrame, spanOf, type Plot } from './chart-frame.tsx'
import type { LabPoint } from './points.ts'

interface LabChartProps {
  readonly title: string
  readonly points: readonly LabPoint[]
  readonly unit: string
  readonly patientName: string
}

/** No line across a longer gap: nobody knows what was in between. */
const MAX_GAP_MS = 550 * 86_400_000

export function LabChart({ title, points, unit, patientName }: LabChartProps): ReactNode {
  const { t, date } = useWords()
  const times = points.map(({ timeMs }) => timeMs)
  return (
    <ChartFrame
      title={title}
      unit={unit}
      patientName={patientName}
      times={times}
      values={points.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value])}
      detailOf={(i) => {
        const { text, flag, timeMs } = points[i] as LabPoint
        return t('chart.point', { value: `${text} ${unit}`, flag: t(`value.flag.${flag}`), date: date(timeMs) })
      }}
      legend={t('chart.legend')}
      columns={[
        { name: t('chart.column.value'), isNumber: true },
        { name: t('chart.column.flag'), isNumber: false },
      ]}
      cellsOf={(i) => {
        const { text, flag } = points[i] as LabPoint
        return [`${text} ${unit}`, t(`value.flag.${flag}`)]
      }}
    >
      {(plot) => (
        <>
          {points.map((point, i) => (
            <Band key={i} point={point} span={spanOf(times, i, plot)} plot={plot} />
          ))}
          {points.slice(1).map((to, i) => {
            const from = points[i] as LabPoint
            if (to.timeMs - from.timeMs > MAX_GAP_MS || to.unit !== from.unit) return undefined
            return (
              <line
                key={`${to.record} ${to.timeMs}`}
                className="th-chart-line"
                x1={plot.x(from.timeMs)}
                y1={plot.y(from.value)}
                x2={plot.x(to.timeMs)}
                y2={plot.y(to.value)}
              />
            )
          })}
          {points.map((one, i) => (
            <g
              key={`${one.record} ${one.timeMs}`}
              transform={`translate(${plot.x(one.timeMs)} ${plot.y(one.value)})`}
              className="th-chart-point"
              data-chosen={i === plot.chosen}
              onClick={() => plot.choose(i)}
            >
              <Mark flag={one.flag} />
            </g>
          ))}
        </>
      )}
    </ChartFrame>
  )
}

function Mark({ flag }: { readonly flag: Flag }): ReactNode {
  if (flag === 'high' || flag === 'critical-high') return <path d="M0 -7 L7 6 L-7 6 Z" />
  if (flag === 'low' || flag === 'critical-low') return <path d="M0 7 L7 -6 L-7 -6 Z" />
  return <circle r={5} />
}

interface BandProps {
  readonly point: Pick<LabPoint, 'low' | 'high'>
  readonly span: { readonly x: number; readonly width: number }
  readonly plot: Plot
}

/** The usual range of one result. */
export function Band({ point, span, plot }: BandProps): ReactNode {
  const { y, bottom, top } = plot
  if (point.low === undefined && point.high === undefined) return undefined
  const upper = y(Math.min(point.high ?? top, top))
  const lower = y(Math.max(point.low ?? bottom, bottom))
  return <rect className="th-chart-band" {...span} y={upper} height={Math.max(lower - upper, 0)} />
}
