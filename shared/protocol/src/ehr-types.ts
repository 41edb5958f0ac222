/**
 * Kinds of records: the words of a warrant's or grant's `scope`. The list is part of the protocol; a kind is never
 * renamed. shared/fhir, which may not import this, has the same list and tells the kind of a resource.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.3.
 *
 * @module
 */
import { distinct, oneOf, refine, type Shape } from './shape.ts'

export const EHR_TYPES = [
  'lab',
  'vital-signs',
  'imaging',
  'medicine',
  'allergy',
  'immunization',
  'condition',
  'procedure',
  'encounter',
  'document',
  'careplan',
  'consent',
  'other',
] as const

export type EhrType = (typeof EHR_TYPES)[number]

/** Kinds of records, or the one item `*` for every kind. */
export type Scope = readonly (EhrType | '*')[]

export const ehrTypeShape: Shape<EhrType> = oneOf(...EHR_TYPES)

/** At least one kind, none twice; `*` stands alone. */
export const scopeShape: Shape<Scope> = refine(
  distinct<EhrType | '*'>(oneOf('*', ...EHR_TYPES), { min: 1, max: EHR_TYPES.length }),
  (scope) => scope.length === 1 || !scope.includes('*'),
  'has every kind and others',
)

/** Whether the scope has this kind. A kind that nobody knows is in no list, but in `*`. */
export function scopeIncludes(scope: readonly string[], ehrType: string): boolean {
  return scope.some((kind) => kind === '*' || kind === ehrType)
}
