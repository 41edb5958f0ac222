/**
 * What a member of staff may do, by role: one row each. Absence refuses.
 *
 * @module
 */
import { ProtocolError } from '../../../shared/protocol/src/index.ts'

/**
 * `people`: register, invite, book, list patients. `records`: read and import what the hospital holds.
 * `system`: health, certificates, what waits. `review`: look at emergency accesses. `staff`: members of staff.
 */
export type StaffAction = 'people' | 'records' | 'system' | 'review' | 'staff'

export const STAFF_ROLES = {
  'front-desk': ['people', 'system'],
  records: ['people', 'records', 'system', 'review'],
  technical: ['system'],
  administrator: ['people', 'records', 'system', 'review', 'staff'],
} as const satisfies Record<string, readonly StaffAction[]>

export type StaffRole = keyof typeof STAFF_ROLES
export const STAFF_ROLE_NAMES = Object.keys(STAFF_ROLES) as StaffRole[]

/** A member of staff who asks. */
export interface StaffMember {
  /** `staff-` and 32 hex digits; known to this hospital only. */
  readonly id: string
  readonly name: string
  readonly roles: readonly StaffRole[]
}

/** Whose request it is, as far as staff go: without `staff` it is the hospital's own service, which may all of it. */
interface StaffCaller {
  readonly role: string
  readonly staff?: StaffMember
}

export function mayStaff({ role, staff }: StaffCaller, action: StaffAction): boolean {
  if (role !== 'staff') return false
  return staff === undefined || staff.roles.some((one) => (STAFF_ROLES[one] as readonly StaffAction[]).includes(action))
}

/** @throws {ProtocolError} `TEE_FORBIDDEN` */
export function requireStaff(caller: StaffCaller, action: StaffAction): void {
  if (!mayStaff(caller, action)) throw new ProtocolError('TEE_FORBIDDEN', 'this kind of participant may not do it')
}
