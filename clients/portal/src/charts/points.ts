/**
 * Points of plots over time.
 *
 * @module
 */
import type { Flag } from '../fhir/read.ts'

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

/** One measurement of blood pressure: both numbers of the same record. */
export interface PressurePoint {
  readonly upper: LabPoint
  readonly lower: LabPoint
}
