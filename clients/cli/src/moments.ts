/**
 * `--until 30d`, `--from 2026-11-17`: moments given as options.
 *
 * @module
 */
import { usageError } from './command-error.ts'
import type { Context } from './context.ts'
import { parseMoment } from './dates.ts'

const DAY_MS = 86_400_000

/** @param option as people write it: `--until`. */
export function momentOption(
  context: Pick<Context, 'clock'>,
  option: string,
  given: string | undefined,
): number | undefined {
  if (given === undefined) return undefined
  const moment = parseMoment(given, context.clock.nowMs())
  if (moment === undefined) {
    throw usageError(`${option} is a date or a span, not "${given}".`, `${option} 2026-12-10, ${option} 30d`)
  }
  return moment
}

/** A date as the end of a period means its whole day; a moment with a time is itself. */
export function untilOption(
  context: Pick<Context, 'clock'>,
  option: string,
  given: string | undefined,
): number | undefined {
  const moment = momentOption(context, option, given)
  if (moment === undefined || given === undefined) return undefined
  return /^\d{4}-\d{2}-\d{2}$/.test(given) ? moment + DAY_MS : moment
}

export function countOption(option: string, given: string | undefined, otherwise: number, max: number): number {
  if (given === undefined) return otherwise
  const count = Number(given)
  if (!Number.isSafeInteger(count) || count < 1 || count > max) {
    throw usageError(`${option} is a whole number from 1 to ${max}, not "${given}".`)
  }
  return count
}
