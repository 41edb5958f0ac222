/**
 * A date of FHIR as it was recorded: a day is that day in every zone, and a year stays a year.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { timeOf } from './read.ts'

export function FhirDate({ text }: { readonly text: string }): ReactNode {
  return <time dateTime={text}>{fhirDateText(useWords(), text)}</time>
}

/** The same where only text can stand. */
export function fhirDateText({ date, moment, shortMonth }: Words, text: string): string {
  const timeMs = timeOf(text)
  if (!Number.isNaN(timeMs)) return text.includes('T') ? moment(timeMs) : date(timeMs)
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? []
  return month === undefined ? text : shortMonth(new Date(Number(year), Number(month) - 1).getTime())
}
