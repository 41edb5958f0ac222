/**
 * Kinds of records: the words of a warrant's or grant's `scope`, of the pickers, and of the search parameter
 * `ehrType`. The list is part of the protocol (docs/protocol/03-envelopes-and-warrants.md §3.3): a kind is never renamed.
 *
 * @module
 */

/** Every kind, in the order in which pickers show them. */
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

export function isEhrType(value: unknown): value is EhrType {
  return EHR_TYPES.includes(value as EhrType)
}
