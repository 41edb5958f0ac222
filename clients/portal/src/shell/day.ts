/**
 * A day as three fields: what is written in them, and what it means.
 *
 * @module
 */

/** As a person typed it. */
export interface Day {
  readonly day: string
  readonly month: string
  readonly year: string
}

export const NO_DAY: Day = { day: '', month: '', year: '' }

/** `2026-03-09`; undefined where the three fields are no date; empty if nothing was written. */
export function dayText({ day, month, year }: Day): string | undefined {
  const [d = '', m = '', y = ''] = [day, month, year].map((part) => part.trim())
  if (d === '' && m === '' && y === '') return ''
  if (!/^\d{1,2}$/.test(d) || !/^\d{1,2}$/.test(m) || !/^\d{4}$/.test(y)) return undefined
  const text = `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? text : undefined
}

/** Where it is read, Unix ms: the first minute of the day, or another; undefined where the fields are no date. */
export function momentOf(day: Day, clock = '00:00'): number | undefined {
  const text = dayText(day)
  return text === undefined || text === '' ? undefined : new Date(`${text}T${clock}:00`).getTime()
}

/** The last minute of the day. */
export function endOf(day: Day): number | undefined {
  return momentOf(day, '23:59')
}

export function dayOf(timeMs: number): Day {
  const date = new Date(timeMs)
  return { day: String(date.getDate()), month: String(date.getMonth() + 1), year: String(date.getFullYear()) }
}
