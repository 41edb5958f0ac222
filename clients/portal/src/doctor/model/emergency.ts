/**
 * Rules of the sheet for emergency access: what must be given, why it is closed, and when the remaining time is said aloud.
 *
 * @module
 */
export const EMERGENCY_REASONS = ['unconscious', 'danger-to-life', 'danger-to-others', 'other'] as const
export type EmergencyReasonCode = (typeof EMERGENCY_REASONS)[number]

export const FEWEST_CHARACTERS = 10
/** As the record server takes it. */
export const MOST_CHARACTERS = 2_048

export interface EmergencySheet {
  readonly reason: EmergencyReasonCode | undefined
  readonly text: string
}

export type EmergencyBar =
  /** The doctor's certificate has no attribute for it. */
  | 'not-entitled'
  /** Nobody can say who may look, so nothing is opened. */
  | 'ledger-away'
  | 'server-away'

/** What is missing; empty when it can be opened. */
export function missingIn({ reason, text }: EmergencySheet): readonly ('reason' | 'text' | 'long')[] {
  const length = text.trim().length
  return [
    ...(reason === undefined ? (['reason'] as const) : []),
    ...(length < FEWEST_CHARACTERS ? (['text'] as const) : []),
    ...(text.length > MOST_CHARACTERS ? (['long'] as const) : []),
  ]
}

/** Why the sheet cannot be used at all, the worst first. */
export function barOf(facts: {
  readonly isEntitled: boolean
  readonly ledgerAnswers: boolean
  readonly serverAnswers: boolean
}): EmergencyBar | undefined {
  if (!facts.isEntitled) return 'not-entitled'
  if (!facts.ledgerAnswers) return 'ledger-away'
  if (!facts.serverAnswers) return 'server-away'
  return undefined
}

const MINUTE_MS = 60_000
/** Minutes at which the remaining time is announced. */
const ANNOUNCED = [10, 5, 1] as const

export interface Countdown {
  readonly leftMs: number
  readonly isOver: boolean
  /** `3:59:07`. */
  readonly clock: string
  /** Minutes to announce now: the smallest mark that was passed; undefined before the first. */
  readonly mark: number | undefined
}

export function countdownOf(untilMs: number, nowMs: number): Countdown {
  const leftMs = Math.max(0, untilMs - nowMs)
  const seconds = Math.ceil(leftMs / 1000)
  const pad = (value: number) => String(value).padStart(2, '0')
  const clock = `${Math.floor(seconds / 3_600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`
  const mark = ANNOUNCED.findLast((minutes) => leftMs <= minutes * MINUTE_MS)
  return { leftMs, isOver: leftMs === 0, clock, mark: leftMs === 0 ? undefined : mark }
}
