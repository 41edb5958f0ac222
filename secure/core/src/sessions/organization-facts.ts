/**
 * An organisation's endorsed policy as sessions ask it: one look-up for a participant instead of a search through
 * thousands, made once for each answer of the ledger.
 *
 * @module
 */
import { decodeBase64url } from '../../../../shared/crypto/src/index.ts'
import type { OrganizationPolicy } from '../../../../shared/ledger-model/src/participants.ts'
import type { OrganizationFacts } from './client.ts'

const KNOWN = new WeakMap<OrganizationPolicy, OrganizationFacts>()

export function organizationFacts(policy: OrganizationPolicy): OrganizationFacts {
  const known = KNOWN.get(policy)
  if (known !== undefined) return known
  const participants = new Map(policy.participants.map((participant) => [participant.ref as string, participant]))
  const facts: OrganizationFacts = {
    mspId: policy.mspId,
    findParticipant(ref) {
      const participant = participants.get(ref)
      if (participant === undefined) return undefined
      return { isActive: participant.status === 'active', publicKey: decodeBase64url(participant.publicKey) }
    },
    revokedSerials: new Set(policy.revokedSerials),
  }
  KNOWN.set(policy, facts)
  return facts
}
