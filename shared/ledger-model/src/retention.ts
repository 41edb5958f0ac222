/**
 * How long an organisation must keep what its people wrote: stated on the ledger by the organisation itself, for every
 * version of a record from the time at which it was committed. Spec: docs/protocol/07-ledger.md §7.19.
 *
 * @module
 */
import {
  list,
  type MspId,
  mspIdShape,
  optional,
  type RecordId,
  type Shape,
  struct,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { MAX_LOOKUP_COMMITMENTS, MAX_RETENTION_DAYS, MAX_RETENTION_STEPS } from './limits.ts'

/** Statements that `retention` answers. */
export const MAX_RETENTION_STATEMENTS = 1_000
const MS_PER_DAY = 86_400_000

export const retentionDaysShape = uint({ max: MAX_RETENTION_DAYS })

/** Versions that were committed at `fromMs` or later, and before the next step, are kept for so many days. */
export interface RetentionStep {
  readonly days: number
  readonly fromMs: number
}

/** What an organisation said, and when. */
export interface RetentionStatement {
  /** 0: nothing need be kept. */
  readonly days: number
  readonly timeMs: number
  readonly txId: TxId
}

/** What stands at `retention/…`: the newest statement, and what all of them come to. */
export interface RetentionState extends RetentionStatement {
  readonly mspId: MspId
  /** Oldest first. */
  readonly steps: readonly RetentionStep[]
}

/** Result of `retention`. */
export interface RetentionRecord {
  readonly mspId: MspId
  readonly steps: readonly RetentionStep[]
  /** Oldest first, the newest 1,000; none: the organisation never stated anything. */
  readonly statements: readonly RetentionStatement[]
}

const stepsShape = list(struct({ days: uint({ min: 1, max: MAX_RETENTION_DAYS }), fromMs: uint() }), {
  max: MAX_RETENTION_STEPS,
})
const statementMembers = { days: retentionDaysShape, timeMs: uint(), txId: txIdShape }

export const retentionRecordShape: Shape<RetentionRecord> = struct({
  mspId: mspIdShape,
  steps: stepsShape,
  statements: list(struct(statementMembers), { max: MAX_RETENTION_STATEMENTS }),
})

/** Result of `releaseRecord`: the organisation need not keep its versions of this record any more. */
export interface RetentionRelease {
  readonly mspId: MspId
  readonly recordId: RecordId
  /** Why, as a code. */
  readonly reason: string
  readonly timeMs: number
  readonly txId: TxId
}

/** Who must keep one version of a record, and until when. */
export interface RetainedVersion {
  /** Organisation of the author. */
  readonly mspId: MspId
  /** Unix ms, the first moment at which it may go; absent: it need not be kept. */
  readonly untilMs?: number
}

/** Result of `retainedUntil`, in the order of the places. */
export const retainedVersionsShape: Shape<readonly RetainedVersion[]> = list(
  struct({ mspId: mspIdShape, untilMs: optional(uint()) }),
  { max: MAX_LOOKUP_COMMITMENTS },
)

/**
 * What the steps are after a statement. A longer period is for what is committed from then on; a shorter one also for
 * what was committed under a longer one. So nothing that an organisation says makes it keep longer what is there.
 *
 * @param steps in the order of their times, each longer than the one before; as this function returns them.
 * @param days 0: nothing need be kept.
 */
export function withRetention(steps: readonly RetentionStep[], days: number, timeMs: number): readonly RetentionStep[] {
  const shorter = steps.filter((step) => step.days < days)
  if (days === 0) return shorter
  const since = steps[shorter.length]?.fromMs ?? Math.max(timeMs, steps.at(-1)?.fromMs ?? 0)
  return [...shorter, { days, fromMs: since }]
}

/** The first moment at which a version may go that was committed at this time; undefined: at any. */
export function retainedUntilMs(steps: readonly RetentionStep[], committedMs: number): number | undefined {
  const step = steps.findLast(({ fromMs }) => fromMs <= committedMs)
  return step === undefined ? undefined : committedMs + step.days * MS_PER_DAY
}
