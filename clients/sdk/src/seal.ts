/**
 * The integrity seal: what a set of checks lets a person believe, in one of a few states with fixed words.
 * One function, used by every client. Three different things are never one state: checked and wrong, could not be
 * checked, not checked yet. Green exists only for `verified`, and only from checks that this program ran.
 *
 * @module
 */

/** The seven checks of a record, in the order in which they are shown. */
export const CHECK_IDS = ['text', 'signature', 'permission', 'ledger', 'log', 'newest', 'server'] as const
export type CheckId = (typeof CHECK_IDS)[number]
/** Those of the marker of an erased record: there is no text any more. */
const MARKER_CHECK_IDS: readonly CheckId[] = ['log', 'server']

export type CheckResult = 'pass' | 'fail' | 'skip'

/** One check that ran, or could not. `skip` is never shown as a pass. */
export interface Check {
  readonly id: CheckId
  readonly result: CheckResult
  /** Stable code of docs/errors.md when the result is not a pass. */
  readonly code?: string
  /** One sentence: what was found. */
  readonly reason: string
  /** Unix time at which it ran. */
  readonly timeMs: number
}

/** Everything the seal depends on. Made by `verifyRecord`, never from a flag that a server sent. */
export interface SealInput {
  readonly checks: readonly Check[]
  /** The protected area is simulated or the ledger is one node: words get "(practice)". */
  readonly practice: boolean
  /** Signed and stored, waiting for a block or checkpoint since this time. */
  readonly waitingSinceMs?: number
  /** The checks ran in an earlier session, at this time. */
  readonly earlierMs?: number
  /** A correction replaced this version at this time. */
  readonly replacedMs?: number
  /** The ledger took a newer version at this time, which was not given to the reader. */
  readonly newerMs?: number
  /** Checks of the marker of an erased record. `erasedMs`: when, by the log entry that was checked. */
  readonly marker?: { readonly erasedMs?: number }
}

export type SealState =
  | 'wrong'
  | 'old-copy'
  | 'split-view'
  | 'not-fully-checked'
  | 'not-checked'
  | 'being-recorded'
  | 'checked-earlier'
  | 'replaced'
  | 'erased'
  | 'verified'

export type SealTone = 'bad' | 'none' | 'wait' | 'practice' | 'neutral' | 'ok'

export interface Seal {
  readonly state: SealState
  readonly tone: SealTone
  /** "Verified unchanged", with "(practice)" where that is so. */
  readonly word: string
  /** Short form for tables. */
  readonly short: string
  /** The first line of the panel. */
  readonly line: string
}

/** Formats a Unix time for people: a date, or a time of day. Given by the client, which knows locale and zone. */
export interface SealClock {
  date(timeMs: number): string
  time(timeMs: number): string
}

/** Worst state wins, in the order of the rules below. */
export function sealOf(input: SealInput, clock: SealClock): Seal {
  const failed = input.checks.filter((check) => check.result === 'fail')
  const skipped = input.checks.filter((check) => check.result === 'skip')
  const wrong = worstFailure(failed, input.newerMs === undefined ? undefined : clock.date(input.newerMs))
  if (wrong !== undefined) return wrong
  if (input.checks.length === 0) return notChecked()
  const { marker } = input
  if (marker !== undefined) {
    if (marker.erasedMs === undefined || !isComplete(input, skipped)) return notFullyChecked(input, skipped)
    const word = `Erased ${clock.date(marker.erasedMs)}`
    return passing(input, {
      state: 'erased',
      tone: 'neutral',
      word,
      short: word,
      line: `Only this marker remains; the marker's log entry was checked.`,
    })
  }
  if (input.waitingSinceMs !== undefined) {
    return {
      state: 'being-recorded',
      tone: 'wait',
      word: 'Being recorded',
      short: 'Being recorded',
      line: `Signed ${clock.time(input.waitingSinceMs)}. Normally takes seconds.`,
    }
  }
  if (!isComplete(input, skipped)) return notFullyChecked(input, skipped)
  if (input.earlierMs !== undefined) {
    const time = clock.time(input.earlierMs)
    return {
      state: 'checked-earlier',
      tone: 'none',
      word: `Unchanged at ${time}`,
      short: `Unchanged at ${time}`,
      line: `Passed at ${time}. Not checked since.`,
    }
  }
  if (input.replacedMs !== undefined) {
    const date = clock.date(input.replacedMs)
    return passing(input, {
      state: 'replaced',
      tone: 'neutral',
      word: `Verified unchanged, replaced ${date}`,
      short: 'Replaced',
      line: `A correction of ${date} replaced this version; this text is unchanged since it was signed.`,
    })
  }
  return passing(input, {
    state: 'verified',
    tone: 'ok',
    word: 'Verified unchanged',
    short: 'Unchanged',
    line: 'This is the same text that was signed. Nobody has changed it since.',
  })
}

function worstFailure(failed: readonly Check[], newerDate: string | undefined): Seal | undefined {
  const first = failed.find((check) => check.id !== 'newest' && check.code !== 'LOG_NOT_CONSISTENT')
  if (first !== undefined) return doNotRely('wrong', 'Do not rely on this', first.reason)
  const newest = failed.find((check) => check.id === 'newest')
  if (newest !== undefined) {
    const line =
      newerDate === undefined ? newest.reason : `A newer version from ${newerDate} exists and was not given to you.`
    return doNotRely('old-copy', 'Do not rely on this (old copy)', line)
  }
  if (failed.length > 0) return doNotRely('split-view', 'Do not rely on this', 'Hospitals were shown different logs.')
  return undefined
}

function doNotRely(state: SealState, short: string, line: string): Seal {
  return { state, tone: 'bad', word: 'Do not rely on this', short, line }
}

function notChecked(): Seal {
  return { state: 'not-checked', tone: 'none', word: 'Not checked', short: 'Not checked', line: 'No check has run.' }
}

function notFullyChecked(input: SealInput, skipped: readonly Check[]): Seal {
  const { checks } = input
  const total = checkIdsOf(input).length
  const passed = checks.filter((check) => check.result === 'pass').length
  const why = skipped[0]?.reason ?? 'it was not asked for.'
  return {
    state: 'not-fully-checked',
    tone: 'none',
    word: 'Not fully checked',
    short: 'Not fully checked',
    line: `${passed} of ${total} checks passed; ${total - passed} could not run: ${why}`,
  }
}

/** A state in which all checks passed: on a practice system the word says so and the tone is never green. */
function passing(input: SealInput, seal: Seal): Seal {
  if (!input.practice) return seal
  return {
    ...seal,
    tone: 'practice',
    word: `${seal.word} (practice)`,
    short: `${seal.short} (practice)`,
    line: `${input.marker === undefined ? 'Text and signatures are right.' : `The marker's log entry is right.`} The protected area is simulated and one computer runs every part: its operator could read everything.`,
  }
}

function isComplete(input: SealInput, skipped: readonly Check[]): boolean {
  return skipped.length === 0 && checkIdsOf(input).every((id) => input.checks.some((check) => check.id === id))
}

/** The checks that must have run before a seal says more than that they have not. */
export function checkIdsOf({ marker }: SealInput): readonly CheckId[] {
  return marker === undefined ? CHECK_IDS : MARKER_CHECK_IDS
}
