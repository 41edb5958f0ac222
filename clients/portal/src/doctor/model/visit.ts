/**
 * What a doctor writes about one visit, as the form holds it, and what is still missing in it. Text fields keep exactly
 * what was typed; nothing is interpreted before it becomes FHIR (visit-resources.ts).
 *
 * @module
 */
import type { CodedConcept, ObservationKind, Unit } from './codes.ts'

export interface ConditionEntry {
  readonly id: string
  /** As typed or chosen. */
  readonly text: string
  readonly coded?: CodedConcept
  readonly certainty: 'confirmed' | 'provisional'
}

export interface ObservationEntry {
  readonly id: string
  readonly text: string
  readonly kind?: Pick<ObservationKind, 'system' | 'code' | 'display' | 'name' | 'category' | 'parts'>
  /** A number as typed, `47.0`; two for kinds with parts. */
  readonly values: readonly string[]
  readonly unit?: Unit
  readonly interpretation?: 'L' | 'N' | 'H' | 'LL' | 'HH'
  /** Usual range, as typed; empty: none. */
  readonly low: string
  readonly high: string
}

export interface MedicineEntry {
  readonly id: string
  readonly text: string
  /** As written for the patient: "1 tablet in the morning". */
  readonly dosage: string
  readonly days: string
}

export type VisitClass = 'AMB' | 'IMP' | 'EMER' | 'VR'

export interface Visit {
  readonly class: VisitClass
  readonly reason: string
  readonly conditions: readonly ConditionEntry[]
  readonly observations: readonly ObservationEntry[]
  readonly medicines: readonly MedicineEntry[]
  readonly note: string
}

export const EMPTY_VISIT: Visit = {
  class: 'AMB',
  reason: '',
  conditions: [],
  observations: [],
  medicines: [],
  note: '',
}

/** Something that must be mended before it is signed: where, and the key of its text in the catalogue. */
export interface VisitProblem {
  /** `reason`, `conditions.<id>.text`, `observations.<id>.values.0`. */
  readonly field: string
  readonly word:
    | 'doctor.problem.empty'
    | 'doctor.problem.text'
    | 'doctor.problem.number'
    | 'doctor.problem.unit'
    | 'doctor.problem.range'
    | 'doctor.problem.days'
    | 'doctor.problem.long'
}

const MAX_TEXT = 1_024
const MAX_NOTE = 100_000
/** A decimal as FHIR has it; a comma is taken as a point. */
const DECIMAL = /^-?(0|[1-9]\d{0,11})(\.\d{1,12})?$/

/** @returns the number as FHIR writes it, digits as typed; undefined if it is none. */
export function decimalOf(typed: string): string | undefined {
  const text = typed.trim().replace(',', '.')
  return DECIMAL.test(text) ? text : undefined
}

export function isEmptyVisit(visit: Visit): boolean {
  const { reason, conditions, observations, medicines, note } = visit
  return reason.trim() === '' && note.trim() === '' && conditions.length + observations.length + medicines.length === 0
}

/** In the order of the form; empty when it can be signed. */
export function problemsOf(visit: Visit): readonly VisitProblem[] {
  if (isEmptyVisit(visit)) return [{ field: 'reason', word: 'doctor.problem.empty' }]
  const problems: VisitProblem[] = []
  const text = (field: string, value: string, max = MAX_TEXT) => {
    if (value.trim() === '') problems.push({ field, word: 'doctor.problem.text' })
    else if (value.length > max) problems.push({ field, word: 'doctor.problem.long' })
  }
  if (visit.reason.length > MAX_TEXT) problems.push({ field: 'reason', word: 'doctor.problem.long' })
  for (const one of visit.conditions) text(`conditions.${one.id}.text`, one.text)
  for (const one of visit.observations) problems.push(...observationProblems(one))
  for (const one of visit.medicines) {
    text(`medicines.${one.id}.text`, one.text)
    if (one.dosage.length > MAX_TEXT)
      problems.push({ field: `medicines.${one.id}.dosage`, word: 'doctor.problem.long' })
    if (one.days.trim() !== '' && !/^[1-9]\d{0,3}$/.test(one.days.trim())) {
      problems.push({ field: `medicines.${one.id}.days`, word: 'doctor.problem.days' })
    }
  }
  if (visit.note.length > MAX_NOTE) problems.push({ field: 'note', word: 'doctor.problem.long' })
  return problems
}

function observationProblems(one: ObservationEntry): readonly VisitProblem[] {
  const at = (part: string) => `observations.${one.id}.${part}`
  const problems: VisitProblem[] = []
  if (one.text.trim() === '') problems.push({ field: at('text'), word: 'doctor.problem.text' })
  const count = one.kind?.parts?.length ?? 1
  for (let i = 0; i < count; i++) {
    if (decimalOf(one.values[i] ?? '') === undefined) {
      problems.push({ field: at(`values.${i}`), word: 'doctor.problem.number' })
    }
  }
  if (one.unit === undefined) problems.push({ field: at('unit'), word: 'doctor.problem.unit' })
  const { low, high } = one
  const [from, to] = [low, high].map((limit) => (limit.trim() === '' ? null : decimalOf(limit)))
  if (from === undefined || to === undefined || (from !== null && to !== null && Number(from) > Number(to))) {
    problems.push({ field: at('range'), word: 'doctor.problem.range' })
  }
  return problems
}
