/**
 * The registered time claims of statements: whole seconds (RFC 7519 §2), while all other times are milliseconds
 * (docs/decisions/0007).
 *
 * @module
 */
import { uint } from './shape.ts'

export const SECONDS_PER_DAY = 86_400

/** Up to the end of the year 9999, so that milliseconds stay safe integers. */
export const numericDateShape = uint({ max: 253_402_300_799 })

export interface Period {
  readonly nbf: number
  readonly exp: number
}

/** A period has a beginning before its end; the beginning belongs to it, the end does not. */
export function isPeriod({ nbf, exp }: Period): boolean {
  return nbf < exp
}
export function isNotYet({ nbf }: Period, nowMs: number): boolean {
  return !(nowMs >= nbf * 1_000)
}
export function isOver({ exp }: Period, nowMs: number): boolean {
  return !(nowMs < exp * 1_000)
}
