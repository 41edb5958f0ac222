/**
 * A date of FHIR as it was recorded: a year stays a year.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

export function FhirDate({ text }: { readonly text: string }): ReactNode {
  const { date, moment } = useWords()
  const timeMs = Date.parse(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(timeMs)) return text
  return <time dateTime={text}>{text.includes('T') ? moment(timeMs) : date(timeMs)}</time>
}
