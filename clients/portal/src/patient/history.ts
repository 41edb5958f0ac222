/**
 * Results of one kind over time, from records that were read and checked.
 *
 * @module
 */
import { codeKeyOf, dateTextOf, measuredOf } from '../fhir/read.ts'
import type { LabPoint } from '../charts/lab-chart.tsx'
import type { PatientRecord } from './patient-area.ts'

export interface Series {
  readonly name: string
  readonly unit: string
  readonly points: readonly LabPoint[]
}

export interface History {
  /** One for each name and unit: units are never converted. */
  readonly series: readonly Series[]
  /** Records that give no point: not to be relied on, or without a number. */
  readonly left: number
  /** Records that ask before they are opened; their points are among the others. */
  readonly asking: readonly string[]
}

export function historyOf(code: string, records: readonly PatientRecord[]): History {
  const series = new Map<string, { name: string; unit: string; points: LabPoint[] }>()
  let left = 0
  for (const { resource, report, recordId } of records) {
    if (codeKeyOf(resource) !== code) continue
    const timeMs = Date.parse(dateTextOf(resource) ?? '')
    const isBad = report.checks.some(({ result }) => result === 'fail')
    const measured = measuredOf(resource).filter(({ number }) => number !== undefined)
    if (isBad || Number.isNaN(timeMs) || measured.length === 0) {
      left++
      continue
    }
    for (const { name, unit, number, text, low, high, flag } of measured) {
      const key = `${name}\0${unit}`
      const found = series.get(key) ?? { name, unit, points: [] }
      series.set(key, found)
      found.points.push({
        timeMs,
        value: number as number,
        text,
        unit,
        flag,
        record: recordId,
        ...(low === undefined ? {} : { low }),
        ...(high === undefined ? {} : { high }),
      })
    }
  }
  for (const { points } of series.values()) points.sort((a, b) => a.timeMs - b.timeMs)
  const asking = records.filter(({ asksFirst }) => asksFirst).map(({ recordId }) => recordId)
  return { series: [...series.values()], left, asking }
}
