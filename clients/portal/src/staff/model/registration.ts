/**
 * Registering somebody at the front desk: what must be written down, and who may be the same person already.
 *
 * @module
 */
import type { StaffRole } from '../../../../sdk/src/hospital-answers/people.ts'
import { dayText, NO_DAY, type Day } from '../../shell/day.ts'

export type PersonKind = 'patient' | 'practitioner' | 'staff'

/** The day is that of birth. */
export interface RegistrationForm extends Day {
  readonly kind: PersonKind
  readonly name: string
  readonly contact: string
  readonly isIdentityChecked: boolean
  readonly department: string
  readonly emergency: boolean
  /** Members of staff. */
  readonly roles: readonly StaffRole[]
}

export const EMPTY_REGISTRATION: RegistrationForm = {
  kind: 'patient',
  name: '',
  ...NO_DAY,
  contact: '',
  isIdentityChecked: false,
  department: '',
  emergency: false,
  roles: ['front-desk'],
}

export type RegistrationProblem = 'name' | 'birth' | 'identity' | 'department' | 'roles'

/** In the order of the form; empty when it can be sent. */
export function registrationProblems(form: RegistrationForm): readonly RegistrationProblem[] {
  const birth = dayText(form)
  return [
    ...(form.name.trim() === '' || form.name.length > 128 ? (['name'] as const) : []),
    ...(form.kind === 'patient' && (birth === undefined || birth === '') ? (['birth'] as const) : []),
    ...(form.kind === 'practitioner' && form.department.trim() === '' ? (['department'] as const) : []),
    ...(form.kind === 'staff' && form.roles.length === 0 ? (['roles'] as const) : []),
    ...(form.isIdentityChecked ? [] : (['identity'] as const)),
  ]
}

export interface KnownPerson {
  readonly ref: string
  readonly name: string
  readonly birthDate: string | undefined
}

/** People who may be the same: the same words in the name in any order, or the same birth date and one word in common. */
export function findSame<T extends KnownPerson>(form: RegistrationForm, known: readonly T[]): readonly T[] {
  const wanted = wordsOf(form.name)
  const birth = dayText(form)
  if (wanted.length === 0) return []
  return known.filter(({ name, birthDate }) => {
    const words = wordsOf(name)
    const common = words.filter((word) => wanted.includes(word)).length
    const sameDay = birth !== undefined && birth !== '' && birth === birthDate
    return (common === wanted.length && common === words.length) || (sameDay && common > 0)
  })
}

function wordsOf(name: string): readonly string[] {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .split(/[^\p{Letter}\p{Number}]+/u)
    .filter((word) => word !== '')
    .toSorted()
}
