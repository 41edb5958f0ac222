/**
 * When a patient was born, with the age where the day is known: 03-Mar-1962 (64y).
 *
 * @module
 */
import { fhirDateText } from '../fhir/fhir-date.tsx'
import type { Words } from '../i18n/words.ts'
import { ageOf } from './model/banner.ts'

/** @param birthDate as recorded: a day, a month or a year; undefined: "Not known". */
export function bornText(words: Words, birthDate: string | undefined): string {
  const { t } = words
  if (birthDate === undefined) return t('doctor.banner.unknown')
  const date = fhirDateText(words, birthDate)
  const age = ageOf(birthDate, Date.now())
  return age === undefined ? date : t('doctor.banner.age', { date, age })
}

/** Grouped for reading aloud: 1234 567 890. */
export function numberText(patient: string): string {
  return patient.slice(2, 12).replace(/(.{4})(.{3})/, '$1 $2 ')
}
