/**
 * Blood pressure over time: one bar for each measurement, from the lower to the upper number, and the usual range of each.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { ChartFrame, spanOf } from './chart-frame.tsx'
import { Band } from './lab-chart.tsx'
import type { LabPoint, PressurePoint } from './points.ts'

interface PressureChartProps {
  readonly title: string
  readonly points: readonly PressurePoint[]
  readonly unit: string
  readonly patientName: string
}

const BAR = 8

/** A range "up to" of the upper number is drawn from where the lower number's ends: two bands that can be told apart. */
function aboveLower(upper: LabPoint, lower: LabPoint): Pick<LabPoint, 'low' | 'high'> {
  const low = upper.low ?? lower.high
  return { ...(low === undefined ? {} : { low }), ...(upper.high === undefined ? {} : { high: upper.high }) }
}

export function PressureChart({ title, points, unit, patientName }: PressureChartProps): ReactNode {
  const { t, date } = useWords()
  const times = points.map(({ upper }) => upper.timeMs)
  const at = (i: number) => points[i] as PressurePoint
  const flagOf = ({ upper, lower }: PressurePoint) =>
    t('chart.pressure.flags', { upper: t(`value.flag.${upper.flag}`), lower: t(`value.flag.${lower.flag}`) })
  return (
    <ChartFrame
      title={title}
      unit={unit}
      patientName={patientName}
      times={times}
      values={points.flatMap(({ upper, lower }) =>
        [upper, lower].flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]),
      )}
      detailOf={(i) =>
        t('chart.point', {
          value: `${at(i).upper.text}/${at(i).lower.text} ${unit}`,
          flag: flagOf(at(i)),
          date: date(at(i).upper.timeMs),
        })
      }
      legend={t('chart.pressure.legend')}
      columns={[
        { name: t('chart.pressure.upper'), isNumber: true },
        { name: t('chart.pressure.lower'), isNumber: true },
        { name: t('chart.column.flag'), isNumber: false },
      ]}
      cellsOf={(i) => [`${at(i).upper.text} ${unit}`, `${at(i).lower.text} ${unit}`, flagOf(at(i))]}
    >
      {(plot) => (
        <>
          {points.map(({ upper, lower }, i) => {
            const span = spanOf(times, i, plot)
            return (
              <g key={i} className="th-chart-bands">
                <Band point={aboveLower(upper, lower)} span={span} plot={plot} />
                <Band point={lower} span={span} plot={plot} />
              </g>
            )
          })}
          {points.map(({ upper, lower }, i) => {
            const from = plot.y(upper.value)
            return (
              <g
                key={`${upper.record} ${upper.timeMs}`}
                transform={`translate(${plot.x(upper.timeMs)} ${from})`}
                className="th-chart-point th-chart-bar"
                data-chosen={i === plot.chosen}
                onClick={() => plot.choose(i)}
              >
                <rect x={-BAR / 2} width={BAR} height={Math.max(plot.y(lower.value) - from, 1)} rx={2} />
              </g>
            )
          })}
        </>
      )}
    </ChartFrame>
  )
}
