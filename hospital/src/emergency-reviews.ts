/**
 * What staff found when they looked at an emergency access: one verdict each, by whom and when; never changed, the next
 * one is put after it.
 *
 * @module
 */
import type { HospitalDatabase } from './database.ts'

export const VERDICTS = ['justified', 'follow-up', 'misuse'] as const
export type Verdict = (typeof VERDICTS)[number]

export interface EmergencyReview {
  readonly emergency: string
  readonly verdict: Verdict
  readonly note: string
  readonly by: string
  readonly timeMs: number
  /** Ledger transaction of the report of misuse. */
  readonly reportTx?: string
}

export class EmergencyReviews {
  readonly #db: HospitalDatabase

  constructor(db: HospitalDatabase) {
    this.#db = db
  }

  add({ emergency, verdict, note, by, timeMs, reportTx }: EmergencyReview): void {
    this.#db
      .prepare('INSERT INTO emergency_review VALUES (?, ?, ?, ?, ?, ?)')
      .run(emergency, verdict, note, by, timeMs, reportTx ?? null)
  }

  /** The newest. */
  find(emergency: string): EmergencyReview | undefined {
    const row = this.#db
      .prepare('SELECT * FROM emergency_review WHERE emergency = ? ORDER BY rowid DESC LIMIT 1')
      .get(emergency) as
      (Omit<EmergencyReview, 'timeMs' | 'reportTx'> & { time_ms: number; report_tx: string | null }) | undefined
    if (row === undefined) return undefined
    const { time_ms: timeMs, report_tx: reportTx, ...rest } = row
    return { ...rest, timeMs, ...(reportTx === null ? {} : { reportTx }) }
  }
}
