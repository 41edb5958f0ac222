/**
 * Kinds of records in words, and `--kind` values.
 *
 * @module
 */
import { EHR_TYPES, type EhrType } from '../../../shared/protocol/src/index.ts'
import { usageError } from './command-error.ts'
import { nearest } from './suggest.ts'

const WORDS: Readonly<Record<EhrType, string>> = {
  lab: 'lab result',
  'vital-signs': 'vital signs',
  imaging: 'imaging',
  medicine: 'medicine',
  allergy: 'allergy',
  immunization: 'immunization',
  condition: 'condition',
  procedure: 'procedure',
  encounter: 'visit',
  document: 'document',
  careplan: 'care plan',
  consent: 'consent',
  other: 'other',
}
const PLURALS: Readonly<Partial<Record<EhrType, string>>> = {
  lab: 'lab results',
  medicine: 'medicines',
  allergy: 'allergies',
  immunization: 'immunizations',
  condition: 'conditions',
  procedure: 'procedures',
  encounter: 'visits',
  document: 'documents',
  careplan: 'care plans',
  consent: 'consents',
  other: 'other records',
}

export function kindWord(kind: string): string {
  return WORDS[kind as EhrType] ?? kind
}

/** "lab results and medicines", "all kinds of records". */
export function scopeWords(scope: readonly string[]): string {
  if (scope.includes('*')) return 'all kinds of records'
  const words = scope.map((kind) => PLURALS[kind as EhrType] ?? kindWord(kind))
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}

/** `--kind lab --kind medicine` or `--kind lab,medicine`; absent: every kind. @throws {CommandError} */
export function scopeOf(given: readonly string[] | undefined): readonly (EhrType | '*')[] {
  const kinds = (given ?? [])
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '')
  if (kinds.length === 0 || kinds.includes('*') || kinds.includes('all')) return ['*']
  return [...new Set(kinds.map(kindOf))]
}

export function kindOf(given: string): EhrType {
  const found = EHR_TYPES.find((kind) => kind === given)
  if (found !== undefined) return found
  const near = nearest(given, EHR_TYPES)
  throw usageError(
    `There is no kind of records "${given}".`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `one of ${EHR_TYPES.join(', ')}`,
  )
}
