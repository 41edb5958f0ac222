/**
 * What every plot over time has: title with unit and person, a true time axis, a scale, a sentence about the chosen point,
 * a legend, and the same as a table. Drawn at the width of its place, so that text keeps its size. Arrow keys move from
 * point to point.
 *
 * @module
 */
import { useElementSize } from '@mantine/hooks'
import { scaleLinear, scaleTime } from 'd3-scale'
import { useState, type KeyboardEvent, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

/** What the drawing inside needs. */
export interface Plot {
  readonly x: (timeMs: number) => number
  readonly y: (value: number) => number
  /** Lowest and highest value of the scale. */
  readonly bottom: number
  readonly top: number
  /** Width of the drawing. */
  readonly inner: number
  readonly chosen: number
  readonly choose: (point: number) => void
}

interface ChartFrameProps {
  readonly title: string
  readonly unit: string
  readonly patientName: string
  /** Of each point, oldest first. */
  readonly times: readonly number[]
  /** Everything that the scale must reach. */
  readonly values: readonly number[]
  /** One sentence about a point. */
  readonly detailOf: (point: number) => string
  readonly legend: string
  /** Names of the table's columns after the date. */
  readonly columns: readonly { readonly name: string; readonly isNumber: boolean }[]
  /** Texts of a point's cells after the date. */
  readonly cellsOf: (point: number) => readonly string[]
  readonly children: (plot: Plot) => ReactNode
}

const HEIGHT = 240
const MARGIN = { top: 24, right: 16, bottom: 32, left: 56 }
const DRAWN = HEIGHT - MARGIN.top - MARGIN.bottom
/** Marks at both ends stay inside. */
const INSET = 8
const TICKS = 4
const TICK_WIDTH = 90
/** A date at the edge is moved inside. */
const EDGE = 30

export function ChartFrame(props: ChartFrameProps): ReactNode {
  const { title, unit, patientName, times, values, detailOf, legend, columns, cellsOf, children } = props
  const { t, date, shortMonth } = useWords()
  const { ref, width } = useElementSize()
  const [chosen, setChosen] = useState(times.length - 1)
  const inner = Math.max(width - MARGIN.left - MARGIN.right, 10)
  const x = scaleTime([Math.min(...times), Math.max(...times)], [INSET, Math.max(inner - INSET, INSET)])
  const y = scaleLinear([Math.min(...values), Math.max(...values)], [DRAWN, 0]).nice(TICKS)
  const [bottom = 0, top = 0] = y.domain()
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -times.length, End: times.length }[event.key]
    if (step === undefined) return
    event.preventDefault()
    setChosen((old) => Math.min(Math.max(old + step, 0), times.length - 1))
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
                y={DRAWN + 20}
                textAnchor={x(tick) < EDGE ? 'start' : x(tick) > inner - EDGE ? 'end' : 'middle'}
              >
                {shortMonth(tick.getTime())}
              </text>
            ))}
            {children({ x, y, bottom, top, inner, chosen, choose: setChosen })}
          </g>
        </svg>
      </div>
      <p role="status" className="th-chart-detail">
        {chosen < times.length ? detailOf(chosen) : undefined}
      </p>
      <p className="th-dimmed th-legend">{legend}</p>
      <details className="th-details">
        <summary>{t('chart.table')}</summary>
        <table className="th-table">
          <caption className="th-hidden">{t('chart.caption', { title, unit, name: patientName })}</caption>
          <thead>
            <tr>
              <th scope="col">{t('chart.column.date')}</th>
              {columns.map(({ name, isNumber }) => (
                <th key={name} scope="col" className={isNumber ? 'th-number' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times
              .map((timeMs, point) => ({ timeMs, point }))
              .toReversed()
              .map(({ timeMs, point }) => (
                <tr key={point}>
                  <th scope="row">{date(timeMs)}</th>
                  {cellsOf(point).map((cell, i) => (
                    <td key={i} className={columns[i]?.isNumber === true ? 'th-number' : undefined}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

/** Where a point's own range is drawn: from half way before it to half way after it, so that it steps where it changes. */
export function spanOf(times: readonly number[], point: number, { x, inner }: Pick<Plot, 'x' | 'inner'>) {
  const at = x(times[point] ?? 0)
  const before = times[point - 1]
  const after = times[point + 1]
  const from = before === undefined ? 0 : (x(before) + at) / 2
  const to = after === undefined ? inner : (at + x(after)) / 2
  return { x: from, width: Math.max(to - from, 0) }
}
