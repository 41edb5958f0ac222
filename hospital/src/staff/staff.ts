/**
 * What staff do about people's keys: a member of staff registers an own key with a code, and two of them confirm that
 * somebody who lost all keys is who they say. Spec: docs/protocol/02-registration.md §2.2, §2.6.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  isPatientRef,
  kidOf,
  ProtocolError,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
} from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import { checkRegistrationProof, type HospitalIdentity, type RegistrationRequest } from '../registrations.ts'
import type { Registry } from '../registry.ts'
import type { Caller } from '../request-auth.ts'
import type { StaffMember, StaffRole } from './roles.ts'
import type { StaffRegistry } from './staff-registry.ts'

/** The second one confirms while the person is still at the desk. */
const REKEY_WAIT_MS = 3_600_000
const SERVICE = 'service'

export interface StaffParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly identity: HospitalIdentity
  readonly registry: Registry
  readonly staff: StaffRegistry
}

export interface StaffRegistered {
  readonly kind: 'staff'
  readonly ref: HospitalRef
  readonly id: string
  readonly name: string
  readonly roles: readonly StaffRole[]
  readonly hospital: { readonly ref: HospitalRef; readonly name: string }
}

/** One member of staff has confirmed, or two have and there is a code. */
export type RekeyState =
  { readonly state: 'waiting' } | { readonly state: 'ready'; readonly code: string; readonly expiresMs: number }

/** Somebody whose identity one member of staff has seen, and a second one must. */
export interface WaitingRekey {
  /** A patient or a doctor. */
  readonly person: PatientRef | PractitionerRef
  readonly name: string
  readonly checkedBy: string
  readonly sinceMs: number
  /** The caller was the first: another one must confirm. */
  readonly isOwn: boolean
}

export interface WhoAmI {
  readonly role: Caller['role']
  readonly ref: string
  readonly name: string
  readonly department?: string
  readonly emergency?: boolean
  readonly staff?: StaffMember
}

export class Staff {
  readonly registry: StaffRegistry
  readonly #parts: StaffParts

  constructor(parts: StaffParts) {
    this.registry = parts.staff
    this.#parts = parts
  }

  /** @throws {ProtocolError} `INVITATION_UNKNOWN`, `REQUEST_REJECTED` for a wrong proof, `KEY_EXISTS` */
  register(request: RegistrationRequest, nowMs: number): StaffRegistered {
    const { crypto, db, registry, staff, identity } = this.#parts
    const publicKey = checkRegistrationProof(crypto, request)
    const { kind, details } = registry.findInvitation(request.code, nowMs)
    if (kind !== 'staff') throw new ProtocolError('INVITATION_UNKNOWN', 'the code is for another registration')
    const member = db.transaction(() => {
      const known = details.staff === undefined ? undefined : staff.find(details.staff)
      const found = known ?? staff.add(details.name, details.roles ?? [], nowMs)
      const { publicKey: publicText, sealKey, label } = request
      staff.addKey(found.id, { kid: kidOf(crypto, publicKey), publicKey: publicText, sealKey, label, addedMs: nowMs })
      registry.markUsed(request.code, found.id)
      return found
    })()
    const { ref, name } = identity
    return { kind: 'staff', ref, ...member, hospital: { ref, name } }
  }

  /**
   * A member of staff has checked who the patient or doctor is. The second one who says so gets the code for the new
   * device; registering with it ends all keys that the person had.
   * @throws {ProtocolError} `PARTICIPANT_UNKNOWN`
   */
  confirmRekey(caller: Caller, person: PatientRef | PractitionerRef, nowMs: number): RekeyState {
    const { db, registry } = this.#parts
    const known = registry.findPatient(person) ?? registry.findPractitioner(person)
    if (known === undefined) throw new ProtocolError('PARTICIPANT_UNKNOWN', 'nobody of this hospital')
    const by = caller.staff?.id ?? SERVICE
    return db.transaction((): RekeyState => {
      db.prepare('DELETE FROM rekey WHERE since_ms < ?').run(nowMs - REKEY_WAIT_MS)
      const first = db.prepare('SELECT checked_by FROM rekey WHERE person = ?').pluck().get(person)
      if (first === undefined || first === by) {
        db.prepare('INSERT OR IGNORE INTO rekey VALUES (?, ?, ?)').run(person, by, nowMs)
        return { state: 'waiting' }
      }
      db.prepare('DELETE FROM rekey WHERE person = ?').run(person)
      const whose = isPatientRef(person) ? { patient: person } : { practitioner: person }
      const details = { name: known.name, ...whose, checkedBy: [first as string, by] }
      const { code, expiresMs } = registry.invite('rekey', details, nowMs)
      return { state: 'ready', code, expiresMs }
    })()
  }

  /** New keys of patients and doctors that wait for a second member of staff, oldest first. */
  waitingRekeys(caller: Caller, nowMs: number): WaitingRekey[] {
    const { db, registry, staff } = this.#parts
    const by = caller.staff?.id ?? SERVICE
    const rows = db
      .prepare('SELECT person, checked_by, since_ms FROM rekey WHERE since_ms >= ? ORDER BY since_ms')
      .all(nowMs - REKEY_WAIT_MS) as {
      readonly person: PatientRef | PractitionerRef
      readonly checked_by: string
      readonly since_ms: number
    }[]
    return rows.map(({ person, checked_by, since_ms }) => ({
      person,
      name: (registry.findPatient(person) ?? registry.findPractitioner(person))?.name ?? '',
      checkedBy: staff.find(checked_by)?.name ?? SERVICE,
      sinceMs: since_ms,
      isOwn: checked_by === by,
    }))
  }

  describe({ role, ref, staff }: Caller): WhoAmI {
    const { registry, identity } = this.#parts
    const practitioner = registry.findPractitioner(ref)
    const name = staff?.name ?? practitioner?.name ?? registry.findPatient(ref)?.name
    return {
      role,
      ref,
      name: name ?? (role === 'staff' ? identity.name : 'auditor'),
      ...(practitioner === undefined ? {} : { department: practitioner.department, emergency: practitioner.emergency }),
      ...(staff === undefined ? {} : { staff }),
    }
  }
}
