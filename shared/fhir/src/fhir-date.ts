/**
 * FHIR R4 dates without `Date` and `Intl`, which the trusted application does not have: partial dates become the
 * interval of milliseconds they stand for, and milliseconds become an instant in UTC.
 *
 * Limits: the proleptic Gregorian calendar, years 0001 to 9999. A date without a time has no zone in FHIR; it is taken
 * as UTC, so that every reader computes the same interval.
 * Source: FHIR R4 https://hl7.org/fhir/R4/datatypes.html#dateTime (the regular expressions), search.html#date (intervals).
 *
 * @module
 */

/** An interval of Unix milliseconds, both ends included; a missing end is open. */
export interface MsInterval {
  readonly startMs?: number
  readonly endMs?: number
}

const DATE_TIME = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d)))?)?)?$/

/** FHIR bounds no fraction of a second; this bounds the work for one. */
const MAX_DATE_CHARS = 64
const DAY_MS = 86_400_000
const MIN_MS = -62_135_596_800_000
const MAX_MS = 253_402_300_799_999

/**
 * The interval that a `date`, `dateTime` or `instant` stands for: all of 2024 for "2024", one second for a time
 * without a fraction. `undefined` for everything that FHIR R4 does not allow (also a time without a zone).
 */
export function parseDateTime(text: unknown): Required<MsInterval> | undefined {
  if (typeof text !== 'string' || text.length > MAX_DATE_CHARS) return undefined
  const match = DATE_TIME.exec(text)
  if (match === null) return undefined
  const [, yearText, monthText, dayText, hourText, minuteText, secondText, fraction, sign, zoneHour, zoneMinute] = match
  const year = Number(yearText)
  if (year === 0) return undefined
  if (monthText === undefined) return days(daysFromCivil(year, 1, 1), daysFromCivil(year + 1, 1, 1))
  const month = Number(monthText)
  if (month < 1 || month > 12) return undefined
  const monthStart = daysFromCivil(year, month, 1)
  const monthLength = daysInMonth(year, month)
  if (dayText === undefined) return days(monthStart, monthStart + monthLength)
  const day = Number(dayText)
  if (day < 1 || day > monthLength) return undefined
  const date = monthStart + day - 1
  if (hourText === undefined) return days(date, date + 1)
  const hour = Number(hourText)
  const minute = Number(minuteText)
  const second = Number(secondText)
  // 60 is a leap second: FHIR allows it, Unix time counts it as the next second.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const offsetMinutes = Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)
  if (offsetMinutes > 14 * 60 || Number(zoneMinute ?? 0) > 59) return undefined
  const utcMinutes = hour * 60 + minute - (sign === '-' ? -offsetMinutes : offsetMinutes)
  const startMs =
    date * DAY_MS + utcMinutes * 60_000 + second * 1000 + Number((fraction ?? '').slice(0, 3).padEnd(3, '0'))
  const precisionMs = 10 ** Math.max(0, 3 - (fraction ?? '').length)
  return { startMs, endMs: startMs + precisionMs - 1 }
}

/**
 * Formats Unix milliseconds as a FHIR instant, `2026-03-01T09:30:00.000Z`: one text for one value.
 *
 * @throws {RangeError} not an integer, or outside the years 0001 to 9999.
 */
export function formatInstant(ms: number): string {
  if (!Number.isInteger(ms) || ms < MIN_MS || ms > MAX_MS)
    throw new RangeError('ms is not a time of the years 1 to 9999')
  const dayNumber = Math.floor(ms / DAY_MS)
  const { year, month, day } = civilFromDays(dayNumber)
  const inDay = ms - dayNumber * DAY_MS
  const time = [Math.floor(inDay / 3_600_000), Math.floor(inDay / 60_000) % 60, Math.floor(inDay / 1000) % 60]
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${time.map((part) => pad(part, 2)).join(':')}.${pad(inDay % 1000, 3)}Z`
}

/** Days since 1970-01-01. The year starts in March, so that the leap day is its last day. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function civilFromDays(dayNumber: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = dayNumber + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  }
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function days(first: number, next: number): Required<MsInterval> {
  return { startMs: first * DAY_MS, endMs: next * DAY_MS - 1 }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
