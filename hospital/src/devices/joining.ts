/**
 * What each kind of person gets when a further device joins: a patient's device a credential for the key that the first
 * one signed for on the ledger, a member of staff's its place in the registry, a doctor's or auditor's the sealed key.
 * Spec: docs/protocol/02-registration.md §2.8.
 *
 * @module
 */
import { decodeBase64url, type Crypto } from '../../../shared/crypto/src/index.ts'
import { isPatientRef, ProtocolError, type PatientRef } from '../../../shared/protocol/src/index.ts'
import type { LedgerRelay } from '../ports.ts'
import type { HospitalIdentity, Registrations } from '../registrations.ts'
import type { Invitation, Registry } from '../registry.ts'
import type { Caller } from '../request-auth.ts'
import type { StaffMember, StaffRole } from '../staff/roles.ts'
import type { StaffRegistry } from '../staff/staff-registry.ts'
import {
  DEFAULT_TTL_S,
  kidOfJoin,
  ownerOf,
  type DeviceLink,
  type DeviceLinks,
  type JoinRequest,
} from './device-links.ts'
import type { WaitingJoin } from './device-links.ts'

export interface JoiningParts {
  readonly crypto: Crypto
  readonly identity: HospitalIdentity
  readonly links: DeviceLinks
  readonly staff: StaffRegistry
  readonly registry: Registry
  readonly registrations: Registrations
  readonly ledger: Pick<LedgerRelay, 'findPatientKey'>
}

/** What the new device is told when it was let in. */
export type Joined =
  | { readonly kind: 'patient'; readonly ref: string; readonly name: string; readonly credential: string }
  | {
      readonly kind: 'practitioner' | 'auditor'
      readonly ref: string
      readonly name: string
      readonly handover: string
    }
  | {
      readonly kind: 'staff'
      readonly ref: string
      readonly name: string
      readonly id: string
      readonly roles: readonly StaffRole[]
    }

export type JoinState =
  { readonly state: 'waiting' | 'refused' } | { readonly state: 'approved'; readonly joined: Joined }

/** What a code is for, for the page that asks a person what to do with it. */
export interface CodeUse {
  readonly purpose: 'registration' | 'device'
  readonly kind: Joined['kind']
  readonly name: string
}

export class Joining {
  readonly #parts: JoiningParts

  constructor(parts: JoiningParts) {
    this.#parts = parts
  }

  createLink(caller: Caller, ttlSeconds: number | undefined, nowMs: number): DeviceLink {
    if (caller.role === 'staff' && caller.staff === undefined) {
      throw new ProtocolError('TEE_FORBIDDEN', 'the service has one device')
    }
    return this.#parts.links.create(ownerOf(caller), this.#nameOf(caller), ttlSeconds ?? DEFAULT_TTL_S, nowMs)
  }

  /** @throws {ProtocolError} `INVITATION_UNKNOWN` */
  describe(code: string, nowMs: number): CodeUse {
    const { links, registry } = this.#parts
    const link = findOr(() => links.find(code, nowMs))
    if (link !== undefined) return { purpose: 'device', kind: kindOfOwner(link.owner), name: link.name }
    const { kind, details } = registry.findInvitation(code, nowMs)
    const registered = details.practitioner === undefined ? REGISTERED_KIND[kind] : 'practitioner'
    return { purpose: 'registration', kind: registered, name: details.name }
  }

  join(request: JoinRequest, nowMs: number): JoinState {
    const link = this.#parts.links.join(request, nowMs)
    if (link.state === 'refused') return { state: 'refused' }
    return link.state === 'approved' ? { state: 'approved', joined: this.#joined(link, nowMs) } : { state: 'waiting' }
  }

  waiting(caller: Caller, nowMs: number): WaitingJoin[] {
    return this.#parts.links.waiting(ownerOf(caller), nowMs)
  }

  /**
   * The person, on a device that is there, says yes.
   * @throws {ProtocolError} `INVITATION_UNKNOWN`, `KEY_UNKNOWN` if a patient's new key is not on the ledger,
   * `HTTP_BAD_REQUEST` without a sealed key where one moves.
   */
  async approve(caller: Caller, id: string, handover: string | undefined, nowMs: number): Promise<void> {
    const { crypto, links, staff, ledger } = this.#parts
    const join = links.requireWaiting(ownerOf(caller), id, nowMs)
    const kid = kidOfJoin(crypto, join)
    if (caller.staff !== undefined) {
      const { publicKey, sealKey, label } = join
      staff.addKey(caller.staff.id, { kid, publicKey, sealKey, label, addedMs: nowMs })
    } else if (isPatientRef(caller.ref)) {
      const key = await ledger.findPatientKey(caller.ref, kid)
      if (key === undefined) throw new ProtocolError('KEY_UNKNOWN', 'the new key is not on the ledger')
    } else if (handover === undefined) {
      throw new ProtocolError('HTTP_BAD_REQUEST', 'the sealed key is missing')
    }
    links.decide(id, 'approved', isHandedOver(caller) ? handover : undefined)
  }

  refuse(caller: Caller, id: string, nowMs: number): void {
    const { links } = this.#parts
    links.requireWaiting(ownerOf(caller), id, nowMs)
    links.decide(id, 'refused')
  }

  #joined(link: DeviceLink, nowMs: number): Joined {
    const { identity, staff, registrations } = this.#parts
    const { owner, name, publicKey = '', sealKey = '', handover = '' } = link
    const kind = kindOfOwner(owner)
    if (kind === 'staff') {
      const member = staff.find(owner) as StaffMember
      return { kind, ref: identity.ref, name, id: owner, roles: member.roles }
    }
    if (kind !== 'patient') return { kind, ref: owner, name, handover }
    const keys = [decodeBase64url(publicKey), decodeBase64url(sealKey)] as const
    return { kind, ref: owner, name, credential: registrations.credentialFor(owner as PatientRef, ...keys, nowMs) }
  }

  #nameOf({ ref, staff }: Caller): string {
    const { registry } = this.#parts
    return staff?.name ?? registry.findPatient(ref)?.name ?? registry.findPractitioner(ref)?.name ?? 'auditor'
  }
}

const REGISTERED_KIND = {
  patient: 'patient',
  rekey: 'patient',
  practitioner: 'practitioner',
  staff: 'staff',
} as const satisfies Record<Invitation['kind'], Joined['kind']>

const KIND_OF_LETTER = { p: 'patient', d: 'practitioner', a: 'auditor' } as const

function kindOfOwner(owner: string): Joined['kind'] {
  if (owner.startsWith('staff-')) return 'staff'
  return KIND_OF_LETTER[owner.charAt(0) as keyof typeof KIND_OF_LETTER]
}

function isHandedOver({ role }: Caller): boolean {
  return role === 'practitioner' || role === 'auditor'
}

function findOr<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'INVITATION_UNKNOWN') return undefined
    throw error
  }
}
