/**
 * Numbers over time: line and points on a true time axis, the usual range of each result as a band, flags by shape and word.
 * Drawn at the width of its place, so that text keeps its size. Arrow keys move from point to point.
 *
 * @module
 */
import { useElementSize } from '@mantine/hooks'
import { scaleLinear, scaleTime } from 'd3-scale'
import { useState, type KeyboardEvent, type ReactNode } from 'react'
import type { Flag } from '../fhir/read.ts'
import { useWords } from '../i18n/i18n.tsx'

export interface LabPoint {
  readonly timeMs: number
  readonly value: number
  readonly text: string
  readonly unit: string
  readonly low?: number
  readonly high?: number
  readonly flag: Flag
  readonly record: string
}

interface LabChartProps {
  readonly title: string
  readonly points: readonly LabPoint[]
  readonly unit: string
  readonly patientName: string
}

const HEIGHT = 240
const MARGIN = { top: 24, right: 16, bottom: 32, left: 56 }
/** No line across a longer gap: nobody knows what was in between. */
const MAX_GAP_MS = 550 * 86_400_000
const TICKS = 4
const TICK_WIDTH = 90

export function LabChart({ title, points, unit, patientName }: LabChartProps): ReactNode {
  const { t, date, shortMonth } = useWords()
  const { ref, width } = useElementSize()
  const [chosen, setChosen] = useState(points.length - 1)
  const values = points.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value])
  const times = points.map(({ timeMs }) => timeMs)
  const inner = Math.max(width - MARGIN.left - MARGIN.right, 10)
  const x = scaleTime([Math.min(...times), Math.max(...times)], [0, inner])
  const y = scaleLinear([Math.min(...values), Math.max(...values)], [HEIGHT - MARGIN.top - MARGIN.bottom, 0]).nice(
    TICKS,
  )
  const point = points[chosen]
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -points.length, End: points.length }[event.key]
    if (step === undefined) return
    event.preventDefault()
    setChosen((old) => Math.min(Math.max(old + step, 0), points.length - 1))
  }
  return (
    <figure className="th-chart">
      <figcaption>{t('chart.caption', { title, unit, name: patientName })}</figcaption>
      <div
        ref={ref}
        className="th-chart-area"
        tabIndex={0}
        role="group"
        aria-label={t('chart.keys', { title })}
        onKeyDown={move}
      >
        <svg width={width} height={HEIGHT} aria-hidden>
          <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
            {bands(points, x, inner, y)}
            {y.ticks(TICKS).map((tick) => (
              <g key={tick} transform={`translate(0 ${y(tick)})`}>
                <line x2={inner} className="th-chart-grid" />
                <text x={-8} dy="0.32em" textAnchor="end">
                  {tick}
                </text>
              </g>
            ))}
            <text x={-MARGIN.left + 4} y={-10}>
              {unit}
            </text>
            {x.ticks(Math.max(2, Math.floor(inner / TICK_WIDTH))).map((tick) => (
              <text
                key={tick.getTime()}
                x={x(tick)}
                y={HEIGHT - MARGIN.top - MARGIN.bottom + 20}
                textAnchor={x(tick) < 30 ? 'start' : x(tick) > inner - 30 ? 'end' : 'middle'}
              >
                {shortMonth(tick.getTime())}
              </text>
            ))}
            {points.slice(1).map((to, i) => {
              const from = points[i] as LabPoint
              if (to.timeMs - from.timeMs > MAX_GAP_MS || to.unit !== from.unit) return undefined
              return (
                <line
                  key={`${to.record} ${to.timeMs}`}
                  className="th-chart-line"
                  x1={x(from.timeMs)}
                  y1={y(from.value)}
                  x2={x(to.timeMs)}
                  y2={y(to.value)}
                />
              )
            })}
            {points.map((one, i) => (
              <g
                key={`${one.record} ${one.timeMs}`}
                transform={`translate(${x(one.timeMs)} ${y(one.value)})`}
                className="th-chart-point"
                data-chosen={i === chosen}
                onClick={() => setChosen(i)}
              >
                <Mark flag={one.flag} />
              </g>
            ))}
          </g>
        </svg>
      </div>
      <p role="status" className="th-chart-detail">
        {point === undefined
          ? undefined
          : t('chart.point', {
              value: `${point.text} ${point.unit}`,
              flag: t(`value.flag.${point.flag}`),
              date: date(point.timeMs),
            })}
      </p>
      <p className="th-dimmed th-legend">{t('chart.legend')}</p>
      <details className="th-details">
        <summary>{t('chart.table')}</summary>
        <table className="th-table">
          <caption className="th-hidden">{t('chart.caption', { title, unit, name: patientName })}</caption>
          <thead>
            <tr>
              <th scope="col">{t('chart.column.date')}</th>
              <th scope="col" className="th-number">
                {t('chart.column.value')}
              </th>
              <th scope="col">{t('chart.column.flag')}</th>
            </tr>
          </thead>
          <tbody>
            {points.toReversed().map((one) => (
              <tr key={`${one.record} ${one.timeMs}`}>
                <th scope="row">{date(one.timeMs)}</th>
                <td className="th-number">{`${one.text} ${one.unit}`}</td>
                <td>{t(`value.flag.${one.flag}`)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

function Mark({ flag }: { readonly flag: Flag }): ReactNode {
  if (flag === 'high' || flag === 'critical-high') return <path d="M0 -7 L7 6 L-7 6 Z" />
  if (flag === 'low' || flag === 'critical-low') return <path d="M0 7 L7 -6 L-7 -6 Z" />
  return <circle r={5} />
}

/** The range of each result from half way before it to half way after it: it steps where the laboratory changes it. */
function bands(
  points: readonly LabPoint[],
  x: (timeMs: number) => number,
  inner: number,
  y: { (value: number): number; domain(): number[] },
): ReactNode {
  const [bottom = 0, top = 0] = y.domain()
  return points.map((one, i) => {
    const { low = bottom, high = top, timeMs, record } = one
    if (one.low === undefined && one.high === undefined) return undefined
    const before = points[i - 1]
    const after = points[i + 1]
    const from = before === undefined ? 0 : (x(before.timeMs) + x(timeMs)) / 2
    const to = after === undefined ? inner : (x(timeMs) + x(after.timeMs)) / 2
    return (
      <rect
        key={`${record} ${timeMs}`}
        className="th-chart-band"
        x={from}
        width={Math.max(to - from, 0)}
        y={y(Math.min(high, top))}
        height={Math.max(y(Math.max(low, bottom)) - y(Math.min(high, top)), 0)}
      />
    )
  })
}
