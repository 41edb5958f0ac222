/**
 * The two plots that most figures are: bars side by side, and lines over a scale.
 *
 * @module
 */
import type { Plot } from './plot.ts'
import { formatNumber, type Report } from './report.ts'

export interface Bar {
  readonly group: string
  readonly series: string
  /** Left out of the plot where nothing was measured. */
  readonly value: number | undefined
}

export interface Axis {
  readonly axis: string
  readonly isLogarithmic?: boolean
  /** A line across: the aim. */
  readonly aim?: number
  /** Numbers stand over the bars. */
  readonly isNumbered?: boolean
}

export function valueOf(report: Report, id: string): number | undefined {
  return report.metrics[id]?.value
}

/** No plot if nothing of ours is there: a series whose name begins with "paper" is no measurement. */
export function barsBeside(name: string, alt: string, bars: readonly Bar[], axis: Axis): readonly Plot[] {
  const values = bars.filter(({ value }) => value !== undefined && value > 0) as readonly Required<Bar>[]
  if (!values.some(({ series }) => !series.startsWith('paper'))) return []
  const groups = [...new Set(values.map(({ group }) => group))]
  const series = [...new Set(values.map((one) => one.series))]
  const numbers = values.map(({ value }) => value as number)
  const floor = 10 ** Math.floor(Math.log10(Math.min(...numbers)))
  const x = { field: 'group', type: 'nominal', sort: groups, title: null }
  const offset = { field: 'series', sort: series }
  const y = {
    field: 'value',
    type: 'quantitative',
    title: axis.axis,
    ...(axis.isLogarithmic === true
      ? { scale: { type: 'log', domainMin: floor, base: 10 }, axis: { values: powersOfTen(numbers), format: '~s' } }
      : {}),
  }
  // Labels of groups stand side by side.
  const labels = groups.length * Math.max(...groups.map((group) => group.length)) * 6.5
  const width = Math.round(Math.min(860, Math.max(360, labels, values.length * 26 + groups.length * 14)))
  const layers: object[] = [
    {
      mark: 'bar',
      encoding: {
        x,
        xOffset: offset,
        // Bars of a logarithmic axis begin at its end.
        y: { ...y, stack: null },
        ...(axis.isLogarithmic === true ? { y2: { datum: floor } } : {}),
        color: { field: 'series', type: 'nominal', sort: series },
      },
    },
  ]
  if (axis.isNumbered !== false && values.length <= 24) {
    layers.push({
      mark: { type: 'text', dy: -6, fontSize: 10 },
      encoding: { x, xOffset: offset, y, text: { field: 'label' } },
    })
  }
  if (axis.aim !== undefined) {
    layers.push({
      data: { values: [{ aim: axis.aim }] },
      mark: { type: 'rule', strokeDash: [4, 3] },
      encoding: { y: { field: 'aim', type: 'quantitative' } },
    })
  }
  return [
    {
      name,
      alt,
      spec: {
        width,
        height: 240,
        data: { values: values.map((one) => ({ ...one, label: formatNumber(one.value as number) })) },
        layer: layers,
      },
    },
  ]
}

function powersOfTen(values: readonly number[]): readonly number[] {
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.ceil(Math.log10(Math.max(...values)))
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
}

export interface Point {
  readonly series: string
  readonly x: number
  readonly y: number
}

/** Lines over a logarithmic scale, in the order of their first points. */
export function linesOver(
  name: string,
  alt: string,
  points: readonly Point[],
  titles: { readonly x: string; readonly y: string; readonly isLogarithmic?: boolean },
): readonly Plot[] {
  if (points.length === 0) return []
  const series = [...new Set(points.map((one) => one.series))]
  return [
    {
      name,
      alt,
      spec: {
        width: 460,
        height: 240,
        data: { values: points },
        mark: 'line',
        encoding: {
          x: {
            field: 'x',
            type: 'quantitative',
            title: titles.x,
            scale: { type: 'log', nice: false },
            axis: { values: powersOfTen(points.map(({ x }) => x)), format: '~s' },
          },
          y: {
            field: 'y',
            type: 'quantitative',
            title: titles.y,
            ...(titles.isLogarithmic === true
              ? { scale: { type: 'log' }, axis: { values: powersOfTen(points.map(({ y }) => y)), format: '~s' } }
              : {}),
          },
          color: { field: 'series', type: 'nominal', sort: series },
        },
      },
    },
  ]
}
