/**
 * The last results as a small line on a true time axis, the usual range as a band. The number and its flag stand beside it.
 *
 * @module
 */
import type { ReactNode } from 'react'

const WIDTH = 96
const HEIGHT = 24
const EDGE = 3

interface SparklineProps {
  readonly label: string
  /** Oldest first. */
  readonly points: readonly { readonly timeMs: number; readonly value: number }[]
  readonly low: number | undefined
  readonly high: number | undefined
}

export function Sparkline({ label, points, low, high }: SparklineProps): ReactNode {
  if (points.length === 0) return undefined
  const values = [
    ...points.map(({ value }) => value),
    ...(low === undefined ? [] : [low]),
    ...(high === undefined ? [] : [high]),
  ]
  const times = points.map(({ timeMs }) => timeMs)
  const scale = (value: number, all: readonly number[], size: number) => {
    const least = Math.min(...all)
    const span = Math.max(...all) - least
    return span === 0 ? size / 2 : EDGE + ((value - least) / span) * (size - 2 * EDGE)
  }
  const x = (timeMs: number) => scale(timeMs, times, WIDTH)
  const y = (value: number) => HEIGHT - scale(value, values, HEIGHT)
  // Without a limit the usual range goes on to the edge.
  const top = high === undefined ? 0 : y(high)
  const bottom = low === undefined ? HEIGHT : y(low)
  const last = points.at(-1)
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={label} className="th-spark">
      {low === undefined && high === undefined ? undefined : (
        <rect
          x={0}
          y={Math.min(top, bottom)}
          width={WIDTH}
          height={Math.max(Math.abs(bottom - top), 1)}
          fill="var(--th-band)"
        />
      )}
      <polyline
        points={points.map(({ timeMs, value }) => `${x(timeMs)},${y(value)}`).join(' ')}
        fill="none"
        stroke="var(--th-series1)"
        strokeWidth={1.5}
      />
      {last === undefined ? undefined : (
        <circle cx={x(last.timeMs)} cy={y(last.value)} r={2.5} fill="var(--th-series1)" />
      )}
    </svg>
  )
}
