/**
 * Whether a doctor may open a patient's records now, by what the ledger says, and what a row of the day says of it.
 * The record server decides again at every request: this is for people, not the lock.
 *
 * @module
 */
import type { PatientPolicy } from '../../../../../shared/ledger-model/src/index.ts'

export type PermissionState =
  /** `days` until it ends, rounded up; `kinds` of a grant, all with `*`. */
  | { readonly state: 'holds'; readonly untilMs: number; readonly days: number; readonly kinds: readonly string[] }
  | { readonly state: 'later'; readonly fromMs: number }
  | { readonly state: 'ended'; readonly endedMs: number }
  | { readonly state: 'taken-back'; readonly takenBackMs: number }
  /** Nothing names this doctor: the patient has not answered. */
  | { readonly state: 'waiting' }
  | { readonly state: 'suspended' }

const DAY_MS = 86_400_000

interface Span {
  readonly nbfMs: number
  readonly expMs: number
  readonly revokedMs: number | null
  readonly kinds: readonly string[]
}

/** The best that the policy gives `doctor`: what holds and ends last; else what comes next; else what ended last. */
export function permissionOf(policy: PatientPolicy | undefined, doctor: string, nowMs: number): PermissionState {
  if (policy === undefined) return { state: 'waiting' }
  if (policy.status !== 'active' || policy.suspended.some((ref) => ref === doctor)) {
    return policy.status === 'unknown' ? { state: 'waiting' } : { state: 'suspended' }
  }
  const spans = spansOf(policy, doctor)
  const standing = spans.filter(({ revokedMs }) => revokedMs === null)
  const holding = standing.filter(({ nbfMs, expMs }) => nbfMs <= nowMs && nowMs < expMs)
  const last = latest(holding, ({ expMs }) => expMs)
  if (last !== undefined) {
    const { expMs, kinds } = last
    return { state: 'holds', untilMs: expMs, days: Math.ceil((expMs - nowMs) / DAY_MS), kinds }
  }
  const next = latest(
    standing.filter(({ nbfMs }) => nbfMs > nowMs),
    ({ nbfMs }) => -nbfMs,
  )
  if (next !== undefined) return { state: 'later', fromMs: next.nbfMs }
  const over = latest(spans, endOf)
  if (over === undefined) return { state: 'waiting' }
  return over.revokedMs !== null && over.revokedMs < over.expMs
    ? { state: 'taken-back', takenBackMs: over.revokedMs }
    : { state: 'ended', endedMs: over.expMs }
}

function spansOf({ warrants, grants }: PatientPolicy, doctor: string): readonly Span[] {
  return [
    ...warrants
      .filter(({ doctors }) => doctors.some((ref) => ref === doctor))
      .map(({ nbfMs, expMs, revokedMs }) => ({ nbfMs, expMs, revokedMs, kinds: ['*'] })),
    ...grants
      .filter(({ grantee, suspended }) => grantee === doctor && !suspended)
      .map(({ nbfMs, expMs, revokedMs, scope }) => ({ nbfMs, expMs, revokedMs, kinds: scope })),
  ]
}

function endOf({ expMs, revokedMs }: Span): number {
  return revokedMs === null ? expMs : Math.min(expMs, revokedMs)
}

function latest<T>(items: readonly T[], by: (item: T) => number): T | undefined {
  return items.toSorted((a, b) => by(b) - by(a))[0]
}
