/**
 * Results of one kind over time, from records that were read and checked.
 *
 * @module
 */
import {
  codeKeyOf,
  dateTextOf,
  isWrittenInError,
  measuredOf,
  timeOf,
  type Measured,
  type Resource,
} from '../fhir/read.ts'
import type { LabPoint, PressurePoint } from '../charts/points.ts'

export interface Series {
  readonly name: string
  readonly unit: string
  readonly points: readonly LabPoint[]
}

/** Systolic and diastolic pressure: FHIR R4, profile of blood pressure. */
const UPPER = '8480-6'
const LOWER = '8462-4'

/** What of a record is asked here. */
export interface HistoryRecord {
  readonly recordId: string
  readonly resource: Resource
  readonly report: { readonly checks: readonly { readonly result: string }[] }
  readonly asksFirst: boolean
}

export interface History {
  /** Measurements of blood pressure, both numbers of one record; these are not among `series`. */
  readonly pressure: readonly PressurePoint[]
  /** One for each name and unit: units are never converted. */
  readonly series: readonly Series[]
  /** Records that give no point: not to be relied on, written in error, without a number or a day. */
  readonly left: number
  /** Records that ask before they are opened; their points are among the others. */
  readonly asking: readonly string[]
}

export function historyOf(code: string, records: readonly HistoryRecord[]): History {
  const series = new Map<string, { name: string; unit: string; points: LabPoint[] }>()
  const pressure: PressurePoint[] = []
  let left = 0
  for (const { resource, report, recordId } of records) {
    if (codeKeyOf(resource) !== code) continue
    const timeMs = timeOf(dateTextOf(resource))
    const isBad = isWrittenInError(resource) || report.checks.some(({ result }) => result === 'fail')
    const measured = measuredOf(resource).filter(({ number }) => number !== undefined)
    if (isBad || Number.isNaN(timeMs) || measured.length === 0) {
      left++
      continue
    }
    const pointOf = ({ unit, number, text, low, high, flag }: Measured): LabPoint => ({
      timeMs,
      value: number as number,
      text,
      unit,
      flag,
      record: recordId,
      ...(low === undefined ? {} : { low }),
      ...(high === undefined ? {} : { high }),
    })
    const upper = measured.find(({ loinc }) => loinc === UPPER)
    const lower = measured.find(({ loinc }) => loinc === LOWER)
    const isPressure = upper !== undefined && lower !== undefined && upper.unit === lower.unit
    if (isPressure) pressure.push({ upper: pointOf(upper), lower: pointOf(lower) })
    for (const one of measured) {
      if (isPressure && (one === upper || one === lower)) continue
      const { name, unit } = one
      const key = `${name}\0${unit}`
      const found = series.get(key) ?? { name, unit, points: [] }
      series.set(key, found)
      found.points.push(pointOf(one))
    }
  }
  for (const { points } of series.values()) points.sort((a, b) => a.timeMs - b.timeMs)
  const asking = records.filter(({ asksFirst }) => asksFirst).map(({ recordId }) => recordId)
  pressure.sort((a, b) => a.upper.timeMs - b.upper.timeMs)
  return { series: [...series.values()], pressure, left, asking }
}
