/**
 * Members: whether a certificate belongs to an organisation of the channel, and what it says of its holder.
 * Spec: docs/protocol/02-registration.md §2.1 and 07-ledger.md §7.1.
 *
 * @module
 */
import {
  type Certificate,
  checkCertificateChain,
  type Crypto,
  CryptoError,
  type VerifyingKey,
} from '../../crypto/src/index.ts'
import { type MspId, participantRefShape, type ParticipantRef, ProtocolError } from '../../protocol/src/index.ts'
import { LedgerError } from './errors.ts'

export const ROLE_ATTRIBUTE = 'trusthealth.role'
export const REF_ATTRIBUTE = 'trusthealth.ref'
export const EMERGENCY_ATTRIBUTE = 'trusthealth.emergency'

export const ROLES = ['admin', 'hospital', 'doctor', 'auditor', 'server'] as const
export type Role = (typeof ROLES)[number]

export interface Organization {
  readonly mspId: MspId
  /** DER certificates of its CAs, 1 to 8. */
  readonly roots: readonly Uint8Array[]
}

/** A certificate that an organisation of the channel issued, valid at the time asked for; revocation is not checked. */
export interface Member {
  readonly mspId: MspId
  readonly certificate: Certificate
  readonly key: VerifyingKey
}

/**
 * @param organizations of the configuration in force.
 * @throws {LedgerError} `LEDGER_IDENTITY_REJECTED`, the same for every cause.
 */
export function checkMember(
  crypto: Crypto,
  organizations: readonly Organization[],
  mspId: MspId,
  cert: Uint8Array,
  atMs: number,
): Member {
  const organization = organizations.find((one) => one.mspId === mspId)
  if (organization === undefined) throw rejected()
  try {
    const certificate = checkCertificateChain(crypto, [cert], organization.roots, atMs)
    return { mspId, certificate, key: crypto.importVerifyingKey(certificate.publicKey) }
  } catch (error) {
    if (error instanceof CryptoError) throw rejected(error)
    throw error
  }
}

/** Whether the certificate is in its period; the rest of `checkMember` does not change with time. */
export function isInPeriod(member: Member, atMs: number): boolean {
  return atMs >= member.certificate.notBeforeMs && atMs <= member.certificate.notAfterMs
}

/** The role that the organisation's CA certified; undefined if none that we know. */
export function roleOf(certificate: Pick<Certificate, 'attributes'>): Role | undefined {
  return parseRole(certificate.attributes[ROLE_ATTRIBUTE])
}

export function parseRole(value: string | null | undefined): Role | undefined {
  return ROLES.find((role) => role === value)
}

/** The participant reference that the organisation's CA certified; undefined if absent or not one. */
export function parseRef(value: string | null | undefined): ParticipantRef | undefined {
  try {
    return participantRefShape(value, 'reference')
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

function rejected(cause?: unknown): LedgerError {
  return new LedgerError('LEDGER_IDENTITY_REJECTED', 'not a certificate of a member', { cause })
}
