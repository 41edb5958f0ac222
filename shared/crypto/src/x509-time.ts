/**
 * Validity times of X.509 (RFC 5280 §4.1.2.5) as Unix milliseconds, computed without Date: the same result on every
 * engine, and only the one form DER allows (Zulu, with seconds, without fractions).
 *
 * @module
 */
import { malformed, TAG, type DerElement } from './der.ts'

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** UTCTime for the years 1950 to 2049, GeneralizedTime from 2050 on. @throws {CertificateError} `MALFORMED` */
export function validityTimeMs(element: DerElement): number {
  let text = String.fromCharCode(...element.content.subarray(0, 16))
  if (element.tag === TAG.utcTime && /^\d{12}Z$/.test(text)) text = (text < '5' ? '20' : '19') + text
  else if (element.tag !== TAG.generalizedTime || !/^\d{14}Z$/.test(text) || text < '2050') throw malformed()
  const part = (from: number, to: number): number => Number(text.slice(from, to))
  const year = part(0, 4)
  const month = part(4, 6)
  const day = part(6, 8)
  const hour = part(8, 10)
  const minute = part(10, 12)
  const second = part(12, 14)
  const daysInMonth = (DAYS_IN_MONTH[month - 1] ?? 0) + (month === 2 && isLeapYear(year) ? 1 : 0)
  if (day < 1 || day > daysInMonth || hour > 23 || minute > 59 || second > 59) throw malformed()
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000
}

function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function daysSince1970(year: number, month: number, day: number): number {
  const before = year - 1
  let days = before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 719_162
  for (let i = 1; i < month; i++) days += (DAYS_IN_MONTH[i - 1] as number) + (i === 2 && isLeapYear(year) ? 1 : 0)
  return days + day - 1
}
