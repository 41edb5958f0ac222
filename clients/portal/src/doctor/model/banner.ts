/**
 * Who the patient is, for the banner that never scrolls away: family name first, date of birth with the age, sex, allergies.
 * What no record says is not known, and is not guessed.
 *
 * @module
 */
type Json = Readonly<Record<string, unknown>>

export interface BannerFacts {
  /** `LI, Bob`, where a record gives the parts of the name; 李波. */
  readonly name?: string
  /** As recorded: may be a year or a month only. */
  readonly birthDate?: string
  readonly sex?: 'male' | 'female' | 'other' | 'unknown'
  /** Undefined: no record speaks of allergies. */
  readonly allergies?: readonly string[]
}

const SEXES = ['male', 'female', 'other', 'unknown'] as const

export function bannerOf(person: Json | undefined, allergies: readonly Json[]): BannerFacts {
  const name = nameOf(person)
  const birthDate = person?.['birthDate']
  const sex = SEXES.find((one) => one === person?.['gender'])
  const words = allergies.flatMap((one) => wordsOf(one['code']) ?? [])
  return {
    ...(name === undefined ? {} : { name }),
    ...(typeof birthDate === 'string' && /^\d{4}(-\d{2}){0,2}$/.test(birthDate) ? { birthDate } : {}),
    ...(sex === undefined ? {} : { sex }),
    ...(words.length === 0 ? {} : { allergies: [...new Set(words)] }),
  }
}

/** Whole years at `nowMs`; undefined unless the day is known. */
export function ageOf(birthDate: string, nowMs: number): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(birthDate)) return undefined
  const born = new Date(`${birthDate}T00:00:00Z`)
  const now = new Date(nowMs)
  const years = now.getUTCFullYear() - born.getUTCFullYear()
  const had =
    now.getUTCMonth() > born.getUTCMonth() ||
    (now.getUTCMonth() === born.getUTCMonth() && now.getUTCDate() >= born.getUTCDate())
  const age = had ? years : years - 1
  return age < 0 ? undefined : age
}

const CHINESE = /\p{Script=Han}/u

/** The parts as FHIR gives them, never split or put in another order by guess. A Chinese name stands as it is written. */
function nameOf(person: Json | undefined): string | undefined {
  const names = person?.['name']
  const all = Array.isArray(names) ? (names as readonly Json[]) : []
  const best = all.find((one) => one['use'] === 'official') ?? all[0]
  const family = textOf(best?.['family'])
  const given = Array.isArray(best?.['given']) ? textOf((best['given'] as readonly unknown[])[0]) : undefined
  const text = textOf(best?.['text'])
  if (family === undefined) return text
  if (CHINESE.test(family)) return text ?? `${family}${given ?? ''}`
  return given === undefined ? family.toUpperCase() : `${family.toUpperCase()}, ${given}`
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function wordsOf(concept: unknown): string | undefined {
  if (typeof concept !== 'object' || concept === null) return undefined
  const { text, coding } = concept as { readonly text?: unknown; readonly coding?: unknown }
  if (typeof text === 'string' && text !== '') return text
  const first = (Array.isArray(coding) ? (coding as readonly Json[]) : []).find(
    ({ display }) => typeof display === 'string',
  )
  return first?.['display'] as string | undefined
}
